// SPDX-License-Identifier: Apache-2.0
'use strict';
// One TLS connection of a user. `save` keeps its session in FILE; `resume` offers that one. Says whether the session was
// resumed, and whether the user was let in (riak-protocol.md section 15).
//
//   tickets.js save|resume FILE VERSION CERTS USER HOST

const fs = require('fs');
const tls = require('tls');

const [word, file, version, certs, user, host] = process.argv.slice(2);
const AUTH_REQ = 253;
const AUTH_RESP = 254;

function field(number, text) {
    return Buffer.concat([Buffer.from([number << 3 | 2, text.length]), Buffer.from(text)]);
}

function frame(code, body) {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head[4] = code;
    return Buffer.concat([head, body]);
}

const socket = tls.connect({
    host,
    port: 8087,
    ca: fs.readFileSync(`${certs}/rootCA.crt`),
    cert: fs.readFileSync(`${certs}/${user}.crt`),
    key: fs.readFileSync(`${certs}/${user}.key`),
    minVersion: version,
    maxVersion: version,
    checkServerIdentity: () => undefined,
    session: word === 'resume' ? fs.readFileSync(file) : undefined,
}, () => socket.write(frame(AUTH_REQ, Buffer.concat([field(1, user), field(2, 'x')]))));

let session;
let code;

function done() {
    if (code === undefined || (word === 'save' && !session))
        return;
    if (word === 'save')
        fs.writeFileSync(file, session);
    console.log(`${socket.isSessionReused() ? 'resumed' : 'full'}, ${code === AUTH_RESP ? 'let in' : 'refused'}`);
    socket.destroy();
}

socket.on('session', (s) => {
    session = s;
    done();
});
socket.on('data', (bytes) => {
    if (code === undefined && bytes.length >= 5)
        code = bytes[4];
    done();
});
socket.on('error', (e) => {
    console.log(`error: ${e.message}`);
    process.exit(1);
});
