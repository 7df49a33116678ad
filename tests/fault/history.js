// SPDX-License-Identifier: Apache-2.0
'use strict';
// Writes down what an unmodified Riak client sees (basho-riak-client), in the form of tests/history/history.h, until
// SIGTERM. Two workers for each node, each with a connection of its own.
//
//   node history.js FILE HOST,...        EPHEMERAL_CERTS names the folder with rootCA.crt and myuser.*

const fs = require('fs');
const path = require('path');
const tls = require('tls');
const Riak = require('basho-riak-client');
const logger = require('winston');

logger.remove(logger.transports.Console);
tls.DEFAULT_MAX_VERSION = 'TLSv1.2';

const [file, hosts] = [process.argv[2], process.argv[3].split(',')];
const pem = (name) => fs.readFileSync(path.join(process.env.EPHEMERAL_CERTS, name), 'utf8');
const identity = { user: 'myuser', ca: pem('rootCA.crt'), cert: pem('myuser.crt'), key: pem('myuser.key') };

const KEYS = 20;
const WAIT_MS = 3000; // for an answer
const THINK_MS = 30;
const BUCKET = `history-${process.pid}`;

const out = fs.createWriteStream(file);
const now = () => process.hrtime.bigint() / 1000n;
let values = 0;
let stopping = false;
const told = {};

const any = (n) => Math.floor(Math.random() * n);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What an error says of what was asked: the store's texts of src/riak/error_reply.c. Anything else leaves it unknown.
function outcomeOf(kind, text) {
    if (kind === 'create' && text.includes('match_found')) return 'exists';
    if (kind === 'cas' && /\bmodified/.test(text)) return 'modified';
    if (kind === 'cas' && text.includes('notfound')) return 'absent';
    return /had no effect|overload|unavailable/.test(text) ? 'failed' : 'unknown';
}

function connect(host) {
    const node = new Riak.Node({ remoteAddress: host, remotePort: 8087, minConnections: 1, maxConnections: 1,
        connectionTimeout: 5000, requestTimeout: WAIT_MS + 2000, auth: identity });
    const cluster = new Riak.Cluster({ nodes: [node], executionAttempts: 1, queueCommands: false });
    return new Promise((resolve) => {
        const client = new Riak.Client(cluster, () => resolve(client));
    });
}

// Resolves to { text } for an error, else to { found }.
const call = (client, method, options) => new Promise((resolve) => {
    client[method]({ bucket: BUCKET, timeout: WAIT_MS, ...options }, (err, found, data) =>
        resolve(err ? { text: String(data && data.msg || err) } : { found }));
});

function request(kind, key, value, seen) {
    const body = new Riak.Commands.KV.RiakObject();
    body.setValue(value || '');
    body.setContentType('text/plain');
    switch (kind) {
    case 'put': return ['storeValue', { key, value: body }];
    case 'create': return ['storeValue', { key, value: body, ifNoneMatch: true }];
    case 'cas': return ['storeValue', { key, value: body, ifNotModified: true, vclock: seen.vclock }];
    case 'delete': return ['deleteValue', { key }];
    case 'get1': return ['fetchValue', { key, r: 1 }];
    default: return ['fetchValue', { key }];
    }
}

function pick(seen) {
    const at = any(100);
    const kind = at < 22 ? 'put' : at < 38 ? 'create' : at < 54 ? 'cas' : at < 62 ? 'delete' : at < 90 ? 'get' : 'get1';
    return kind === 'cas' && !seen ? 'get' : kind;
}

async function one(worker, client, memory) {
    const key = `key-${any(KEYS)}`;
    const seen = memory.get(key);
    const kind = pick(seen);
    const writes = kind === 'put' || kind === 'create' || kind === 'cas';
    let value = writes ? `v${++values}` : '-';
    const begin = now();
    const { text, found } = await call(client, ...request(kind, key, value, seen));
    let outcome = text === undefined ? 'ok' : outcomeOf(kind, text);
    let revision = '-';
    memory.delete(key);
    if (outcome === 'ok' && kind.startsWith('get')) {
        const object = found.values[0];
        outcome = object ? 'ok' : 'absent';
        value = object ? object.value.toString() : '-';
        if (object) {
            memory.set(key, { value, vclock: found.vclock });
            revision = found.vclock.toString('hex');
        }
    }
    if (text !== undefined && outcome === 'unknown') told[text] = (told[text] || 0) + 1;
    const end = outcome === 'unknown' ? '-' : now();
    // The client may have connected again, and was then shown nothing yet by this connection.
    const name = kind === 'get1' ? `w${worker}-${begin}` : `w${worker}`;
    out.write(`${name} ${begin} ${end} ${kind} ${key} ${value} ${kind === 'cas' ? seen.value : '-'} ${outcome} ${revision}\n`);
}

async function work(worker, host) {
    const client = await connect(host);
    const memory = new Map();
    while (!stopping) {
        await one(worker, client, memory);
        await sleep(any(THINK_MS));
    }
    await new Promise((resolve) => client.stop(resolve));
}

process.on('SIGTERM', () => { stopping = true; });
Promise.all([...hosts, ...hosts].map((host, i) => work(i, host))).then(() => out.end(() => {
    for (const text of Object.keys(told)) console.log(`${told[text]} times: ${text}`);
    process.exit(0);
}));
console.log('recording');
