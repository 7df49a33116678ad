// SPDX-License-Identifier: Apache-2.0
// Load on etcd, as ephemeral-bench puts it on the store: connections spread over the nodes, one request in flight on
// each. It speaks the v3 API itself (gRPC: HTTP/2 with five bytes before each message), over TLS with a client's
// certificate, so that nothing but Node.js is needed. Prints what ephemeral-bench prints as JSON.
//
//   node etcd_load.js put|get ENDPOINT,.. CERTS-FOLDER PID,.. CONNECTIONS KEYS VALUE-SIZE SECONDS
'use strict';
const fs = require('fs');
const http2 = require('http2');
const {execFileSync} = require('child_process');

const [op, endpointList, certs, pidList, ...numbers] = process.argv.slice(2);
const [connections, keys, valueSize, seconds] = numbers.map(Number);
const endpoints = endpointList.split(',');
const pids = pidList.split(',');
const keySize = 16;
const readyWithinMs = 60000;
const answerWithinMs = 10000;
const warmupMs = 1000;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
const tls = {
    ca: fs.readFileSync(`${certs}/ca.crt`),
    cert: fs.readFileSync(`${certs}/client.crt`),
    key: fs.readFileSync(`${certs}/client.key`),
};
const value = Buffer.alloc(valueSize, 'v');

// A field of bytes in a protobuf message; everything here is shorter than 16 KiB.
function field(number, bytes) {
    const n = bytes.length;
    const head = n < 128 ? [number << 3 | 2, n] : [number << 3 | 2, n & 127 | 128, n >> 7];
    return Buffer.concat([Buffer.from(head), bytes]);
}

function framed(message) {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    return Buffer.concat([head, message]);
}

const keyText = (i) => Buffer.from(String(i).padStart(keySize, '0'));
const requests = {
    put: {path: '/etcdserverpb.KV/Put', body: (i) => framed(Buffer.concat([field(1, keyText(i)), field(2, value)]))},
    // Without `serializable`, a range request is linearizable.
    get: {path: '/etcdserverpb.KV/Range', body: (i) => framed(field(1, keyText(i)))},
};

function call(session, what, i) {
    return new Promise((resolve, reject) => {
        let bytes = 0;
        let status;
        const stream = session.request({
            ':method': 'POST', ':path': what.path, 'content-type': 'application/grpc', te: 'trailers',
        });
        const note = (headers) => {
            if (headers['grpc-status'] !== undefined)
                status = `${headers['grpc-status']} ${headers['grpc-message'] || ''}`;
        };
        stream.setTimeout(answerWithinMs, () => stream.destroy(new Error('etcd does not answer')));
        stream.on('response', note);
        stream.on('trailers', note);
        stream.on('data', (chunk) => {
            bytes += chunk.length;
        });
        stream.on('error', reject);
        stream.on('close', () => status && status.startsWith('0') ? resolve(bytes) : reject(new Error(`etcd answers ${status}`)));
        stream.end(what.body(i));
    });
}

function connect(endpoint) {
    return new Promise((resolve, reject) => {
        const session = http2.connect(endpoint, tls);
        // A node that is not ready takes the connection and says nothing.
        const end = setTimeout(() => session.destroy(new Error(`${endpoint} does not answer`)), answerWithinMs);
        session.once('connect', () => clearTimeout(end));
        session.once('connect', () => resolve(session));
        session.on('error', reject);
    });
}

// Until a leader is there and takes writes.
async function connectReady(endpoint) {
    for (const end = Date.now() + readyWithinMs; ;) {
        try {
            const session = await connect(endpoint);
            await call(session, requests.put, 0);
            return session;
        } catch (e) {
            if (Date.now() > end)
                throw e;
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }
}

function cpuUs() {
    let ticks = 0;
    for (const pid of pids) {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /, '').split(' ');
        ticks += Number(stat[11]) + Number(stat[12]);
    }
    return ticks / ticksPerSecond * 1e6;
}

async function fill(sessions) {
    let next = 0;
    await Promise.all(sessions.map(async (session) => {
        while (next < keys)
            await call(session, requests.put, next++);
    }));
}

async function main() {
    const sessions = await Promise.all(Array.from({length: connections}, (_, i) => connectReady(endpoints[i % endpoints.length])));
    const latencies = [];
    let misses = 0;
    let measuring = false;
    let over = false;
    await fill(sessions);
    const loops = sessions.map(async (session) => {
        while (!over) {
            const begun = process.hrtime.bigint();
            const bytes = await call(session, requests[op], Math.floor(Math.random() * keys));
            if (!measuring)
                continue;
            latencies.push(Number(process.hrtime.bigint() - begun) / 1e3);
            misses += op === 'get' && bytes < valueSize;
        }
    });
    await new Promise((resolve) => setTimeout(resolve, warmupMs));
    const cpuBefore = cpuUs();
    const begun = process.hrtime.bigint();
    measuring = true;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    measuring = false;
    const count = latencies.length;
    const tookS = Number(process.hrtime.bigint() - begun) / 1e9;
    const cpu = cpuUs() - cpuBefore;
    over = true;
    await Promise.all(loops);
    sessions.forEach((s) => s.destroy());
    latencies.sort((a, b) => a - b);
    const quantile = (q) => latencies[Math.max(0, Math.ceil(count * q) - 1)];
    console.log(['{',
        `  "operations": ${count},`, `  "ops_per_second": ${count / tookS},`, `  "server_cpu_us_per_op": ${cpu / count},`,
        `  "latency_p50_us": ${quantile(0.5)},`, `  "latency_p99_us": ${quantile(0.99)},`, `  "misses": ${misses}`, '}'].join('\n'));
}

main().catch((e) => {
    console.error(`etcd_load: ${e.message}`);
    process.exit(1);
});
