// SPDX-License-Identifier: Apache-2.0
'use strict';
// What both fake APIs stand on: listeners that a lie can close, bodies, answers in chunks.

const http = require('http');
const https = require('https');

const BODY_MAX = 4 << 20;

function readBody(request) {
    return new Promise((resolve, reject) => {
        const pieces = [];
        let size = 0;
        request.on('data', (piece) => {
            size += piece.length;
            if (size > BODY_MAX) reject(new Error('the request is too large'));
            else pieces.push(piece);
        });
        request.on('end', () => resolve(Buffer.concat(pieces)));
        request.on('error', reject);
    });
}

// Sends `body` (an object) as JSON. Without a length, so that it goes out in chunks, as both APIs do.
function send(response, status, body, type = 'application/json') {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'Content-Type': type });
    for (let at = 0; at < text.length; at += 16384) response.write(text.slice(at, at + 16384));
    response.end();
}

// The beginning of an answer, and then the end of its connection.
function sendHalf(response, body) {
    const text = JSON.stringify(body);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
}

class Server {
    // handle(request, url, response, send): answers honestly, or throws. `tls`: { key, cert } or null.
    constructor({ handle, lies, tls }) {
        this.handle = handle;
        this.lies = lies;
        this.tls = tls;
        this.addresses = [];
        this.servers = [];
        this.sockets = new Set();
        this.asked = 0; // requests in all
        this.log = []; // of requests: { ms, from, method, path, status }, the last 10,000
    }

    async listen(host, port) {
        this.addresses.push({ host, port });
        await this.open(this.addresses.length - 1);
        return this.addresses[this.addresses.length - 1].port;
    }

    // To be called once after the first listen().
    obey() {
        this.lies.watch((kind) => (kind === 'gone' ? this.shut() : this.reopen()));
    }

    async open(i) {
        const take = (request, response) => this.take(request, response);
        const server = this.tls ? https.createServer(this.tls, take) : http.createServer(take);
        server.keepAliveTimeout = 30000;
        server.on('connection', (socket) => {
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
            socket.on('error', () => {});
        });
        server.on('tlsClientError', () => {});
        this.servers[i] = server;
        await new Promise((resolve, reject) => {
            server.once('error', reject);
            server.listen(this.addresses[i].port, this.addresses[i].host, resolve);
        });
        this.addresses[i].port = server.address().port;
    }

    reopen() {
        this.addresses.forEach((address, i) => {
            if (!this.servers[i]) this.open(i).catch((error) => console.error(`fake API: ${error.message}`));
        });
    }

    shut() {
        for (const server of this.servers) if (server) server.close();
        this.servers = this.addresses.map(() => null);
        for (const socket of this.sockets) socket.destroy();
    }

    note(request, response, begin) {
        this.asked++;
        this.log.push({ ms: begin, from: request.socket.remoteAddress, method: request.method, path: request.url,
            status: response.statusCode });
        if (this.log.length > 10000) this.log.shift();
    }

    async take(request, response) {
        const begin = Date.now();
        response.on('close', () => this.note(request, response, begin));
        try {
            const url = new URL(request.url, 'http://fake');
            request.body = await readBody(request);
            if (this.lies.kind === 'silent') return;
            if (this.lies.delayMs) await new Promise((resolve) => setTimeout(resolve, this.lies.delayMs));
            const answer = this.lies.kind === 'broken' ? (r, status, body) => sendHalf(r, body) : send;
            await this.handle(request, url, response, answer);
        } catch (error) {
            const theirs = error instanceof SyntaxError; // a body that is not JSON, such as protobuf
            if (!response.headersSent) send(response, theirs ? 415 : 500, { message: error.message });
            else response.destroy();
            if (!theirs) console.error(error);
        }
    }
}

module.exports = { Server };
