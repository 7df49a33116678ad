#!/usr/bin/env bash
# Seen 2026-11-30: OpenSSL 3.0.19 (Debian 12), Node.js 20.20.2; Python 3.11.7 does the same (not run here).
#
# Guess: a client that trusts two roots accepts what either has signed, whatever their names and their order in the file.
# Seen:  not where both roots have the same name (F5's openssl recipe calls each one rootCA) and the certificate has no
#        authority key identifier (by that recipe with OpenSSL up to 3.1 it has none). OpenSSL takes the first root in the
#        file that has the issuer's name and is valid now, and does not try the other: error 7, "certificate signature
#        failure". With the file in the other order the same certificate is good.
#        So a second root needs a name of its own, or both need key identifiers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

for one in old new; do
    openssl genrsa -out $one.key 2048 2>/dev/null
    openssl req -new -key $one.key -subj /CN=rootCA -out $one.csr
    openssl x509 -req -days 365 -in $one.csr -signkey $one.key -out $one.crt 2>/dev/null
done
openssl genrsa -out leaf.key 2048 2>/dev/null
openssl req -new -key leaf.key -subj /CN=localhost -out leaf.csr
openssl x509 -req -days 30 -in leaf.csr -CA old.crt -CAkey old.key -CAcreateserial -out leaf.crt 2>/dev/null
openssl x509 -in leaf.crt -noout -text | grep -q 'Version: 1 ' || {
    echo 'this OpenSSL makes X.509 v3 certificates by the recipe, with key identifiers: not shown'
    exit 0
}
cat old.crt new.crt >old-first.pem
cat new.crt old.crt >new-first.pem

cat >seen.js <<'END'
const tls = require('tls'), fs = require('fs');
const { spawnSync } = require('child_process');
const pem = (name) => fs.readFileSync(name, 'utf8');
const server = tls.createServer({ key: pem('leaf.key'), cert: pem('leaf.crt') }, (socket) => socket.end());
server.on('tlsClientError', () => {});
const node = (ca, port) => new Promise((done) => {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: pem(ca), checkServerIdentity: () => undefined }, () => done('ok'));
    socket.on('error', (error) => done(error.code));
});
server.listen(0, '127.0.0.1', async () => {
    const seen = [], { port } = server.address();
    for (const ca of ['old-first.pem', 'new-first.pem']) {
        const verify = spawnSync('openssl', ['verify', '-CAfile', ca, 'leaf.crt'], { encoding: 'utf8' });
        const code = /error \d+/.exec(verify.stderr + verify.stdout);
        seen.push(`${ca}: openssl ${code ? code[0] : 'ok'}, Node.js ${await node(ca, port)}`);
    }
    const wanted = ['old-first.pem: openssl ok, Node.js ok', 'new-first.pem: openssl error 7, Node.js CERT_SIGNATURE_FAILURE'];
    console.log(seen.join('\n'));
    if (seen.join() !== wanted.join())
        console.log(`changed: it was\n${wanted.join('\n')}`);
    process.exit(seen.join() === wanted.join() ? 0 : 1);
});
END
node seen.js
