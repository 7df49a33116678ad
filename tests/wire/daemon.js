// SPDX-License-Identifier: Apache-2.0
'use strict';
// Certificates by F5's recipe, and a daemon of the test's own: an address that no other node has, a free port, no
// configuration but the flags given, and nothing left of it afterwards.

const { execFile, execFileSync, spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const path = require('path');

// For what hangs, not for what is slow.
const START_WITHIN_MS = 120000;
const STOP_WITHIN_MS = 60000;
const LOG_SHOWN = 4000;

// --- certificates ---

function openssl(dir, ...args) {
    return execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function request(dir, name, cn) {
    openssl(dir, 'genrsa', '-out', `${name}.key`, '2048');
    openssl(dir, 'req', '-new', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${cn}`);
}

// OpenSSL 3.2 and later make a v3 root of the recipe that no client takes for a CA; there, it gets the one extension
// that says so.
function makeRoot(dir) {
    const sign = ['x509', '-req', '-days', '365', '-in', 'rootCA.csr', '-signkey', 'rootCA.key', '-out', 'rootCA.crt'];
    request(dir, 'rootCA', 'rootCA');
    openssl(dir, ...sign);
    if (openssl(dir, 'x509', '-in', 'rootCA.crt', '-noout', '-text').includes('Version: 1 ')) return;
    fs.writeFileSync(path.join(dir, 'rootCA.ext'), 'basicConstraints = critical, CA:TRUE\n');
    openssl(dir, ...sign, '-extfile', 'rootCA.ext');
}

function makeUser(dir, name) {
    request(dir, name, name);
    openssl(dir, 'x509', '-req', '-days', '365', '-in', `${name}.csr`, '-CA', 'rootCA.crt', '-CAkey', 'rootCA.key',
        '-CAcreateserial', '-out', `${name}.crt`);
}

// In `dir`: a root, and a certificate for each user. { ca, identities: { NAME: { cert, key } } }
exports.makeCertificates = (dir, users) => {
    const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
    makeRoot(dir);
    const identities = {};
    for (const user of users) {
        makeUser(dir, user);
        identities[user] = { cert: read(`${user}.crt`), key: read(`${user}.key`) };
    }
    return { ca: read('rootCA.crt'), identities };
};

// --- the daemon ---

function listenAnywhere(host) {
    return new Promise((resolve, reject) => {
        const server = net.createServer().on('error', reject);
        server.listen(0, host, () => resolve(server));
    });
}

// Different ones: all are held until the last is found.
async function freePorts(host, count) {
    const servers = [];
    for (let i = 0; i < count; i++) servers.push(await listenAnywhere(host));
    const ports = servers.map((server) => server.address().port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    return ports;
}

const limited = (promise, withinMs, what) => {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`the daemon did not ${what} within ${withinMs} ms`)), withinMs);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

class Daemon {
    constructor(program, host, dir) {
        Object.assign(this, { program, host, dir, log: '' });
    }

    environment() {
        const env = Object.entries(process.env).filter(([name]) => name.endsWith('SAN_OPTIONS'));
        return { ...Object.fromEntries(env), HOST: this.host, ORCHESTRATION: 'none' };
    }

    // Several daemons share one address, so each has three ports of its own.
    async choosePorts() {
        [this.port, this.epmd, this.handoff] = await freePorts(this.host, 3);
    }

    // options: ['--NAME VALUE', ...]
    async start(options) {
        const args = [`--listen ${this.host}`, `--proto-port ${this.port}`, `--epmd-port ${this.epmd}`,
            `--handoff-port ${this.handoff}`, `--root-ca-cert ${this.dir}/rootCA.crt`, `--root-ca-key ${this.dir}/rootCA.key`, ...options]
            .flatMap((option) => /^(\S+) (.*)$/.exec(option).slice(1));
        this.child = spawn(this.program, args, { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
        this.ended = new Promise((resolve, reject) => {
            this.child.on('error', reject);
            this.child.on('close', (status, signal) => resolve(signal || status));
        });
        const ready = new Promise((resolve) => {
            const listen = (data) => {
                this.log += data;
                if (this.log.includes(' ready: ') && this.log.includes('serving clients on')) resolve('ready');
            };
            this.child.stdout.on('data', listen);
            this.child.stderr.on('data', listen);
        });
        const first = await limited(Promise.race([ready, this.ended]), START_WITHIN_MS, 'start');
        if (first !== 'ready') throw new Error(`the daemon ended while it started: ${first}`);
    }

    get runs() {
        return this.child && this.child.exitCode === null && this.child.signalCode === null;
    }

    // By SIGTERM, with status 0 (a leak that a sanitizer found would be another), with nothing to complain of.
    async stop() {
        this.child.kill('SIGTERM');
        const status = await limited(this.ended, STOP_WITHIN_MS, 'end by SIGTERM');
        if (status !== 0) throw new Error(`the daemon ended with ${status}`);
        this.checkLog();
    }

    checkLog() {
        const errors = this.log.split('\n').filter((line) => /^\S+ error /.test(line));
        if (errors.length) throw new Error(`the daemon logged errors:\n${errors.join('\n')}`);
    }

    kill() {
        if (this.runs) this.child.kill('SIGKILL');
    }

    lastLog() {
        return this.log.slice(-LOG_SHOWN);
    }
}

// So many daemons at the hosts given, of which the last is spoken to: another one leads most of what there is.
class Cluster {
    constructor(program, hosts, dir) {
        this.daemons = hosts.map((host) => new Daemon(program, host, dir));
    }

    get spoken() {
        return this.daemons[this.daemons.length - 1];
    }

    get host() {
        return this.spoken.host;
    }

    get port() {
        return this.spoken.port;
    }

    async start(options) {
        for (const daemon of this.daemons) await daemon.choosePorts();
        const peers = this.daemons.map(({ host, epmd }) => `${host}:${epmd}`);
        // Nobody is sent away for taking long: a failed login is answered after five seconds, and the machine may be slow.
        // Nor does a node lose its lease or its lead, which clients would be told.
        const cluster = peers.length > 1 ? [`--peers ${peers}`, '--election-ms 900', '--lease-ms 20000'] : [];
        const all = [`--cluster-size ${peers.length}`, ...cluster, '--handshake-timeout-ms 60000', ...options];
        await Promise.all(this.daemons.map((daemon) => daemon.start(all)));
    }

    // What ephemeralctl says when it fails; undefined: it did not.
    operate(words, input) {
        const { program, dir, host, port } = this.spoken;
        const args = [...words, '--host', host, '--port', port, '--user', 'operator',
            '--root-ca-cert', `${dir}/rootCA.crt`, '--root-ca-key', `${dir}/rootCA.key`];
        return new Promise((resolve) => {
            const child = execFile(path.join(path.dirname(program), 'ephemeralctl'), args,
                (err, out, text) => resolve(err ? text || err.message : undefined));
            child.stdin.on('error', () => {}); // it has ended, or needs no input: its status says how it went
            child.stdin.end(input);
        });
    }

    get runs() {
        return this.daemons.every(({ runs }) => runs);
    }

    async stop() {
        if (this.daemons.length === 1) return this.spoken.stop();
        // Nodes that leave one after the other hand over all they have each time, which other tests wait for.
        for (const daemon of this.daemons) daemon.checkLog();
        this.kill();
    }

    kill() {
        for (const daemon of this.daemons) daemon.kill();
    }

    lastLog() {
        return this.daemons.map((daemon) => daemon.lastLog()).join('\n');
    }
}

exports.Cluster = Cluster;
