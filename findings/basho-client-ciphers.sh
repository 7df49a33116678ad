#!/usr/bin/env bash
# Seen 2026-11-30: basho-riak-client 2.4.0 (npm, the last release) under Node.js 20.20.2.
#
# Guess: it sets a list of suites for Erlang R16 (TLS 1.2, no ECDHE, no GCM), which no option changes; so that is all it
#        offers, and a server without those suites refuses it.
# Seen:  Node.js takes such a list for TLS 1.2 alone. The ClientHello offers TLS 1.3 with its three suites first, then the
#        list. So a server with TLS 1.3 needs no old suites for this client; one with TLS 1.2 alone and ECDHE suites, which
#        serves every other client, refuses it.
#
# The server here only answers RpbStartTls and reads the ClientHello.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-save --silent --no-audit --no-fund --ignore-scripts basho-riak-client@2.4.0 >/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=someone -keyout key.pem -out cert.pem 2>/dev/null

cat >seen.js <<'END'
const fs = require('fs');
const net = require('net');
const Riak = require('basho-riak-client');
const START_TLS = Buffer.from([0, 0, 0, 1, 255]);
// TLS 1.3's (RFC 8446, B.4); DHE-RSA and RSA with AES-CBC (RFC 5246, A.5); the last one announces secure renegotiation.
const EXPECTED = ['1302', '1303', '1301', '0067', '0033', '006b', '0039', '003c', '002f', '003d', '0035', '00ff'];

function fail(text) {
    console.log(`changed: ${text}`);
    process.exit(1);
}

// { suites, versions } of the ClientHello in one TLS record.
function helloOf(record) {
    let at = 5 + 4 + 2 + 32;
    at += 1 + record[at];
    const suites = [];
    const end = at + 2 + record.readUInt16BE(at);
    for (at += 2; at < end; at += 2) suites.push(record.subarray(at, at + 2).toString('hex'));
    at += 1 + record[at];
    const versions = [];
    for (at += 2; at + 4 <= record.length; at += 4 + record.readUInt16BE(at + 2))
        if (record.readUInt16BE(at) === 43) versions.push(record.subarray(at + 5, at + 4 + record.readUInt16BE(at + 2)).toString('hex'));
    return { suites, versions };
}

function look(got) {
    const { suites, versions } = helloOf(got);
    console.log(`offered: ${suites.join(' ')}; supported_versions: ${versions.join(' ') || 'not sent'}`);
    if (suites.join() !== EXPECTED.join()) fail(`the suites are others than ${EXPECTED.join(' ')}`);
    if (versions.join() !== '03040303') fail('the versions are others than TLS 1.3 and 1.2');
    process.exit(0);
}

const server = net.createServer((socket) => {
    let got = Buffer.alloc(0), started = false;
    socket.on('error', () => {});
    socket.on('data', (data) => {
        got = Buffer.concat([got, data]);
        if (!started && got.length >= 5) {
            if (!got.subarray(0, 5).equals(START_TLS)) fail('it does not begin with RpbStartTls');
            started = true;
            got = got.subarray(5);
            socket.write(START_TLS);
        }
        if (started && got.length >= 5 && got.length >= 5 + got.readUInt16BE(3)) look(got);
    });
});
server.listen(0, '127.0.0.1', () => {
    const pem = (name) => fs.readFileSync(name, 'utf8');
    const auth = { user: 'someone', ca: pem('cert.pem'), cert: pem('cert.pem'), key: pem('key.pem') };
    const node = new Riak.Node({ remoteAddress: '127.0.0.1', remotePort: server.address().port, auth });
    new Riak.Client(new Riak.Cluster({ nodes: [node] })).ping(() => {});
});
setTimeout(() => fail('no ClientHello came within 30 s'), 30000);
END
NODE_PATH=$dir/node_modules node seen.js
