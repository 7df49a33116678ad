// SPDX-License-Identifier: Apache-2.0
'use strict';
// no-riak 1.6.11, unmodified, through every operation. Facts: riak-protocol.md.
//
// The client gives its fields to the protocol as they stand, so there is nothing of a message that it could not say.
// It asks for TLS with RpbStartTls and shows what its `tls` option holds; its own list of suites rules out all but the
// old ones of TLS 1.2, and its own rejectUnauthorized is false. It reads bytes of length 0 as null, and what has no
// body as null.

const assert = require('assert');
const Riak = require('no-riak');
const { ALL, CROWD, DEFAULT, MIB, ONE, OLD_SUITES, QUORUM, WRONG_PROPS, WRONG_TERMS, ca, check, clockMs, host, identity,
    isTheTime, noise, noStrangers, oneWins, operate, port, range, refuses, run, sleep, until, withTls13 } = require('./support');

// --- the client ---

// A request that failed is asked once, and no server is given up: the client would try again by itself. The host is what
// the certificate of the server must be for.
function newClient(connections, { user = 'myuser', tls, ...more } = {}) {
    return new Riak.Client({ connectionString: `${host}:${port}`, connectionTimeout: 15000, retries: 0,
        maxConnectionErrors: Infinity, pool: { min: connections, max: connections }, auth: { user, password: '' },
        tls: { ca, rejectUnauthorized: true, host, ...identity('myuser'), ...tls }, ...more });
}

let client; // one connection: an answer after an error shows that it stayed usable
let crowd;  // CROWD connections

// The client writes into what it is given.
const ask = (method, options, from) => (from || client)[method](options && { ...options });
const get = (options) => ask('get', options);
const put = (options, from) => ask('put', options, from);
const del = (options) => ask('del', options);
const setProps = (at, fields) => ask('setBucket', { ...at, props: { ...fields } });
const props = async (at) => (await ask('getBucket', at)).props;
const typeProps = async (type) => (await ask('getBucketType', { type })).props;

// A message for which the client has no method, or one of which its method hides a part.
const raw = (request, fields) => client._request(request, fields);

const content = (value, more) => ({ value, content_type: 'text/plain', ...more });
const text = (o) => o.value === null ? '' : String(o.value);
const values = (result) => result.content.map(text).sort();
const clock = (result) => Buffer.from(result.vclock, 'base64');
const deleted = (result) => result.content.map((o) => o.deleted === true).sort();
const socketOf = (from) => from.pool.connections.free[0].socket;

// `f` leaves the one connection as it was.
async function keepsConnection(f) {
    const socket = socketOf(client);
    await f();
    assert.strictEqual(await ask('ping'), null);
    assert.strictEqual(socketOf(client), socket);
}

// --- the connection ---

check('TLS 1.2, with a suite of those that the client has', async () => {
    const socket = socketOf(client);
    assert.strictEqual(socket.getProtocol(), 'TLSv1.2');
    assert.match(socket.getCipher().name, OLD_SUITES);
    assert.strictEqual(socket.authorized, true);
    assert.strictEqual(socket.getPeerCertificate().issuer.CN, 'rootCA');
});

check('TLS 1.2, with each suite of the client that exists still', async () => {
    const suites = client.options.tls.ciphers.split(':').filter((suite) => OLD_SUITES.test(suite));
    assert.strictEqual(suites.length, 8);
    for (const suite of suites) {
        const other = newClient(1, { tls: { ciphers: suite } });
        assert.strictEqual(await ask('ping', undefined, other), null);
        assert.strictEqual(socketOf(other).getCipher().name, suite);
        await other.end();
    }
});

check('TLS as the README of the client gives it', async () => {
    const other = newClient(1, { tls: { secureProtocol: 'SSLv23_method', rejectUnauthorized: false } });
    assert.strictEqual(await ask('ping', undefined, other), null);
    await other.end();
});

check('TLS 1.3, where Node.js has it', () => withTls13(async () => {
    const other = newClient(1);
    const value = noise(MIB);
    await put({ bucket: 'kv', key: 'thirteen', content: content(value) }, other);
    assert.strictEqual(socketOf(other).getProtocol(), 'TLSv1.3');
    assert.ok(value.equals((await ask('get', { bucket: 'kv', key: 'thirteen' }, other)).content[0].value));
    await other.end();
}));

check('ping', async () => assert.strictEqual(await ask('ping'), null));

check('server info: a node name, and three integers (3)', async () => {
    const info = await ask('getServerInfo');
    assert.strictEqual(info.node, `riak@${host}`);
    assert.match(info.server_version, /^\d+\.\d+\.\d+$/);
});

check('client id: what the client sets (3)', async () => {
    assert.strictEqual(await ask('init'), null);
    assert.deepStrictEqual(await raw('RpbGetClientIdReq'), { client_id: 'no-riak-client' });
});

check('the user name in another case', async () => {
    const other = newClient(1, { user: 'MyUser' });
    assert.strictEqual(await ask('ping', undefined, other), null);
    await other.end();
});

check('more requests than connections, and connections that are made anew', async () => {
    const other = newClient(4, { maxConnectionLifetime: -1 });
    const answers = await Promise.all(range(40).map(() => ask('getServerInfo', undefined, other)));
    assert.ok(answers.every((info) => info.node === `riak@${host}`));
    assert.deepStrictEqual(other.pool.count(), { free: { [`${host}:${port}`]: 4 }, busy: {} });
    await other.end();
});

// --- get ---

check('get: not found', async () => {
    assert.strictEqual(await get({ bucket: 'kv', key: 'nothing' }), null);
    assert.strictEqual(await get({ bucket: 'kv', key: 'nothing', notfound_ok: false, r: 1 }), null);
});

