// SPDX-License-Identifier: Apache-2.0
'use strict';
// What hostile, or just many, clients do to one node, and what it does to others: tests/fault/limits starts the nodes and
// says what is to be done.
//
//   node limits.js WORD CERTS MEMORY-MIB SIZE HOST=PID:LOG...
//
// Prints a line for each case: what was measured, its limit, and whether it holds. SIZE: small (seconds) or full.

const fs = require('fs');
const k = require('./limits_client.js');

const [word, certs, memoryMib, size, ...nodes] = process.argv.slice(2);
const node = nodes.map((n) => {
    const [, host, pid, log] = /^(.*?)=(\d+):(.*)$/.exec(n);
    return { host, pid, log };
});
const small = size === 'small';
const me = k.identity(certs, 'myuser');
let failed = 0;

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const open = (who = me, i = 0) => k.Client.open(node[i % node.length].host, who);

function report(name, value, unit, limit) {
    const good = value <= limit;
    failed += !good;
    console.log(`${name.padEnd(66)} ${String(value).padStart(7)} ${unit.padEnd(4)} ${String(limit).padStart(7)}  ${good ? 'ok' : 'FAILED'}`);
}

// --- memory ---

const LEFT = 32; // MiB that may be left over

function memory(i, field) {
    const status = fs.readFileSync(`/proc/${node[i].pid}/status`, 'latin1');
    return Math.round(Number(new RegExp(`${field}:\\s*(\\d+)`).exec(status)[1]) / 1024);
}

const resetPeaks = () => node.forEach((n) => fs.writeFileSync(`/proc/${n.pid}/clear_refs`, '5'));

// The most that any node had, and what is left of it a few seconds after.
async function weigh(name, before, f) {
    resetPeaks();
    const said = await f();
    const peak = Math.max(...node.map((n, i) => memory(i, 'VmHWM')));
    let left;
    for (let i = 0; i < 60; i++) { // within six seconds
        left = Math.max(...node.map((n, j) => memory(j, 'VmRSS')));
        if (left <= before + LEFT) break;
        await sleep(100);
    }
    report(`${name}: peak`, peak, 'MiB', Number(memoryMib));
    report(`${name}: left afterwards (${before} MiB before)`, left, 'MiB', before + LEFT);
    if (said) console.log(`    ${said}`);
}

// --- data ---

// Puts, so many on the way at once.
async function fill(count, request) {
    const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => open(me, i)));
    let next = 0;
    const work = async (c) => {
        while (next < count) {
            const batch = [];
            for (let i = 0; i < 64 && next < count; i++) batch.push(request(next++));
            const answers = await Promise.all(batch.map((b) => c.ask(b)));
            const bad = answers.find((a) => a.error);
            if (bad) throw new Error(`put: ${bad.error}`);
        }
    };
    await Promise.all(clients.map(work));
    clients.forEach((c) => c.close());
}

async function openMany(count) {
    const all = [];
    for (let i = 0; i < count; i += 32)
        all.push(...await Promise.all(Array.from({ length: Math.min(32, count - i) }, (_, j) => open(me, i + j))));
    return all;
}

function tally(answers) {
    const kinds = new Map();
    for (const a of answers) {
        const kind = a instanceof Error ? a.message : a.error ? a.error.slice(0, 60) : 'answered';
        kinds.set(kind, (kinds.get(kind) || 0) + 1);
    }
    return [...kinds].map(([kind, n]) => `${n} ${kind}`).join(', ');
}

const caught = (promise) => promise.catch((err) => err);

// --- E1: answers ---

async function askAll(count, request, streamed, times = 1) {
    const clients = await openMany(count);
    const answers = [];
    await Promise.all(clients.map(async (c) => {
        for (let i = 0; i < times; i++) answers.push(await caught(c.ask(request, streamed)));
    }));
    clients.forEach((c) => c.close());
    return tally(answers);
}

async function askUnread(count, request, seconds) {
    const clients = await openMany(count);
    for (const c of clients) {
        caught(c.ask(request));
        c.socket.pause();
    }
    await sleep(seconds * 1000);
    clients.forEach((c) => c.close());
}

// A node that holds its data and nothing else.
async function calm() {
    await sleep(1000);
    return Math.max(...node.map((n, i) => memory(i, 'VmRSS')));
}

