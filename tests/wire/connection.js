// SPDX-License-Identifier: Apache-2.0
'use strict';
// One connection to the daemon: TCP, then TLS in the same socket, and what has come of answers.

const net = require('net');
const tls = require('tls');

const plain = (address) => (net.isIPv6(address) ? new URL(`http://[${address}]`).hostname : address);

// Node.js's own check, but for addresses: some releases (Debian 13's 20.19.2+dfsg-1+deb13u3 is one) refuse every IPv6
// address, whatever the certificate says.
function checkServerIdentity(host, certificate) {
    if (!net.isIP(host)) return tls.checkServerIdentity(host, certificate);
    const addresses = (certificate.subjectaltname || '').split(', ').filter((name) => name.startsWith('IP Address:'))
        .map((name) => plain(name.slice('IP Address:'.length)));
    return addresses.includes(plain(host)) ? undefined
        : new Error(`the certificate is for ${addresses.join(', ') || 'no address'}, not for ${host}`);
}

const WITHIN_MS = 60000; // of one answer, one handshake, one connect: for what hangs, not for what is slow

class Connection {
    // peer: { host, port, ca }; identity: { cert, key }
    constructor(peer) {
        this.peer = peer;
        this.got = Buffer.alloc(0);
        this.ended = undefined; // 'closed', 'reset', or what else went wrong
        this.wake = () => {};
        this.sentAt = this.gotAt = 0;
    }

    async open() {
        const socket = net.connect({ host: this.peer.host, port: this.peer.port, noDelay: true });
        this.tcp = socket;
        this.attach(socket);
        let connected = false;
        socket.once('connect', () => { connected = true; this.wake(); });
        if (!await this.until(() => connected)) throw new Error(`cannot connect: ${this.ended}`);
    }

    // The handshake. That it failed is known by how the connection ended.
    async secure(identity) {
        const { host, ca } = this.peer;
        this.socket.removeAllListeners();
        this.socket.on('error', () => {});
        const secured = tls.connect({ socket: this.socket, host, ca, checkServerIdentity, ...identity });
        this.attach(secured);
        let done = false;
        secured.once('secureConnect', () => { done = true; this.wake(); });
        await this.until(() => done);
    }

    attach(socket) {
        this.socket = socket;
        socket.on('data', (data) => {
            this.got = Buffer.concat([this.got, data]);
            this.gotAt = performance.now();
            this.wake();
        });
        const end = (why) => {
            this.ended = this.ended || why;
            this.wake();
        };
        socket.on('end', () => end('closed'));
        socket.on('error', (err) => end(err.code === 'ECONNRESET' ? 'reset' : `${err.code || ''} ${err.message}`));
        socket.on('close', () => end('closed'));
    }

    // True when `f` became true; false when the connection ended or the time is over before.
    until(f, withinMs = WITHIN_MS) {
        return new Promise((resolve) => {
            const finish = (result) => {
                this.wake = () => {};
                clearTimeout(timer);
                resolve(result);
            };
            this.wake = () => {
                if (f()) finish(true);
                else if (this.ended) finish(false);
            };
            const timer = setTimeout(() => finish(false), withinMs);
            this.wake();
        });
    }

    write(bytes) {
        return new Promise((resolve) => {
            if (this.ended) resolve();
            this.socket.once('close', resolve);
            this.socket.write(bytes, () => {
                this.socket.off('close', resolve);
                resolve();
            });
        });
    }

    // In pieces of so many bytes, each in a record of its own.
    async send(bytes, piece) {
        for (let at = 0; at < bytes.length; at += piece) await this.write(bytes.subarray(at, at + piece));
        this.sentAt = performance.now();
    }

    takeBytes(n) {
        const bytes = this.got.subarray(0, n);
        this.got = this.got.subarray(n);
        return bytes;
    }

    // The next n bytes, or fewer when no more come.
    async bytes(n) {
        await this.until(() => this.got.length >= n);
        return this.takeBytes(n);
    }

    hasFrame() {
        return this.got.length >= 4 && this.got.length >= 4 + this.got.readUInt32BE();
    }

    // { code, body }, or nothing when none comes.
    async frame() {
        if (!await this.until(() => this.hasFrame())) return undefined;
        const bytes = this.takeBytes(4 + this.got.readUInt32BE());
        return { code: bytes[4], body: bytes.subarray(5) };
    }

    // What is there in place of a frame.
    lack() {
        if (this.got.length) return `hex ${this.got.subarray(0, 200).toString('hex')}`;
        return this.ended || `nothing within ${WITHIN_MS} ms`;
    }

    close() {
        this.socket.end();
        return this.until(() => false);
    }

    // Without a goodbye: what is under way is cut.
    reset() {
        this.tcp.resetAndDestroy();
        this.socket.destroy();
        return this.until(() => false);
    }

    destroy() {
        this.socket.destroy();
    }
}

module.exports = { Connection, checkServerIdentity };