check('put and get: value, type, time, vclock', async () => {
    assert.strictEqual(await put({ bucket: 'kv', key: 'second', content: content('a value') }), null);
    const found = await get({ bucket: 'kv', key: 'second' });
    assert.deepStrictEqual(Object.keys(found).sort(), ['content', 'vclock']);
    assert.ok(clock(found).length > 0);
    const [o, ...others] = found.content;
    assert.deepStrictEqual(others, []);
    assert.deepStrictEqual(Object.keys(o).sort(), ['content_type', 'last_mod', 'last_mod_usecs', 'value', 'vtag']);
    assert.deepStrictEqual(o.value, Buffer.from('a value'));
    assert.strictEqual(o.content_type, 'text/plain');
    assert.ok(isTheTime(o.last_mod), `last modified ${o.last_mod}`);
});

check('put and get: no content type, and none comes back (4)', async () => {
    await put({ bucket: 'kv', key: 'bare', content: { value: 'v' } });
    assert.ok(!('content_type' in (await get({ bucket: 'kv', key: 'bare' })).content[0]));
});

check('put and get: an object as JSON', async () => {
    const value = { name: 'Zoë', list: [1, 2, { deep: null }] };
    await put({ bucket: 'kv', key: 'json', content: { value } });
    const [o] = (await get({ bucket: 'kv', key: 'json' })).content;
    assert.deepStrictEqual(o.value, value);
    assert.strictEqual(o.content_type, 'application/json');
});

check('get: head has all but the value (6.1)', async () => {
    const usermeta = [{ key: 'colour', value: 'green' }];
    await put({ bucket: 'kv', key: 'head', content: content('not to be seen', { usermeta }) });
    const head = await get({ bucket: 'kv', key: 'head', head: true });
    assert.strictEqual(head.content[0].value, null);
    assert.deepStrictEqual(head.content[0].usermeta, usermeta);
    assert.strictEqual(head.content[0].content_type, 'text/plain');
    assert.ok(clock(head).length > 0);
});

check('get: if_modified (6.1)', async () => {
    const at = { bucket: 'kv', key: 'modified' };
    const one = await put({ ...at, content: content('one'), return_body: true });
    assert.deepStrictEqual(await get({ ...at, if_modified: clock(one) }), { unchanged: true });
    await put({ ...at, content: content('two'), vclock: one.vclock });
    assert.deepStrictEqual(values(await get({ ...at, if_modified: clock(one) })), ['two']);
    assert.strictEqual(await get({ bucket: 'kv', key: 'nothing', if_modified: clock(one) }), null);
});

check('get: deletedvclock, until the tombstone is reaped (6.1)', async () => {
    const at = { bucket: 'kv', key: 'tombstone' };
    await put({ ...at, content: content('x') });
    await del(at);
    assert.strictEqual(await get(at), null);
    const dead = await get({ ...at, deletedvclock: true });
    assert.deepStrictEqual(Object.keys(dead), ['vclock']);
    assert.ok(clock(dead).length > 0);
    await until(async () => await get({ ...at, deletedvclock: true }) === null, 10000, 'the tombstone is gone');
});

check('get: quorum words and numbers, n_val, sloppy_quorum, time-out 0 (5)', async () => {
    const at = { bucket: 'kv', key: 'first' };
    const fit = [0, 1, 2, 3, ONE, QUORUM, ALL, DEFAULT].flatMap((word) => [{ r: word }, { pr: word }]);
    for (const more of [...fit, { n_val: 1 }, { sloppy_quorum: true, timeout: 0 },
        { basic_quorum: true, notfound_ok: false, timeout: 5000 }])
        assert.deepStrictEqual(values(await get({ ...at, ...more })), ['a value'], JSON.stringify(more));
    for (const wrong of [4, 5, DEFAULT - 1, 4294967295]) {
        await refuses(get({ ...at, r: wrong }), '{n_val_violation,3}');
        await refuses(get({ ...at, pr: wrong }), '{n_val_violation,3}');
    }
    await refuses(get({ ...at, n_val: 4 }), '{n_val_violation,4}');
    await refuses(get({ ...at, n_val: 0 }), '{n_val_violation,0}');
});

// --- errors ---

check('an error as the client shows it (1)', async () => {
    const err = await refuses(get({ bucket: 'kv', key: 'first', r: 4 }), '{n_val_violation,3}');
    assert.ok(err instanceof Riak.RiakError);
    assert.deepStrictEqual(err.toJSON(),
        { name: 'RiakError', code: 0, message: '{n_val_violation,3}', server: `${host}:${port}` });
});

check('names of length 0 are refused (6.1)', async () => {
    const names = { bucket: 'b', key: 'k', type: 'default' };
    const words = { bucket: 'Bucket', key: 'Key', type: 'Type' };
    for (const name of Object.keys(words)) {
        const fields = { ...names, [name]: '' };
        await refuses(get(fields), `${words[name]} cannot be zero-length`);
        await refuses(put({ ...fields, content: content('v') }), `${words[name]} cannot be zero-length`);
    }
    assert.strictEqual(await del({ ...names, key: '' }), null);
});

check('an unknown bucket type (6.1, 6.3)', async () => {
    const at = { type: 'nosuch', bucket: 'b', key: 'k' };
    await refuses(get(at), 'no_type');
    await refuses(put({ ...at, content: content('v') }), 'no_type');
    await refuses(del(at), 'no_type');
});

check('bytes that are no vclock are an error, not the end (6.1)', () => keepsConnection(async () => {
    const at = { bucket: 'kv', key: 'first' };
    const vclock = Buffer.from('garbage');
    await refuses(get({ ...at, if_modified: vclock }), /vclock/);
    await refuses(put({ ...at, content: content('v'), vclock }), /vclock/);
    await refuses(del({ ...at, vclock }), /vclock/);
    assert.deepStrictEqual(values(await get(at)), ['a value']);
}));