async function answers() {
    const keys = small ? 20000 : 500000, values = 60000;
    const long = small ? '-'.repeat(150) : ''; // few keys, and still an answer that no socket holds
    await fill(keys, (i) => k.put('many', `k${i.toString(36)}${long}`, 'v'));
    const before = await calm();
    const n = (full, few) => (small ? few : full);
    await weigh(`${n(60, 30)} clients ask an index for ${keys} keys`, before, () => askAll(n(60, 30), k.index('many'), undefined, 2));
    if (node.length > 1) return;
    await weigh(`${n(400, 100)} clients ask the same and do not read`, before, () => askUnread(n(400, 100), k.index('many'), n(10, 2)));
    await weigh(`${n(1000, 150)} clients ask for a list of keys and do not read`, before,
        () => askUnread(n(1000, 150), k.listKeys('many'), n(10, 2)));
    if (small) return;
    await fill(values, (i) => k.put('values', `k${i}`, JSON.stringify({ id: i, name: `name ${i}` })));
    const job = { inputs: 'values', query: [{ map: { language: 'erlang', module: 'riak_kv_mapreduce', function: 'map_object_value', keep: true } },
        { reduce: { language: 'erlang', module: 'riak_kv_mapreduce', function: 'reduce_sort', keep: true } }] };
    await weigh(`40 clients keep ${values} values by map/reduce`, await calm(), () => askAll(40, k.mapred(job), '1801'));
}

// --- E2: bodies ---

// The longest of so many rounds, each a put of 100 KB and a get of it.
async function slowest(rounds, withinMs = 20000) {
    const c = await open();
    const value = Buffer.alloc(100000, 'x');
    let most = 0;
    for (let i = 0; i < rounds; i++) {
        const began = performance.now();
        const answer = await Promise.race([sleep(withinMs), caught(c.ask(k.put('other', `k${i}`, value)).then(() => c.ask(k.get('other', `k${i}`))))]);
        most = Math.max(most, Math.round(performance.now() - began));
        if (!answer) break;
        if (answer instanceof Error || answer.error) throw new Error(`put: ${answer.error || answer.message}`);
        await sleep(20);
    }
    c.close();
    return most;
}

// Heads of large messages, `sent` bytes of each body.
async function heads(count, who, sent) {
    const all = await Promise.all(Array.from({ length: count }, () => open(who)));
    const length = 50 * 1024 * 1024;
    const start = Buffer.concat([k.bytes(1, 'large'), k.bytes(2, 'key'), Buffer.from('2280808019' + '0a', 'hex'), Buffer.alloc(sent, 'x')]);
    for (const c of all) c.socket.write(Buffer.concat([k.head(k.CODE.put, length), start.subarray(0, sent)]));
    await sleep(500);
    return all;
}

async function bodies() {
    const stranger = k.identity(certs, 'stranger');
    const rounds = small ? 10 : 50;
    const cases = [['one head of 50 MiB, nothing behind it', 1, me, 0], ['eight heads', 8, me, 0],
        ['eight heads with 200 KB of their bodies', 8, me, 200000], ['eight heads with 200 KB, of a user without a grant', 8, stranger, 200000],
        ['thirty heads with 200 KB, of a user with one', 30, me, 200000]];
    for (const [name, count, who, sent] of small ? cases.slice(2, 4) : cases) {
        const held = await heads(count, who, sent);
        report(`${name}: a put and a get of 100 KB by others`, await slowest(rounds), 'ms', 2000);
        held.forEach((c) => c.close());
        await sleep(200);
    }
    // A byte now and then outlasts no time (stall-timeout-ms is 3 s here).
    const [slow] = await heads(1, me, 200000);
    const began = performance.now();
    while (!slow.ended && performance.now() - began < (small ? 12000 : 30000)) {
        slow.socket.write('x');
        await sleep(1000);
    }
    report('a byte a second of a large body: how long it is borne', Math.round(performance.now() - began), 'ms', 10000);
    slow.close();
    if (small) return;
    // Who waits waits no longer than he said.
    const full = [];
    for (let i = 0; i < 12; i++) {
        const c = await open();
        full.push(c);
        c.socket.write(Buffer.concat([k.head(k.CODE.put, 8000000), k.bytes(1, 'large'), k.bytes(2, `k${i}`), Buffer.alloc(7900000, 0x22)]));
        await sleep(50);
    }
    const c = await open();
    const from = performance.now();
    const answer = await Promise.race([sleep(15000), caught(c.ask(k.putWithin('other', 'waits', Buffer.alloc(6000000, 'x'), 1000)))]);
    report('a put of 6 MB with a time-out of 1 s, while others hold the memory', Math.round(performance.now() - from), 'ms', 11000);
    console.log(`    ${answer ? tally([answer]) : 'no answer'}`);
    full.concat(c).forEach((one) => one.close());
}

// --- E5: turns ---

// How long the loop's longest turn was, of what it logs: µs of the processor since the mark; undefined: it does not say.
function turns(since) {
    const text = fs.readFileSync(node[0].log, 'latin1').slice(since);
    const all = [...text.matchAll(/a turn of the loop took \d+ ms, (\d+) ms of the processor/g)].map((m) => Number(m[1]));
    const says = /turns of the loop that take 10 ms of the processor or more are logged/.test(fs.readFileSync(node[0].log, 'latin1'));
    return says ? Math.max(0, ...all) : undefined;
}

