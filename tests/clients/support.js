// SPDX-License-Identifier: Apache-2.0
'use strict';
// What both suites have in common: where the daemon is, a list of checks that are run one after the other, and a few
// ways to wait. Nothing here knows a client.

const assert = require('assert');
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { performance } = require('perf_hooks');
const tls = require('tls');

const certs = process.env.EPHEMERAL_CERTS;
const pem = (name) => fs.readFileSync(path.join(certs, name), 'utf8');
const CHECK_WITHIN_MS = 60000;
exports.MIB = 1024 * 1024;
exports.CROWD = 40; // connections that race

// Node.js of the clients' time knew no TLS 1.3. Today's offers it to every program that does not forbid it, beside the
// clients' list of suites, which rules TLS 1.2 alone. So: as then, but for what withTls13() does.
tls.DEFAULT_MAX_VERSION = 'TLSv1.2';
exports.withTls13 = async (f) => {
    tls.DEFAULT_MAX_VERSION = 'TLSv1.3';
    try {
        await f();
    } finally {
        tls.DEFAULT_MAX_VERSION = 'TLSv1.2';
    }
};

// The suites of that list that exist still.
exports.OLD_SUITES = /^(DHE-RSA-)?AES(128|256)-SHA(256)?$/;
exports.host = process.env.EPHEMERAL_HOST;
exports.port = Number(process.env.EPHEMERAL_PORT);
exports.certs = certs;
exports.ca = pem('rootCA.crt');
exports.identity = (name) => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });

// Quorum words as they stand on the wire.
exports.ONE = 4294967294;
exports.QUORUM = 4294967293;
exports.ALL = 4294967292;
exports.DEFAULT = 4294967291;

// ephemeralctl with these words and the root's key, as an operator.
exports.operate = (words, input = '') => execFileSync(process.env.EPHEMERAL_CTL, [...words.split(' '),
    '--host', exports.host, '--port', exports.port, '--user', 'operator', '--root-ca-cert', path.join(certs, 'rootCA.crt'),
    '--root-ca-key', path.join(certs, 'rootCA.key')], { input, stdio: ['pipe', 'pipe', 'pipe'] });

// Milliseconds that only go forward: how long something lasts.
const clockMs = exports.clockMs = () => performance.now();

// Whether a server's time of day, in seconds, is today's. The cluster asks the wall clock once, when it is first formed,
// and counts by itself from there: by how much that is another time than this machine's is nothing that it promises.
exports.isTheTime = (seconds) => Math.abs(seconds - Date.now() / 1000) < 60;