// --- put ---

check('put: return_body, return_head, both (6.2)', async () => {
    const at = { bucket: 'kv', key: 'returned' };
    const body = await put({ ...at, content: content('one'), return_body: true });
    assert.deepStrictEqual(values(body), ['one']);
    assert.ok(!('key' in body));
    const head = await put({ ...at, content: content('two'), vclock: body.vclock, return_head: true });
    assert.deepStrictEqual(values(head), ['']);
    assert.strictEqual(head.content[0].content_type, 'text/plain');
    assert.notStrictEqual(head.vclock, body.vclock);
    const both = await put({ ...at, content: content('three'), vclock: head.vclock, return_head: true, return_body: true });
    assert.deepStrictEqual(values(both), ['']);
    const found = await get(at);
    assert.deepStrictEqual(values(found), ['three']);
    assert.strictEqual(found.vclock, both.vclock);
});

check('put: a generated key (6.2)', async () => {
    const one = await put({ bucket: 'kv', content: content('one') });
    assert.deepStrictEqual(Object.keys(one), ['key']);
    assert.match(one.key, /^[0-9A-Za-z]{27,28}$/);
    assert.deepStrictEqual(values(await get({ bucket: 'kv', key: one.key })), ['one']);
    const two = await put({ bucket: 'kv', content: content('two'), return_body: true, if_none_match: true });
    assert.notStrictEqual(two.key, one.key);
    assert.deepStrictEqual(values(two), ['two']);
});

check('put: if_none_match (6.2)', async () => {
    const at = { bucket: 'kv', key: 'unique', if_none_match: true };
    await put({ ...at, content: content('one') });
    await refuses(put({ ...at, content: content('two') }), 'match_found');
    await refuses(put({ ...at, content: content('two'), return_body: true }), 'match_found');
    assert.deepStrictEqual(values(await get({ bucket: 'kv', key: 'unique' })), ['one']);
    await del({ bucket: 'kv', key: 'unique' });
    assert.deepStrictEqual(values(await put({ ...at, content: content('three'), return_body: true })), ['three']);
});

check('put: if_not_modified (6.2)', async () => {
    const at = { bucket: 'kv', key: 'conditional' };
    const changed = (value, vclock) =>
        put({ ...at, content: content(value), if_not_modified: true, vclock, return_body: true });
    await refuses(changed('x'), 'notfound');
    const one = await put({ ...at, content: content('one'), return_body: true });
    await refuses(changed('x'), 'modified');
    assert.deepStrictEqual(values(await changed('two', one.vclock)), ['two']);
    await refuses(changed('x', one.vclock), 'modified');
    assert.deepStrictEqual(values(await get(at)), ['two']);
});

check('put and delete: quorum words and numbers (5)', async () => {
    const at = { bucket: 'kv', key: 'quorums' };
    for (const word of [0, 1, 3, ONE, QUORUM, ALL, DEFAULT]) {
        await put({ ...at, content: content('v'), w: word, dw: word, pw: word });
        await del({ ...at, r: word, w: word, pr: word, pw: word, dw: word, rw: word });
    }
    for (const wrong of [4, DEFAULT - 1]) {
        for (const option of ['w', 'dw', 'pw'])
            await refuses(put({ ...at, content: content('v'), [option]: wrong }), '{n_val_violation,3}');
        for (const option of ['r', 'w', 'pr', 'pw', 'dw', 'rw'])
            await refuses(del({ ...at, [option]: wrong }), '{n_val_violation,3}');
    }
    assert.strictEqual(await get(at), null);
    await put({ ...at, content: content('v'), n_val: 1, sloppy_quorum: false, timeout: 5000 });
    await del({ ...at, n_val: 1, sloppy_quorum: true, timeout: 0 });
    await refuses(put({ ...at, content: content('v'), n_val: 4 }), '{n_val_violation,4}');
    await refuses(del({ ...at, n_val: 4 }), '{n_val_violation,4}');
});

check('put: all metadata comes back (4)', async () => {
    const at = { bucket: 'kv', key: 'metadata' };
    const stored = { content_type: 'application/x-thing', charset: 'utf-8', content_encoding: 'gzip',
        links: [{ bucket: 'b', key: 'k', tag: 't' }, { bucket: 'b', key: 'other' }],
        usermeta: [{ key: 'a', value: '1' }, { key: 'b' }, { key: 'a', value: '2' }] };
    const indexes = [['Field_BIN', 'y'], ['field_bin', 'x'], ['field_bin', 'y'], ['count_int', '007'], ['count_int', '12'],
        ['count_int', '-3'], ['count_int', '-0']].map(([key, value]) => ({ key, value }));
    await put({ ...at, content: { value: Buffer.from([0x1f, 0x8b]), ...stored, indexes } });
    for (const head of [false, true]) {
        const [o] = (await get({ ...at, head })).content;
        assert.deepStrictEqual(o.value, head ? null : Buffer.from([0x1f, 0x8b]));
        for (const name of ['content_type', 'charset', 'content_encoding'])
            assert.strictEqual(o[name], stored[name]);
        // A tag that is not given comes back as an empty one.
        assert.deepStrictEqual(o.links, [stored.links[0], { ...stored.links[1], tag: null }]);
        assert.deepStrictEqual(o.usermeta.map(({ key, value }) => [key, value || '']), [['a', '1'], ['b', ''], ['a', '2']]);
        assert.deepStrictEqual(o.indexes.map(({ key, value }) => `${key} ${value}`).sort(),
            ['count_int -3', 'count_int 0', 'count_int 12', 'count_int 7', 'field_bin x', 'field_bin y']);
    }
});