// The longest time between a ping and its answer meanwhile, and the answer.
async function disturbed(request, streamed) {
    const pinger = await open(), asker = await open();
    let most = 0, done = false;
    const pings = (async () => {
        while (!done) {
            const began = performance.now();
            await pinger.ask(k.ping());
            most = Math.max(most, performance.now() - began);
        }
    })();
    const mark = fs.statSync(node[0].log).size;
    const answer = await caught(asker.ask(request, streamed));
    await sleep(100);
    done = true;
    await pings;
    pinger.close();
    asker.close();
    const longest = turns(mark);
    return { most: longest === undefined ? Math.round(most) : longest, how: longest === undefined ? 'a ping' : 'a turn', answer };
}

async function turn(name, request, streamed) {
    const { most, how, answer } = await disturbed(request, streamed);
    report(`${name}: ${how} takes`, most, 'ms', small ? 30 : 10);
    const error = answer.error || (answer instanceof Error && answer.message);
    if (error) console.log(`    ${error}`);
}

// The longest turn while many do the same at once, milliseconds of the processor.
async function crowdedTurn(name, count, request) {
    const mark = fs.statSync(node[0].log).size;
    await askAll(count, request);
    const longest = turns(mark);
    if (longest !== undefined) report(`${name}: a turn takes`, longest, 'ms', 30); // of which sending has its share
}

async function turnsOf() {
    const n = small ? 30000 : 200000, values = small ? 20000 : 60000;
    const ERLANG = { language: 'erlang', module: 'riak_kv_mapreduce' };
    const reduce = (f, bucket) => k.mapred({ inputs: bucket, query: [{ map: { ...ERLANG, function: 'map_object_value' } }, { reduce: { ...ERLANG, function: f } }] });
    await fill(n, (i) => k.put('many', `k${i.toString(36)}`, 'v'));
    await fill(n, (i) => k.put(`b${i}`, 'k', 'v'));
    await fill(values, (i) => k.put('values', `k${i}`, JSON.stringify({ id: i })));
    await calm();
    await turn(`an index query with pagination_sort over ${n}`, k.index('many', k.number(14, 1)));
    await turn(`an index query with max_results 2^32-1 over ${n}`, k.index('many', k.number(9, 4294967295)));
    await turn(`an index query over ${n}`, k.index('many'));
    await crowdedTurn(`${small ? 20 : 60} index queries over ${n} at once`, small ? 20 : 60, k.index('many'));
    await turn(`list_buckets of ${n}`, k.listBuckets());
    await turn(`reduce_sort of ${values} values`, reduce('reduce_sort', 'values'), '1801');
    await turn(`reduce_set_union of ${values} values`, reduce('reduce_set_union', 'values'), '1801');
    await turn(`reduce_identity of ${values} inputs`, k.mapred({ inputs: 'values', query: [{ reduce: { ...ERLANG, function: 'reduce_identity' } }] }), '1801');
    const inputs = [];
    for (let i = 0; i < (small ? 30000 : 95000); i++) inputs.push(['b', 'k']);
    await turn('a job of 1 MiB, of inputs', k.mapred({ inputs, query: [{ reduce: { ...ERLANG, function: 'reduce_count_inputs' } }] }), '1801');
    await turn('a job of 1 MiB, of brackets', k.mapred(`{"inputs":"b","query":${'['.repeat(1000)}${'[],'.repeat(300000)}[]${']'.repeat(1000)}}`), '1801');
}

// --- E4: connections that do not authenticate ---

// The longest of so many clients that come one after the other: until it has authenticated and has an answer.
async function newcomer(count, withinMs = 30000) {
    let most = 0;
    for (let i = 0; i < count; i++) {
        const began = performance.now();
        let c;
        while (!c && performance.now() - began < withinMs)
            c = await Promise.race([sleep(withinMs), open().catch(() => sleep(10))]);
        if (c) {
            await c.ask(k.ping());
            c.close();
        }
        most = Math.max(most, Math.round(performance.now() - began));
    }
    return most;
}

async function strangers() {
    const host = node[0].host, other = host.replace(/\.\d+$/, '.250'), tlsHello = Buffer.from('16030102000100', 'hex');
    const cases = [['1,024 silent connections', 1024, '', other], ['1,500 silent connections', 1500, '', other],
        ['1,500 silent connections from the clients\' address', 1500, '', undefined],
        ['1,500 connections that stop in the TLS handshake', 1500, tlsHello, other]];
    const patient = await openMany(20);
    for (const [name, count, says, from] of cases) {
        const held = new k.Strangers(host, count, says, from);
        await held.stand();
        report(`${name}: a new client waits`, await newcomer(10), 'ms', 5000);
        held.end();
        await sleep(200);
    }
    report('clients that were there before and were sent away', patient.filter((c) => c.ended).length, '', 0);
    patient.forEach((c) => c.close());
}

async function main() {
    await { answers, bodies, turns: turnsOf, strangers }[word]();
    if (failed) process.exitCode = 1;
}

main().then(() => process.exit(), (err) => {
    console.log(`FAILED: ${err.stack}`);
    process.exit(1);
});
