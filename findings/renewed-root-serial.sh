#!/usr/bin/env bash
# Seen 2026-11-30: OpenSSL 3.0.19 (Debian 12) and Node.js 20.20.2; node-forge 1.3.1 (npm) for comparison.
#
# Guess: a root that is renewed with its old name and key takes over for the old one: all that the old one signed is still
#        good, because the signature and the issuer's name are.
# Seen:  not where the old root has no subject key identifier (F5's openssl recipe makes such: X.509 v1) and the certificate
#        was signed with the usual line "authorityKeyIdentifier = keyid,issuer". For want of a key identifier OpenSSL writes
#        the root's name and serial number instead, and later takes no root with another serial number: error 20, "unable to
#        get local issuer certificate", which says nothing of a serial number. node-forge does not compare it. A root with a
#        subject key identifier makes no such bond.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-save --silent --no-audit --no-fund --ignore-scripts node-forge@1.3.1 >/dev/null

openssl genrsa -out root.key 2048 2>/dev/null
openssl req -new -key root.key -subj /CN=rootCA -out root.csr
openssl x509 -req -days 365 -in root.csr -signkey root.key -out old.crt 2>/dev/null
printf 'basicConstraints = critical, CA:TRUE\n' >root.ext
openssl x509 -req -days 365 -in root.csr -signkey root.key -extfile root.ext -out new.crt 2>/dev/null
openssl genrsa -out leaf.key 2048 2>/dev/null
openssl req -new -key leaf.key -subj /CN=leaf -out leaf.csr
printf 'authorityKeyIdentifier = keyid,issuer\n' >leaf.ext
openssl x509 -req -days 30 -in leaf.csr -CA old.crt -CAkey root.key -CAcreateserial -extfile leaf.ext -out leaf.crt 2>/dev/null

cat >seen.js <<'END'
const { execFileSync } = require('child_process');
const { X509Certificate } = require('crypto');
const fs = require('fs');
const forge = require('node-forge');
const pem = (name) => fs.readFileSync(name, 'utf8');

function openssl(root) {
    try {
        return execFileSync('openssl', ['verify', '-CAfile', root, 'leaf.crt'], { stdio: 'pipe' }).toString().trim();
    } catch (err) {
        return /error \d+/.exec(err.stderr.toString() + err.stdout.toString())[0];
    }
}

function byForge(root) {
    const store = forge.pki.createCaStore([pem(root)]);
    return forge.pki.verifyCertificateChain(store, [forge.pki.certificateFromPem(pem('leaf.crt'))]);
}

const leaf = new X509Certificate(pem('leaf.crt'));
const seen = ['old.crt', 'new.crt'].map((name) => {
    const root = new X509Certificate(pem(name));
    return [name, openssl(name), leaf.verify(root.publicKey), leaf.checkIssued(root), byForge(name)].join(' ');
});
const wanted = ['old.crt leaf.crt: OK true true true', 'new.crt error 20 true false true'];
console.log(seen.join('\n'));
if (seen.join() !== wanted.join()) {
    console.log(`changed: it was\n${wanted.join('\n')}`);
    process.exit(1);
}
END
NODE_PATH=$dir/node_modules node seen.js