check('put: the server stamps vtag and time (4)', async () => {
    const write = async () => {
        const mine = content('v', { vtag: 'mine', last_mod: 1, last_mod_usecs: 2 });
        return (await put({ bucket: 'kv', key: 'stamped', content: mine, return_head: true })).content[0];
    };
    const one = await write();
    const two = await write();
    assert.match(one.vtag, /^[0-9A-Za-z]{21,22}$/);
    assert.notStrictEqual(one.vtag, two.vtag);
    assert.ok(isTheTime(one.last_mod), `last modified ${one.last_mod}`);
    assert.ok(two.last_mod > one.last_mod || two.last_mod_usecs >= one.last_mod_usecs);
});

check('put: wrong index terms are refused (4)', async () => {
    const at = { bucket: 'kv', key: 'indexed' };
    const indexed = (key, value) => put({ ...at, content: content('v', { indexes: [{ key, value }] }) });
    for (const [name, term, refusal] of WRONG_TERMS) await refuses(indexed(name, term), refusal);
    assert.strictEqual(await get(at), null);
    await indexed('$key', 'x');
});

check('put: `deleted` makes a tombstone (4)', async () => {
    await put({ bucket: 'kv', key: 'dead', content: content('v', { deleted: true }) });
    assert.strictEqual(await get({ bucket: 'kv', key: 'dead' }), null);
});

check('put: an empty value', async () => {
    await put({ bucket: 'kv', key: 'empty', content: { value: '' } });
    assert.deepStrictEqual(values(await get({ bucket: 'kv', key: 'empty' })), ['']);
});

check('put: 8 MiB of bytes', async () => {
    const at = { bucket: 'kv', key: 'large' };
    const value = noise(8 * MIB);
    assert.ok(value.equals((await put({ ...at, content: { value }, return_body: true })).content[0].value));
    assert.ok(value.equals((await get(at)).content[0].value));
    assert.deepStrictEqual(values(await get({ ...at, head: true })), ['']);
    await del(at);
});

check('put: more than 50 MiB is refused, and the connection lives (14)', () => keepsConnection(async () => {
    const at = { bucket: 'kv', key: 'too large' };
    const err = await refuses(put({ ...at, content: { value: Buffer.alloc(50 * MIB + 1) } }), /^\{too_large,\d+\}: the (object|message) has/);
    const told = Number(/\d+/.exec(err.message));
    assert.ok(told > 50 * MIB && told < 50 * MIB + 1024, err.message);
    assert.strictEqual(await get(at), null);
}));

check('keys and buckets of any bytes; 65536 of them and not more (14)', async () => {
    const odd = { bucket: 'Бакет/ %', key: Buffer.from([0, 255, 47, 10, 128]) };
    await put({ ...odd, content: content('odd') });
    assert.deepStrictEqual(values(await get(odd)), ['odd']);
    const long = { bucket: 'kv', key: 'k'.repeat(65536) };
    await put({ ...long, content: content('long') });
    assert.deepStrictEqual(values(await get(long)), ['long']);
    await refuses(put({ ...long, key: `${long.key}k`, content: content('longer') }), /65536/);
    await del(long);
});

// --- siblings ---

check('siblings: a put that has not seen another (7)', async () => {
    const at = { bucket: 'siblings', key: 'k' };
    await put({ ...at, content: content('1') });
    await put({ ...at, content: content('2') });
    const three = await put({ ...at, content: content('3'), return_body: true });
    assert.deepStrictEqual(values(three), ['1', '2', '3']);
    const found = await get(at);
    assert.deepStrictEqual(values(found), ['1', '2', '3']);
    assert.strictEqual(found.vclock, three.vclock);
    assert.deepStrictEqual(values(await get({ ...at, head: true })), ['', '', '']);
    const resolved = await put({ ...at, content: content('r'), vclock: found.vclock, return_body: true });
    assert.deepStrictEqual(values(resolved), ['r']);
    // The old clock has seen 1, 2 and 3, not r.
    const stale = await put({ ...at, content: content('s'), vclock: found.vclock, return_body: true });
    assert.deepStrictEqual(values(stale), ['r', 's']);
});

check('siblings: `update` of the client reads the clock first', async () => {
    const at = { bucket: 'siblings', key: 'update' };
    const update = (value) => ask('update', { ...at, content: content(value) });
    await update('1');
    await put({ ...at, content: content('2') });
    assert.deepStrictEqual(values(await get(at)), ['1', '2']);
    await update('3');
    assert.deepStrictEqual(values(await get(at)), ['3']);
    // It asks for the clock of a tombstone too.
    await del(at);
    await update('4');
    assert.deepStrictEqual(values(await get(at)), ['4']);
});

check('siblings: 100 and not more (14)', async () => {
    const at = { bucket: 'siblings', key: 'many' };
    for (const i of range(100)) await put({ ...at, content: content(String(i)) });
    await refuses(put({ ...at, content: content('one more') }), '{too_many_siblings,101}');
    const found = await get(at);
    assert.strictEqual(found.content.length, 100);
    await del({ ...at, vclock: found.vclock });
    assert.strictEqual(await get(at), null);
});

check('no siblings without allow_mult, nor with last_write_wins (7)', async () => {
    await setProps({ bucket: 'last' }, { allow_mult: true, last_write_wins: true });
    for (const bucket of ['kv', 'last']) {
        await put({ bucket, key: 'single', content: content('1') });
        const two = await put({ bucket, key: 'single', content: content('2'), return_body: true });
        assert.deepStrictEqual(values(two), ['2']);
    }
});

// --- delete ---