exports.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks until `f` gives something true, and returns that; for what needs time by its nature.
exports.until = async (f, withinMs, what) => {
    for (const end = clockMs() + withinMs; ;) {
        const result = await f();
        if (result) return result;
        if (clockMs() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
        await exports.sleep(50);
    }
};

exports.range = (n) => Array.from({ length: n }, (_, i) => i);

// Bytes without a pattern of a few bytes.
exports.noise = (size) => {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32LE(i * 2654435761 >>> 0, i);
    return bytes;
};

// The error whose text is `text`, alone or with what it means after a colon, or matches it.
exports.refuses = async (promise, text) => {
    let answer;
    try {
        answer = await promise;
    } catch (err) {
        if (text instanceof RegExp) assert.match(err.message, text);
        else if (!err.message.startsWith(`${text}: `)) assert.strictEqual(err.message, text);
        return err;
    }
    return assert.fail(`answered ${JSON.stringify(answer)} where ${text} was to be refused`);
};

// What no server takes: terms of indexes (4) and bucket properties (9), in words of the protocol.
exports.WRONG_TERMS = [
    ['foo', 'x', '{precommit_fail,[{unknown_field_type,<<"foo">>}]}'],
    ['a_int', 'abc', '{precommit_fail,[{field_parsing_failed,{<<"a_int">>,<<"abc">>}}]}'],
    ['a_int', '', '{precommit_fail,[{field_parsing_failed,{<<"a_int">>,<<>>}}]}'],
];
exports.WRONG_PROPS = [
    [{ n_val: 0 }, '[{n_val,not_integer}]'],
    [{ r: 0 }, '[{r,not_valid_quorum}]'],
    [{ w: 0 }, '[{w,not_valid_quorum}]'],
    [{ rw: 0 }, '[{rw,not_valid_quorum}]'],
    [{ old_vclock: 0 }, '[{old_vclock,not_integer}]'],
    [{ small_vclock: 0 }, '[{small_vclock,not_integer}]'],
    [{ big_vclock: 0 }, '[{big_vclock,not_integer}]'],
    [{ consistent: true }, '[{consistent,"cannot update consistent property"}]'],
    [{ write_once: true }, '[{write_once,"cannot update write_once property"}]'],
];

// `attempt(i)` for each of the crowd at once: one is done, all others are refused with `refusal`. Gives the winner's i.
exports.oneWins = async (attempt, refusal) => {
    const outcomes = await Promise.all(exports.range(exports.CROWD).map((i) =>
        attempt(i).then(() => 'won', (err) => err.message)));
    assert.deepStrictEqual(outcomes.slice().sort(), ['won', ...Array(exports.CROWD - 1).fill(refusal)].sort());
    return outcomes.indexOf('won');
};

// Those who are not let in: the name that they give, the certificate that they show, and what they are answered.
const ALERT = /\balert\b/;
const FAILED = /\bAuthentication failed$/;
const STRANGERS = [
    { who: 'no certificate', user: 'myuser', shows: null, answer: ALERT },
    { who: 'a certificate of another root', user: 'myuser', shows: 'forged', answer: ALERT },
    { who: 'another name than that of the certificate', user: 'stranger', shows: 'myuser', answer: FAILED },
    { who: 'a certificate that is no user', user: 'stranger', shows: 'stranger', answer: FAILED },
    { who: 'a user with the certificate of another', user: 'myuser', shows: 'stranger', answer: FAILED },
];

// `outcomeOf(user, tls)` tries to connect, and tells in words what became of it.
exports.noStrangers = (outcomeOf) => Promise.all(STRANGERS.map(async ({ who, user, shows, answer }) => {
    const began = clockMs();
    const outcome = await outcomeOf(user, { ca: exports.ca, ...shows && exports.identity(shows) });
    const ms = Math.round(clockMs() - began);
    assert.match(outcome, answer, who);
    assert.ok(answer === ALERT || ms >= 4900, `${who}: answered after ${ms} ms, not 5 s`);
}));

const checks = [];
exports.check = (name, f) => checks.push({ name, f });

function limited(promise) {
    let timer;
    const limit = new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no end within ${CHECK_WITHIN_MS} ms`)), CHECK_WITHIN_MS);
    });
    return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

const indent = (text) => text.replace(/^/gm, '        ');

// What a client throws out of its own callbacks belongs to no check.
function onStray(err) {
    console.log(`FAILED  thrown by the client, outside of any check\n${indent(String(err.stack || err))}`);
    process.exit(1);
}

// `prepare` makes what the checks share.
exports.run = async (prepare) => {
    process.on('uncaughtException', onStray);
    process.on('unhandledRejection', onStray);
    await prepare();
    const only = process.argv[2] || '';
    const chosen = checks.filter((c) => c.name.includes(only));
    let failed = 0;
    for (const c of chosen) {
        try {
            await limited(c.f());
            console.log(`ok      ${c.name}`);
        } catch (err) {
            failed++;
            console.log(`FAILED  ${c.name}\n${indent(String(err.stack || err))}`);
        }
    }
    console.log(`${chosen.length - failed} of ${chosen.length} checks passed`);
    // The clients leave timers behind that nobody can end.
    process.exit(failed || chosen.length === 0 && !only ? 1 : 0);
};
