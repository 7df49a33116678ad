// SPDX-License-Identifier: Apache-2.0
'use strict';
// A client that says anything, reads as fast or as slowly as it is told, and keeps nothing of what comes but its length
// and its beginning: for the tests of limits.

const fs = require('fs');
const net = require('net');
const path = require('path');
const tls = require('tls');

const CODE = { error: 0, ping: 1, get: 9, put: 11, listBuckets: 15, listKeys: 17, mapred: 23, index: 25, auth: 253 };
const KEPT = 256; // bytes of an answer

function varint(n) {
    const out = [];
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    out.push(n);
    return Buffer.from(out);
}

const number = (field, n) => Buffer.concat([varint(field * 8), varint(n)]);

function bytes(field, value) {
    const b = Buffer.from(value);
    return Buffer.concat([varint(field * 8 + 2), varint(b.length), b]);
}

function head(code, length) {
    const b = Buffer.alloc(5);
    b.writeUInt32BE(length + 1);
    b[4] = code;
    return b;
}

function frame(code, ...fields) {
    const body = Buffer.concat(fields);
    return Buffer.concat([head(code, body.length), body]);
}

function identity(certs, user) {
    const read = (name) => fs.readFileSync(path.join(certs, name));
    return { ca: read('rootCA.crt'), cert: read(`${user}.crt`), key: read(`${user}.key`), user };
}

// Connections on which `says` is all that is said: so many, made again when they are closed.
class Strangers {
    constructor(host, count, says, localAddress) {
        this.sockets = new Set();
        this.stood = 0;
        this.make = () => {
            if (this.over) return;
            const s = net.connect({ host, port: 8087, localAddress });
            this.sockets.add(s);
            s.once('connect', () => {
                this.stood++;
                if (says) s.write(says);
                if (this.stood === count) this.all();
            });
            s.on('error', () => {});
            s.once('close', () => {
                this.sockets.delete(s);
                setTimeout(this.make, 200);
            });
        };
        this.standing = new Promise((resolve) => { this.all = resolve; });
        for (let i = 0; i < count; i++) setTimeout(this.make, i / 4);
    }

    // So many have been made; those that no place is for are closed, or wait.
    stand() {
        return Promise.race([this.standing, new Promise((resolve) => { setTimeout(resolve, 5000); })]);
    }

    end() {
        this.over = true;
        for (const s of this.sockets) s.destroy();
    }
}

class Client {
    constructor() {
        this.wanted = []; // for each request that is not answered: who waits for it
        this.part = Buffer.alloc(0);
        this.skip = 0;
        this.ended = undefined;
        this.received = 0;
    }

    static open(host, who) {
        const c = new Client();
        return new Promise((resolve, reject) => {
            c.socket = tls.connect({ host, port: 8087, ca: who.ca, cert: who.cert, key: who.key,
                checkServerIdentity: () => undefined });
            c.socket.setNoDelay(true);
            c.socket.on('data', (data) => c.take(data));
            c.socket.on('error', (err) => c.end(err.code || err.message));
            c.socket.on('close', () => c.end('closed'));
            c.socket.once('secureConnect', () => {
                c.ask(frame(CODE.auth, bytes(1, who.user), bytes(2, ''))).then(() => resolve(c), reject);
            });
            c.refuse = reject;
        });
    }

    end(why) {
        if (this.ended) return;
        this.ended = why;
        this.refuse(new Error(why));
        for (const w of this.wanted) w.reject(new Error(why));
        this.wanted = [];
    }

    // Streamed answers end with one that says done, which they all do by their last two bytes.
    isLast(w, code, length, last) {
        return code === CODE.error || !w.streamed || (length >= 2 && last.slice(-2).toString('hex') === w.streamed);
    }

    take(data) {
        this.received += data.length;
        let b = this.part.length ? Buffer.concat([this.part, data]) : data;
        for (;;) {
            if (this.now) { // in the middle of an answer
                const n = Math.min(b.length, this.now.left);
                if (this.now.kept.length < KEPT) this.now.kept = Buffer.concat([this.now.kept, b.subarray(0, Math.min(n, KEPT))]);
                if (n) this.now.last = Buffer.concat([this.now.last, b.subarray(Math.max(0, n - 2), n)]).slice(-2);
                this.now.left -= n;
                b = b.subarray(n);
                if (this.now.left) break;
                const { code, kept, last, length } = this.now;
                this.now = undefined;
                const w = this.wanted[0];
                if (w && this.isLast(w, code, length, last)) {
                    this.wanted.shift();
                    w.resolve({ code, kept, length, error: code === CODE.error ? errorText(kept) : undefined });
                }
            }
            if (b.length < 5) break;
            const length = b.readUInt32BE(0) - 1;
            this.now = { code: b[4], length, left: length, kept: Buffer.alloc(0), last: Buffer.alloc(0) };
            b = b.subarray(5);
        }
        this.part = Buffer.from(b);
    }

    // streamed: the last two bytes of the last answer, in hex.
    ask(request, streamed) {
        return new Promise((resolve, reject) => {
            if (this.ended) {
                reject(new Error(this.ended));
                return;
            }
            this.wanted.push({ resolve, reject, streamed });
            this.socket.write(request);
        });
    }

    close() {
        this.socket.destroy();
    }
}

// RpbErrorResp: errmsg is its first field.
function errorText(kept) {
    let at = 1;
    while (kept[at] & 128) at++;
    return kept.subarray(at + 1).toString('latin1').replace(/[^ -~].*$/s, '');
}

const put = (bucket, key, value) =>
    frame(CODE.put, bytes(1, bucket), bytes(2, key), bytes(4, bytes(1, value)));
const putWithin = (bucket, key, value, ms) =>
    frame(CODE.put, bytes(1, bucket), bytes(2, key), bytes(4, bytes(1, value)), number(12, ms));
const get = (bucket, key) => frame(CODE.get, bytes(1, bucket), bytes(2, key));
const ping = () => frame(CODE.ping);
const index = (bucket, ...more) => frame(CODE.index, bytes(1, bucket), bytes(2, '$bucket'), number(3, 0), bytes(4, bucket), ...more);
const listKeys = (bucket) => frame(CODE.listKeys, bytes(1, bucket));
const listBuckets = () => frame(CODE.listBuckets);
const mapred = (job) => frame(CODE.mapred, bytes(1, typeof job === 'string' ? job : JSON.stringify(job)), bytes(2, 'application/json'));

module.exports = { Strangers, Client, identity, put, putWithin, get, ping, index, listKeys, listBuckets, mapred, head, frame, bytes, number, CODE };