check('delete: without vclock, with one, of nothing (6.3)', async () => {
    for (const bucket of ['kv', 'siblings']) {
        const at = { bucket, key: 'deleted' };
        assert.strictEqual(await del(at), null);
        await put({ ...at, content: content('1') });
        await put({ ...at, content: content('2') });
        assert.strictEqual(await del(at), null);
        assert.strictEqual(await get(at), null);
        const { vclock } = await get({ ...at, deletedvclock: true });
        const again = await put({ ...at, content: content('3'), vclock, return_body: true });
        assert.deepStrictEqual(values(again), ['3']);
        assert.strictEqual(await del({ ...at, vclock: again.vclock }), null);
        assert.strictEqual(await get(at), null);
    }
});

check('delete: with a stale vclock the tombstone is a sibling (6.3)', async () => {
    const at = { bucket: 'siblings', key: 'stale' };
    const { vclock } = await put({ ...at, content: content('1'), return_body: true });
    await put({ ...at, content: content('2'), vclock });
    await del({ ...at, vclock });
    const found = await get(at);
    assert.deepStrictEqual(deleted(found), [false, true]);
    assert.deepStrictEqual(values(found), ['', '2']);
    await del({ ...at, vclock: found.vclock });
    assert.strictEqual(await get(at), null);
});

check('delete: then a put without vclock (6.3)', async () => {
    const again = async (bucket) => {
        const at = { bucket, key: 'after' };
        await put({ ...at, content: content('1') });
        await del(at);
        return put({ ...at, content: content('2'), return_body: true });
    };
    assert.deepStrictEqual(deleted(await again('siblings')), [false, true]);
    assert.deepStrictEqual(values(await again('kv')), ['2']);
});

// --- expiry ---

check('expiry: by bucket type, and by user metadata, which stands above it', async () => {
    const short = (key) => ({ type: 'short', bucket: 'expiry', key });
    const lasting = (at, seconds) => {
        const usermeta = [{ key: 'X-Ephemeral-TTL', value: seconds }];
        return put({ ...at, content: content('v', { usermeta }) });
    };
    const brief = { bucket: 'kv', key: 'brief' };
    const written = clockMs();
    await lasting(brief, '1');
    await lasting(short('ever'), '0');
    await put({ ...short('two seconds'), content: content('v') });
    assert.deepStrictEqual(values(await get(brief)), ['v']);
    await until(async () => await get(brief) === null, 10000, 'the key expires');
    assert.ok(clockMs() - written >= 900);
    await until(async () => await get(short('two seconds')) === null, 10000, 'the key expires');
    assert.ok(clockMs() - written >= 1900);
    assert.deepStrictEqual(values(await get(short('ever'))), ['v']);
    assert.deepStrictEqual(await ask('listKeys', { type: 'short', bucket: 'expiry' }), ['ever']);
    for (const wrong of ['soon', '', '-1', '99999999999'])
        await refuses(lasting(brief, wrong), /^Invalid X-Ephemeral-TTL/);
});

// --- bucket properties ---

// The client puts words where they are on the wire, and leaves out what is not there.
const DEFAULTS = { n_val: 3, allow_mult: false, last_write_wins: false, has_precommit: true, has_postcommit: true,
    chash_keyfun: { module: 'riak_core_util', function: 'chash_std_keyfun' },
    linkfun: { module: 'riak_kv_wm_link_walker', function: 'mapreduce_linkfun' }, old_vclock: 86400, young_vclock: 20,
    big_vclock: 50, small_vclock: 50, pr: 0, r: 'quorum', w: 'quorum', pw: 0, dw: 'quorum', rw: 'quorum',
    basic_quorum: false, notfound_ok: true, write_once: false };

check('bucket properties: the defaults (9)', async () => {
    assert.deepStrictEqual(await props({ bucket: 'untouched' }), DEFAULTS);
    assert.deepStrictEqual(await props({ bucket: '' }), DEFAULTS);
});

check('bucket properties: set, get, reset (9)', async () => {
    const at = { bucket: 'props' };
    const changes = { n_val: 5, allow_mult: true, last_write_wins: true, old_vclock: 1, young_vclock: 0, big_vclock: 3,
        small_vclock: 4, pr: 1, r: 'all', w: 'one', pw: 2, dw: 0, rw: 'quorum', basic_quorum: true, notfound_ok: false,
        search: true, repl: 3, backend: 'memory', search_index: 'an_index', chash_keyfun: { module: 'm', function: 'f' },
        linkfun: { module: 'm', function: 'g' } };
    assert.strictEqual(await setProps(at, changes), null);
    assert.deepStrictEqual(await props(at), { ...DEFAULTS, ...changes });
    assert.strictEqual(await setProps(at, { r: 1 }), null);
    assert.deepStrictEqual(await props(at), { ...DEFAULTS, ...changes, r: 1 });
    assert.deepStrictEqual(await props({ bucket: 'other props' }), DEFAULTS);
    assert.strictEqual(await ask('resetBucket', at), null);
    assert.deepStrictEqual(await props(at), DEFAULTS);
    assert.strictEqual(await ask('resetBucket', { bucket: 'untouched' }), null);
});

check('bucket properties: hooks only with has_precommit (9)', async () => {
    const at = { bucket: 'hooks' };
    const precommit = [{ modfun: { module: 'm', function: 'f' } }, { name: 'JS.name' }];
    await setProps(at, { precommit });
    assert.deepStrictEqual(await props(at), DEFAULTS);
    await setProps(at, { precommit, has_precommit: true });
    assert.deepStrictEqual(await props(at), { ...DEFAULTS, precommit });
    await setProps(at, { precommit: [], has_precommit: true });
    assert.deepStrictEqual(await props(at), DEFAULTS);
});

