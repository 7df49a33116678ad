// SPDX-License-Identifier: Apache-2.0
'use strict';
// A rolling restart under the load of an unmodified Riak client (basho-riak-client): CONNECTIONS of it, each with one
// request at a time, half puts, half gets, and no retries. Each connection belongs to one node, so that it is known
// whose requests fail: those through a node that is just being restarted, or others'. Prints what it saw as JSON.
//
//   node restart.js HOST,.. CONNECTIONS RESTART-COMMAND...    the command gets the number of a node, from 1 on
//
// Environment: EPHEMERAL_CERTS, the folder with rootCA.crt and myuser.*
const fs = require('fs');
const path = require('path');
const tls = require('tls');
const {execFile} = require('child_process');
const Riak = require('basho-riak-client');
const logger = require('winston');

logger.remove(logger.transports.Console);
tls.DEFAULT_MAX_VERSION = 'TLSv1.2'; // what the client's list of suites is for

const hosts = process.argv[2].split(',');
const connectionsEach = Math.max(1, Math.round(Number(process.argv[3]) / hosts.length));
const restart = process.argv.slice(4);
const pem = (name) => fs.readFileSync(path.join(process.env.EPHEMERAL_CERTS, name), 'utf8');
const auth = {user: 'myuser', ca: pem('rootCA.crt'), cert: pem('myuser.crt'), key: pem('myuser.key')};

const KEYS = 1000;
const REQUEST_WITHIN_MS = 20000;
const CONNECT_WITHIN_MS = 30000;
const AFTER_MS = 1000; // of load after the last restart
const REASONS_MAX = 5;
const WAIT_AFTER_FAILURE_MS = 100;
const value = Buffer.alloc(100, 'v');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const going = new Set(); // nodes that are being restarted
const seen = {operations: 0, failures: 0, failures_of_going: 0, longest_ms: 0};
let over = false;

function connect(host) {
    const node = new Riak.Node({remoteAddress: host, remotePort: 8087, minConnections: connectionsEach,
        maxConnections: connectionsEach, connectionTimeout: 5000, requestTimeout: REQUEST_WITHIN_MS, auth});
    const cluster = new Riak.Cluster({nodes: [node], executionAttempts: 1, queueCommands: false});
    return new Promise((resolve, reject) => {
        const client = new Riak.Client(cluster, (err) => err ? reject(new Error(String(err))) : resolve(client));
    });
}

// Resolves to the text of an error, or to undefined. Of a connection that closes, the client may forget what it was asked.
const ask = (client, put, key) => new Promise((resolve) => {
    const timer = setTimeout(resolve, REQUEST_WITHIN_MS, `no answer within ${REQUEST_WITHIN_MS} ms`);
    const done = (err, result, data) => {
        clearTimeout(timer);
        resolve(err ? String(data && data.msg || err) : undefined);
    };
    if (!put)
        return client.fetchValue({bucket: 'restart', key}, done);
    const body = new Riak.Commands.KV.RiakObject();
    body.setValue(value);
    body.setContentType('text/plain');
    client.storeValue({bucket: 'restart', key, value: body}, done);
});

function note(index, wasGoing, failure, tookMs) {
    if (failure === undefined) {
        seen.operations++;
        if (!wasGoing && !going.has(index))
            seen.longest_ms = Math.max(seen.longest_ms, tookMs);
    } else if (wasGoing || going.has(index)) {
        seen.failures_of_going++;
    } else if (seen.failures++ < REASONS_MAX) {
        console.error(`restart: a request through node ${index + 1} failed after ${Math.round(tookMs)} ms while ` +
            `${[...going].map((i) => i + 1).join(', ') || 'none'} restarted: ${failure}`);
    }
}

async function load(clients, index, first) {
    for (let i = first; !over; i++) {
        const wasGoing = going.has(index);
        const begun = process.hrtime.bigint();
        const failure = await ask(clients[index], i % 2 === 0, `key-${i * 7 % KEYS}`);
        note(index, wasGoing, failure, Number(process.hrtime.bigint() - begun) / 1e6);
        if (failure !== undefined)
            await sleep(WAIT_AFTER_FAILURE_MS);
    }
}

const restartNode = (index) => new Promise((resolve, reject) => {
    execFile(restart[0], [...restart.slice(1), String(index + 1)], (err, stdout, stderr) =>
        err ? reject(new Error(`node ${index + 1} could not be restarted: ${stderr || err}`)) : resolve());
});

// The client's own check of a node that was gone does not always find it again: it is replaced.
async function connectAgain(index) {
    for (const end = Date.now() + CONNECT_WITHIN_MS; ;) {
        try {
            const client = await connect(hosts[index]);
            const failure = await ask(client, false, 'key-0');
            if (failure === undefined)
                return client;
            if (Date.now() > end)
                throw new Error(failure);
        } catch (e) {
            if (Date.now() > end)
                throw e;
        }
        await sleep(WAIT_AFTER_FAILURE_MS);
    }
}

async function restartUnderLoad(clients, index) {
    going.add(index);
    await restartNode(index);
    const before = clients[index];
    clients[index] = await connectAgain(index);
    before.stop(() => {});
    going.delete(index);
}

async function main() {
    const clients = await Promise.all(hosts.map(connect));
    const loads = clients.flatMap((client, index) =>
        Array.from({length: connectionsEach}, (_, i) => load(clients, index, i * 101)));
    await sleep(AFTER_MS);
    const begun = process.hrtime.bigint();
    for (let index = 0; index < hosts.length; index++)
        await restartUnderLoad(clients, index);
    const tookS = Number(process.hrtime.bigint() - begun) / 1e9;
    await sleep(AFTER_MS);
    over = true;
    await Promise.all(loads);
    console.log(['{', ...Object.entries({...seen, restart_s: tookS}).map(([name, n]) => `  "${name}": ${n},`), '  "end": 0', '}'].join('\n'));
    process.exit(0);
}

main().catch((e) => {
    console.error(`restart: ${e.message}`);
    process.exit(1);
});