check('bucket properties: they rule the requests', async () => {
    const at = { bucket: 'small', key: 'k' };
    await setProps({ bucket: 'small' }, { n_val: 1 });
    await put({ ...at, content: content('v'), w: 1 });
    await refuses(put({ ...at, content: content('v'), w: 2 }), '{n_val_violation,1}');
    await refuses(get({ ...at, r: 3 }), '{n_val_violation,1}');
    await ask('resetBucket', { bucket: 'small' });
    assert.deepStrictEqual(values(await get({ ...at, r: 3 })), ['v']);
});

check('bucket properties: what is refused (9)', async () => {
    const at = { bucket: 'refused' };
    for (const [fields, reason] of WRONG_PROPS) await refuses(setProps(at, fields), `Invalid bucket properties: ${reason}`);
    // Nothing of a request that is wrong in one place is taken.
    await refuses(setProps(at, { allow_mult: true, r: 0 }), 'Invalid bucket properties: [{r,not_valid_quorum}]');
    assert.deepStrictEqual(await props(at), DEFAULTS);
});

// --- bucket types ---

// Of a bucket type write_once is told only where it is set.
const { write_once: _, ...TYPED } = { ...DEFAULTS, allow_mult: true };

check('bucket types: default and those of the configuration (9)', async () => {
    assert.deepStrictEqual(await typeProps('default'), DEFAULTS);
    assert.deepStrictEqual(await typeProps('plain'), TYPED);
    assert.deepStrictEqual(await typeProps('once'), { ...TYPED, write_once: true });
    assert.deepStrictEqual(await typeProps('single'), { ...TYPED, allow_mult: false, n_val: 5, r: 'one' });
    assert.deepStrictEqual(await typeProps('hlls'), { ...TYPED, datatype: 'hll', hll_precision: 13 });
    assert.deepStrictEqual(await props({ type: 'maps', bucket: 'any' }), { ...TYPED, datatype: 'map' });
});

check('bucket types: with a ttl the client cannot read the properties, and lives', () => keepsConnection(async () => {
    // It takes no field that it does not know, unlike other clients; ours has a number of its own.
    await refuses(typeProps('short'), /^Unknown message tag 1000 in message RpbBucketProps$/);
}));

check('bucket types: the same bucket and key in two types are two keys', async () => {
    const at = { bucket: 'types', key: 'k' };
    await put({ ...at, content: content('untyped') });
    await put({ ...at, type: 'plain', content: content('plain') });
    assert.deepStrictEqual(values(await get(at)), ['untyped']);
    assert.deepStrictEqual(values(await get({ ...at, type: 'default' })), ['untyped']);
    assert.deepStrictEqual(values(await get({ ...at, type: 'plain' })), ['plain']);
    assert.strictEqual(await get({ ...at, type: 'single' }), null);
    await put({ ...at, type: 'plain', content: content('sibling') });
    assert.deepStrictEqual(values(await get({ ...at, type: 'plain' })), ['plain', 'sibling']);
});

check('bucket types: write_once answers nothing, and keeps one value (6.2)', async () => {
    const at = { type: 'once', bucket: 'b', key: 'k' };
    const indexes = [{ key: 'a_bin', value: 'x' }];
    assert.strictEqual(await put({ ...at, content: content('1'), return_body: true }), null);
    assert.strictEqual(await put({ ...at, content: content('2', { indexes }), return_body: true }), null);
    assert.strictEqual((await get(at)).content.length, 1);
});

check('bucket types: unknown ones (9)', async () => {
    const at = { type: 'nosuch', bucket: 'b' };
    const unknown = "No bucket-type named 'nosuch'";
    await refuses(typeProps('nosuch'), 'Invalid bucket type: <<"nosuch">>');
    await refuses(props(at), unknown);
    await refuses(setProps(at, { allow_mult: true }), unknown);
    await refuses(ask('listKeys', at), unknown);
    await refuses(ask('listBuckets', { type: 'nosuch' }), unknown);
    assert.strictEqual(await ask('resetBucket', at), null);
});

check('bucket types: set (9)', async () => {
    const set = (type, fields) => ask('setBucketType', { type, props: { ...fields } });
    await refuses(set('nosuch', { n_val: 2 }), 'Invalid bucket properties: not_active');
    await refuses(set('default', { n_val: 2 }), 'Invalid bucket properties: no_default_update');
    await refuses(set('plain', { last_write_wins: true }), /dvv_enabled/);
    assert.strictEqual(await set('plain', { n_val: 4, r: 'all' }), null);
    assert.deepStrictEqual(await typeProps('plain'), { ...TYPED, n_val: 4, r: 'all' });
    assert.strictEqual((await props({ type: 'plain', bucket: 'types' })).n_val, 4);
    assert.strictEqual(await set('plain', { n_val: 3, r: 'quorum' }), null);
    assert.deepStrictEqual(await typeProps('plain'), TYPED);
});

check('bucket types: properties of a typed bucket (9)', async () => {
    const at = { type: 'plain', bucket: 'typed' };
    await setProps(at, { allow_mult: false, n_val: 2 });
    assert.deepStrictEqual(await props(at), { ...TYPED, allow_mult: false, n_val: 2 });
    assert.strictEqual((await props({ bucket: 'typed' })).n_val, 3);
    await refuses(setProps(at, { datatype: 'set' }),
        'Invalid bucket properties: [{datatype,"`datatype` must not be defined."}]');
    await ask('resetBucket', at);
    assert.deepStrictEqual(await props(at), TYPED);
});

// --- lists ---

check('list keys: none, one, many (8)', async () => {
    const keys = (bucket, more) => ask('listKeys', { bucket, ...more });
    assert.deepStrictEqual(await keys('no such bucket'), []);
    await put({ bucket: 'list one', key: 'only', content: content('v') });
    assert.deepStrictEqual(await keys('list one'), ['only']);
    const wanted = range(3000).map((i) => `key ${i}`).sort();
    await Promise.all(wanted.map((key) => put({ bucket: 'list many', key, content: content('v') }, crowd)));
    await put({ bucket: 'list many', key: 'deleted', content: content('v') });
    await del({ bucket: 'list many', key: 'deleted' });
    assert.deepStrictEqual((await keys('list many', { timeout: 20000 })).sort(), wanted);
    // As the client hears it: in parts, of which the last is only a word of being done, which it takes away.
    const parts = await raw('RpbListKeysReq', { bucket: 'list many' });
    assert.ok(parts.length > 1, `${parts.length} parts`);
    assert.deepStrictEqual(parts.flatMap((part) => part.keys).sort(), wanted);
});

check('list buckets (8)', async () => {
    const buckets = (type) => ask('listBuckets', type && { type });
    const at = { type: 'single', key: 'k' };
    for (const bucket of ['listed', 'emptied']) await put({ ...at, bucket, content: content('v') });
    await put({ bucket: 'Список/ %', key: 'k', content: content('v') });
    await del({ ...at, bucket: 'emptied' });
    assert.deepStrictEqual(await buckets('single'), ['listed']);
    assert.deepStrictEqual(await buckets('hlls'), []);
    const untyped = await buckets();
    assert.ok(untyped.includes('kv') && untyped.includes('Список/ %') && !untyped.includes('listed'));
    assert.strictEqual(new Set(untyped).size, untyped.length);
});

// --- races ---

check(`race: ${CROWD} connections put with if_none_match, one wins`, async () => {
    for (const round of range(10)) {
        const at = { bucket: 'race', key: `none match ${round}` };
        const winner = await oneWins((i) =>
            put({ ...at, content: content(String(i)), if_none_match: true }, crowd), 'match_found');
        assert.deepStrictEqual(values(await get(at)), [String(winner)]);
    }
    assert.strictEqual(crowd.pool.connections.free.length, CROWD);
});

check(`race: ${CROWD} connections put with if_not_modified, one wins`, async () => {
    const at = { bucket: 'race', key: 'not modified' };
    let { vclock } = await put({ ...at, content: content('0'), return_body: true });
    for (const round of range(10)) {
        const winner = await oneWins((i) =>
            put({ ...at, content: content(`${round} ${i}`), if_not_modified: true, vclock }, crowd), 'modified');
        const found = await get(at);
        assert.deepStrictEqual(values(found), [`${round} ${winner}`]);
        vclock = found.vclock;
    }
});

check(`race: ${CROWD} connections put siblings, none is lost`, async () => {
    const at = { bucket: 'siblings', key: 'race' };
    await Promise.all(range(CROWD).map((i) => put({ ...at, content: content(String(i)) }, crowd)));
    assert.deepStrictEqual(values(await get(at)), range(CROWD).map(String).sort());
});

check('map/reduce with Riak\'s functions (13)', async () => {
    const bucket = 'map reduce';
    for (const key of range(20).map(String)) await put({ bucket, key, content: { value: key } });
    const builtin = (kind, name) => ({ [kind]: { language: 'erlang', module: 'riak_kv_mapreduce', function: name } });
    const query = [builtin('map', 'map_object_value'), builtin('reduce', 'reduce_string_to_integer'), builtin('reduce', 'reduce_sum')];
    assert.deepStrictEqual((await ask('mapReduce', { request: { inputs: bucket, query } })).flat(9), [190]);
    await refuses(ask('mapReduce', { request: { inputs: 'b', query: [{ map: { language: 'javascript', source: 'x' } }] } }), /no JavaScript/);
});

// --- secondary indexes ---

check('secondary indexes, streamed: terms, pages, an expression (10)', async () => {
    const bucket = 'indexes';
    const indexes = (term) => [{ key: 'a_bin', value: term }];
    for (const key of range(8).map(String)) await put({ bucket, key, content: { value: 'v', indexes: indexes(`t${key % 4}`) } });
    const keys = ({ results }) => results.map(String);
    assert.deepStrictEqual(keys(await ask('index', { bucket, index: 'a_bin', qtype: 0, key: 't1' })).sort(), ['1', '5']);
    const all = { bucket, index: 'a_bin', qtype: 1, range_min: 't1', range_max: 't2', max_results: 3 };
    const first = await ask('index', all);
    assert.deepStrictEqual(keys(first), ['1', '5', '2']);
    const { continuation } = first;
    assert.deepStrictEqual(keys(await ask('index', { ...all, continuation })), ['6']);
    const matched = await ask('index', { ...all, max_results: undefined, range_min: '', range_max: 'z', term_regex: '[03]$' });
    assert.deepStrictEqual(keys(matched).sort(), ['0', '3', '4', '7']);
});

// --- data types ---

check('counters of 1.4: allow_mult, up and down (11)', async () => {
    const at = { bucket: 'counters 1.4', key: 'k' };
    await refuses(ask('updateCounter', { ...at, amount: 1 }),
        '"Counters require bucket property \'allow_mult=true\'"');
    await setProps({ bucket: at.bucket }, { allow_mult: true });
    assert.strictEqual(await ask('getCounter', at), null);
    assert.strictEqual(await ask('updateCounter', { ...at, amount: 5 }), null);
    assert.strictEqual(Number(await ask('updateCounter', { ...at, amount: -7, returnvalue: true })), -2);
    assert.strictEqual(Number(await ask('getCounter', at)), -2);
});

check('counters, sets and maps through the classes of the client (12)', async () => {
    const at = (type, key) => ({ bucket: 'data types', type, key });
    const counter = await new Riak.CRDT.Counter(client, at('counters', 'no-riak')).load();
    await counter.increment(4).increment(-6).save();
    assert.strictEqual(Number((await new Riak.CRDT.Counter(client, at('counters', 'no-riak')).load()).value()), -2);
    const set = new Riak.CRDT.Set(client, at('sets', 'no-riak'));
    await set.add('b', 'a').save();
    await set.add('c').remove('a').save();
    assert.deepStrictEqual((await new Riak.CRDT.Set(client, at('sets', 'no-riak')).load()).value(), ['b', 'c']);
    const map = new Riak.CRDT.Map(client, { ...at('maps'), strings: true });
    await map.update('r', new Riak.CRDT.Map.Register().set('v'))
        .update('f', new Riak.CRDT.Map.Flag().enable())
        .update('s', new Riak.CRDT.Set().add('x'))
        .update('m', new Riak.CRDT.Map().update('c', new Riak.CRDT.Counter().increment(3))).save();
    const again = await new Riak.CRDT.Map(client, { ...at('maps', map.key()), strings: true }).load();
    assert.strictEqual(again.get('f').value(), true);
    assert.deepStrictEqual(again.get('s').value(), ['x']);
    assert.strictEqual(Number(again.get('m').get('c').value()), 3);
    await again.remove('r', Riak.CRDT.Map.Register).save();
    assert.strictEqual((await new Riak.CRDT.Map(client, { ...at('maps', map.key()), strings: true }).load()).get('r'), undefined);
});

// --- what is not served ---

check('commands that are not served: an error, and the connection lives (2)', () => keepsConnection(async () => {
    const key = { bucket: 'b', key: 'k' };
    const unserved = [
        [27, () => ask('search', { index: 'i', q: '*:*' })],
        [40, () => raw('RpbCSBucketReq', { bucket: 'b', start_key: 'k' })],
        [54, () => ask('getSearchIndex', { name: 'i' })],
        [56, () => ask('putSearchIndex', { index: { name: 'i' } })],
        [57, () => ask('delSearchIndex', { name: 'i' })],
        [58, () => ask('getSearchSchema', { name: 's' })],
        [60, () => ask('putSearchSchema', { schema: { name: 's', content: '<x/>' } })],
        [70, () => raw('RpbCoverageReq', { bucket: 'b' })],
        [90, () => raw('TsQueryReq', { query: { base: 'select 1' } })],
    ];
    for (const [code, request] of unserved) {
        const err = await refuses(request(), `Unknown message code: ${code}`);
        assert.strictEqual(err.code, 0);
        assert.strictEqual(await ask('ping'), null);
    }
}));

check('StartTls and AuthReq once more: an error, and the connection lives (15)', () => keepsConnection(async () => {
    await refuses(raw('RpbStartTls'), 'Security not enabled; STARTTLS not allowed.');
    await refuses(raw('RpbAuthReq', { user: 'myuser', password: '' }), 'Unknown message code: 253');
}));

// --- who is refused ---

const outcomeOf = (user, tls) => newClient(1, { user, tls: { cert: undefined, key: undefined, ...tls } }).ping()
    .then(() => 'connected', (err) => err.message.trim());

check('refused: no certificate, one of another root, another user, a name that is none', () => noStrangers(outcomeOf));

check('refused: the same with TLS 1.3', () => withTls13(() => noStrangers(outcomeOf)));

check('refused: without TLS nothing but a request for it is answered (15)', async () => {
    const plain = newClient(1, { auth: false });
    const refusal = 'Security is enabled, please STARTTLS first';
    for (const request of [() => plain.ping(), () => plain.get({ bucket: 'kv', key: 'first' }), () => plain.listBuckets()])
        await refuses(request(), refusal);
    await plain.end();
});

check('refused: nothing is answered before the right name is given (15)', async () => {
    const other = newClient(1, { user: 'stranger' });
    await refuses(other.ping(), 'Authentication failed');
    const socket = socketOf(other);
    await refuses(other.ping(), 'Security is enabled, please authenticate first');
    await refuses(other.get({ bucket: 'kv', key: 'first' }), 'Security is enabled, please authenticate first');
    assert.strictEqual(await other._request('RpbAuthReq', { user: 'myuser', password: '' }), null);
    assert.strictEqual(await other.ping(), null);
    assert.strictEqual(socketOf(other), socket);
    await other.end();
});

check('refused, by the client: a server that another root signed, or that is not the one that was meant', async () => {
    const { cert } = identity('otherCA');
    const refused = async (tls, text) => {
        const err = await refuses(newClient(1, { tls }).ping(), text);
        assert.ok(err instanceof Riak.RiakConnectionError);
    };
    await refused({ ca: cert }, /^\[TLS\] Error: .*(certificate|signature)/);
    await refused({ host: 'another.example' }, /^\[TLS\] Error .*ERR_TLS_CERT_ALTNAME_INVALID/);
});

// --- users that an operator makes ---

check('users: what is revoked of the configured one is refused at once (15)', async () => {
    await put({ bucket: 'kept', key: 'k', content: content('v') });
    operate('user revoke riak_kv.delete on any from myuser');
    await refuses(del({ bucket: 'kept', key: 'k' }), /riak_kv\.delete/);
    assert.strictEqual(`${(await get({ bucket: 'kept', key: 'k' })).content[0].value}`, 'v');
    operate('user grant riak_kv.delete on default kept to myuser');
    await del({ bucket: 'kept', key: 'k' });
});

run(async () => {
    client = newClient(1);
    crowd = newClient(CROWD);
    // The client connects by its first request.
    await Promise.all(range(CROWD).map(() => crowd.ping()));
    await put({ bucket: 'kv', key: 'first', content: content('a value') });
    await setProps({ bucket: 'siblings' }, { allow_mult: true });
});
