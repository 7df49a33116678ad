// SPDX-License-Identifier: Apache-2.0
'use strict';
// basho-riak-client 2.4.0, unmodified, through every operation. Facts: riak-protocol.md.

const assert = require('assert');
const path = require('path');
const { execFile } = require('child_process');
const Riak = require('basho-riak-client');
const CommandBase = require('basho-riak-client/lib/commands/commandbase');
const RiakConnection = require('basho-riak-client/lib/core/riakconnection');
const rpb = require('basho-riak-client/lib/protobuf/riakprotobuf');
const logger = require('winston');
const { ALL, CROWD, DEFAULT, MIB, ONE, OLD_SUITES, QUORUM, WRONG_PROPS, WRONG_TERMS, ca, certs, check, clockMs, host, identity,
    isTheTime, noise, noStrangers, oneWins, operate, port, range, refuses, run, sleep, until, withTls13 } = require('./support');

// What the client logs of refused connections is no news here.
logger.remove(logger.transports.Console);

const RiakObject = Riak.Commands.KV.RiakObject;

// --- the client, with promises ---

function newNode(options) {
    return new Riak.Node({ remoteAddress: host, remotePort: port, connectionTimeout: 15000, requestTimeout: 30000,
        auth: { user: 'myuser', ca, ...identity('myuser') }, ...options });
}

// A command that failed is asked once: the client would repeat it three times by itself.
function newClient(connections, options) {
    const node = newNode({ minConnections: connections, maxConnections: connections, ...options });
    const cluster = new Riak.Cluster({ nodes: [node], executionAttempts: 1 });
    return new Promise((resolve, reject) => {
        const client = new Riak.Client(cluster, (err) => err ? reject(new Error(String(err))) : resolve(client));
    });
}

const stop = (what) => new Promise((resolve) => what.stop(resolve));

const settle = (resolve, reject) => (err, result, data) =>
    err ? reject(Object.assign(new Error(data && data.msg || String(err)), { data })) : resolve(result);

let client; // one connection: an answer after an error shows that it stayed usable
let crowd;  // CROWD connections

const ask = (method, options, from) => new Promise((resolve, reject) => {
    const done = settle(resolve, reject);
    if (options === undefined) (from || client)[method](done);
    else (from || client)[method](options, done);
});
const get = (options) => ask('fetchValue', options);
const put = (options) => ask('storeValue', options);
const del = (options) => ask('deleteValue', options);
const props = (options) => ask('fetchBucketProps', options);
const setProps = (options) => ask('storeBucketProps', options);

// All parts of a streamed answer; `parts` says how many there were.
const list = (method, options) => new Promise((resolve, reject) => {
    const names = [];
    let parts = 0;
    client[method](options, (err, result, data) => {
        if (err) return settle(resolve, reject)(err, result, data);
        parts++;
        names.push(...(result.keys || result.buckets));
        if (result.done) resolve({ names, parts });
    });
});

// Any message that the client knows, with fields of which its own commands make no use.
class Ask extends CommandBase {
    constructor(request, response, fields, callback) {
        super(request, response, callback);
        this.fields = fields;
    }

    constructPbRequest() {
        return this.fields && new (rpb.getProtoFor(rpb.getCodeFor(this.name.split('-')[0])))(this.fields);
    }

    onSuccess(answer) {
        this._callback(null, answer);
        return true;
    }
}

const raw = (request, response, fields, from) => new Promise((resolve, reject) =>
    (from || client).execute(new Ask(request, response, fields, settle(resolve, reject))));

const bytes = (text) => Buffer.from(text);
const text = (object) => String(object.value);
const values = (result) => result.values.map(text).sort();
const object = (value, contentType) => new RiakObject().setContentType(contentType || 'text/plain').setValue(value);

function connectionOf(from) {
    const node = from.cluster.nodes[0];
    const connection = node._getConnectionFromPool('check');
    node._returnConnectionToPool(connection);
    return connection;
}

// --- the connection ---

check('TLS 1.2, with a suite of those that the client has', async () => {
    const socket = connectionOf(client)._connection;
    assert.strictEqual(socket.getProtocol(), 'TLSv1.2');
    assert.match(socket.getCipher().name, OLD_SUITES);
    assert.strictEqual(socket.getPeerCertificate().issuer.CN, 'rootCA');
});

check('TLS 1.3, where Node.js has it', () => withTls13(async () => {
    const other = await newClient(1);
    const socket = connectionOf(other)._connection;
    assert.strictEqual(socket.getProtocol(), 'TLSv1.3');
    const value = Buffer.alloc(MIB, 'thirteen');
    await ask('storeValue', { bucket: 'kv', key: 'thirteen', value: object(value) }, other);
    const found = await ask('fetchValue', { bucket: 'kv', key: 'thirteen' }, other);
    assert.ok(value.equals(found.values[0].value));
    await stop(other);
}));

check('ping', async () => assert.strictEqual(await ask('ping'), true));

check('server info: a node name, and three integers (3)', async () => {
    const info = await ask('fetchServerInfo');
    assert.strictEqual(info.node, `riak@${host}`);
    assert.match(info.server_version, /^\d+\.\d+\.\d+$/);
});

check('client id: four zeros, then what was set (3)', async () => {
    const id = async () => (await raw('RpbGetClientIdReq', 'RpbGetClientIdResp')).client_id.toBuffer();
    assert.deepStrictEqual(await id(), Buffer.alloc(4));
    assert.strictEqual(await raw('RpbSetClientIdReq', 'RpbSetClientIdResp', { client_id: bytes('abcd') }), null);
    assert.deepStrictEqual(await id(), bytes('abcd'));
});

check('the user name in another case', async () => {
    const other = await newClient(1, { auth: { user: 'MyUser', ca, ...identity('myuser') } });
    assert.strictEqual(await ask('ping', undefined, other), true);
    await stop(other);
});

// --- get ---

check('get: not found', async () => {
    assert.deepStrictEqual(await get({ bucket: 'kv', key: 'nothing' }),
        { isNotFound: true, isUnchanged: false, vclock: null, values: [] });
    assert.strictEqual((await get({ bucket: 'kv', key: 'nothing', notFoundOk: false, r: 1 })).isNotFound, true);
});

check('put and get: value, type, time, vclock', async () => {
    const stored = await put({ bucket: 'kv', key: 'second', value: object('a value') });
    assert.deepStrictEqual(stored, { generatedKey: null, vclock: null, values: [] });
    const found = await get({ bucket: 'kv', key: 'second' });
    assert.strictEqual(found.isNotFound, false);
    assert.ok(Buffer.isBuffer(found.vclock) && found.vclock.length > 0);
    assert.strictEqual(found.values.length, 1);
    const o = found.values[0];
    assert.strictEqual(text(o), 'a value');
    assert.strictEqual(o.contentType, 'text/plain');
    assert.strictEqual(o.isTombstone, false);
    assert.ok(isTheTime(o.lastModified / 1000), `last modified ${o.lastModified}`);
});

check('put and get: an object as JSON', async () => {
    const value = { name: 'Zoë', list: [1, 2, { deep: null }] };
    await put({ bucket: 'kv', key: 'json', value });
    const found = await get({ bucket: 'kv', key: 'json', convertToJs: true });
    assert.deepStrictEqual(found.values[0].value, value);
    assert.strictEqual(found.values[0].contentType, 'application/json');
});

check('get: head has all but the value (6.1)', async () => {
    const meta = [{ key: 'colour', value: 'green' }];
    await put({ bucket: 'kv', key: 'head', value: object('not to be seen').setUserMeta(meta) });
    const head = await get({ bucket: 'kv', key: 'head', headOnly: true });
    assert.strictEqual(text(head.values[0]), '');
    assert.deepStrictEqual(head.values[0].userMeta, meta);
    assert.strictEqual(head.values[0].contentType, 'text/plain');
    assert.ok(head.vclock.length > 0);
});

check('get: if_modified (6.1)', async () => {
    const at = { bucket: 'kv', key: 'modified' };
    const { vclock } = await put({ ...at, value: object('one'), returnBody: true });
    const same = await raw('RpbGetReq', 'RpbGetResp',
        { bucket: bytes(at.bucket), key: bytes(at.key), if_modified: vclock });
    assert.strictEqual(same.unchanged, true);
    assert.strictEqual(same.content.length, 0);
    assert.strictEqual(same.vclock, null);
    await put({ ...at, value: object('two'), vclock });
    const changed = await get({ ...at, ifModified: vclock });
    assert.ok(!changed.isUnchanged);
    assert.deepStrictEqual(values(changed), ['two']);
    assert.strictEqual((await get({ bucket: 'kv', key: 'nothing', ifModified: vclock })).isNotFound, true);
});

check('get: deletedvclock, until the tombstone is reaped (6.1)', async () => {
    const at = { bucket: 'kv', key: 'tombstone' };
    await put({ ...at, value: object('x') });
    await del(at);
    assert.strictEqual((await get(at)).isNotFound, true);
    const dead = await get({ ...at, returnDeletedVClock: true });
    assert.strictEqual(dead.isNotFound, false);
    assert.strictEqual(dead.values.length, 1);
    assert.strictEqual(dead.values[0].isTombstone, true);
    assert.ok(dead.vclock.length > 0);
    await until(async () => (await get({ ...at, returnDeletedVClock: true })).isNotFound, 10000, 'the tombstone is gone');
});

check('get: quorum words and numbers (5)', async () => {
    const at = { bucket: 'kv', key: 'first' };
    for (const word of [0, 1, 2, 3, ONE, QUORUM, ALL, DEFAULT]) {
        assert.deepStrictEqual(values(await get({ ...at, r: word })), ['a value'], `r ${word}`);
        assert.deepStrictEqual(values(await get({ ...at, pr: word })), ['a value'], `pr ${word}`);
    }
    for (const wrong of [4, 5, DEFAULT - 1, 4294967295]) {
        await refuses(get({ ...at, r: wrong }), '{n_val_violation,3}');
        await refuses(get({ ...at, pr: wrong }), '{n_val_violation,3}');
    }
    const all = { ...at, useBasicQuorum: true, notFoundOk: false, timeout: 5000 };
    assert.deepStrictEqual(values(await get(all)), ['a value']);
});

check('get: n_val, sloppy_quorum, time-out 0 (5)', async () => {
    const fields = (more) => ({ bucket: bytes('kv'), key: bytes('first'), ...more });
    const found = async (more) => (await raw('RpbGetReq', 'RpbGetResp', fields(more))).content[0].value.toString('utf8');
    assert.strictEqual(await found({ n_val: 1 }), 'a value');
    assert.strictEqual(await found({ sloppy_quorum: true, timeout: 0 }), 'a value');
    await refuses(found({ n_val: 4 }), '{n_val_violation,4}');
    await refuses(found({ n_val: 0 }), '{n_val_violation,0}');
});

check('names of length 0 are refused (6.1)', async () => {
    const names = { bucket: bytes('b'), key: bytes('k'), type: bytes('default') };
    const words = { bucket: 'Bucket', key: 'Key', type: 'Type' };
    for (const name of Object.keys(words)) {
        const fields = { ...names, [name]: Buffer.alloc(0) };
        const refusal = `${words[name]} cannot be zero-length`;
        await refuses(raw('RpbGetReq', 'RpbGetResp', fields), refusal);
        await refuses(raw('RpbPutReq', 'RpbPutResp', { ...fields, content: { value: bytes('v') } }), refusal);
    }
    assert.strictEqual(await raw('RpbDelReq', 'RpbDelResp', { ...names, key: Buffer.alloc(0) }), null);
});

check('an unknown bucket type (6.1, 6.3)', async () => {
    const at = { bucketType: 'nosuch', bucket: 'b', key: 'k' };
    await refuses(get(at), 'no_type');
    await refuses(put({ ...at, value: 'v' }), 'no_type');
    await refuses(del(at), 'no_type');
});

check('bytes that are no vclock are an error, not the end (6.1)', async () => {
    const at = { bucket: 'kv', key: 'first' };
    const connection = connectionOf(client);
    await refuses(get({ ...at, ifModified: bytes('garbage') }), /vclock/);
    await refuses(put({ ...at, value: 'v', vclock: bytes('garbage') }), /vclock/);
    await refuses(del({ ...at, vclock: bytes('garbage') }), /vclock/);
    assert.deepStrictEqual(values(await get(at)), ['a value']);
    assert.strictEqual(connectionOf(client), connection);
});

// --- put ---

check('put: return_body, return_head, both (6.2)', async () => {
    const at = { bucket: 'kv', key: 'returned' };
    const body = await put({ ...at, value: object('one'), returnBody: true });
    assert.deepStrictEqual(values(body), ['one']);
    assert.ok(body.vclock.length > 0);
    assert.strictEqual(body.generatedKey, null);
    const head = await put({ ...at, value: object('two'), vclock: body.vclock, returnHead: true });
    assert.deepStrictEqual(values(head), ['']);
    assert.strictEqual(head.values[0].contentType, 'text/plain');
    assert.notDeepStrictEqual(head.vclock, body.vclock);
    const both = await put({ ...at, value: object('three'), vclock: head.vclock, returnHead: true, returnBody: true });
    assert.deepStrictEqual(values(both), ['']);
    assert.deepStrictEqual(values(await get(at)), ['three']);
});

check('put: a generated key (6.2)', async () => {
    const one = await put({ bucket: 'kv', value: object('one') });
    assert.match(one.generatedKey, /^[0-9A-Za-z]{27,28}$/);
    assert.deepStrictEqual(values(await get({ bucket: 'kv', key: one.generatedKey })), ['one']);
    const two = await put({ bucket: 'kv', value: object('two'), returnBody: true, ifNoneMatch: true });
    assert.notStrictEqual(two.generatedKey, one.generatedKey);
    assert.deepStrictEqual(values(two), ['two']);
});

check('put: if_none_match (6.2)', async () => {
    const at = { bucket: 'kv', key: 'unique' };
    await put({ ...at, value: object('one'), ifNoneMatch: true });
    await refuses(put({ ...at, value: object('two'), ifNoneMatch: true }), 'match_found');
    await refuses(put({ ...at, value: object('two'), ifNoneMatch: true, returnBody: true }), 'match_found');
    assert.deepStrictEqual(values(await get(at)), ['one']);
    await del(at);
    const over = await put({ ...at, value: object('three'), ifNoneMatch: true, returnBody: true });
    assert.deepStrictEqual(values(over), ['three']);
});

check('put: if_not_modified (6.2)', async () => {
    const at = { bucket: 'kv', key: 'conditional' };
    await refuses(put({ ...at, value: object('x'), ifNotModified: true }), 'notfound');
    const one = await put({ ...at, value: object('one'), returnBody: true });
    await refuses(put({ ...at, value: object('x'), ifNotModified: true }), 'modified');
    const two = await put({ ...at, value: object('two'), ifNotModified: true, vclock: one.vclock, returnBody: true });
    assert.deepStrictEqual(values(two), ['two']);
    await refuses(put({ ...at, value: object('x'), ifNotModified: true, vclock: one.vclock }), 'modified');
    assert.deepStrictEqual(values(await get(at)), ['two']);
});

check('put and delete: quorum words and numbers (5)', async () => {
    const at = { bucket: 'kv', key: 'quorums' };
    for (const word of [0, 1, 3, ONE, QUORUM, ALL, DEFAULT]) {
        await put({ ...at, value: object('v'), w: word, dw: word, pw: word });
        await del({ ...at, r: word, w: word, pr: word, pw: word, dw: word, rw: word });
    }
    for (const wrong of [4, DEFAULT - 1]) {
        for (const option of ['w', 'dw', 'pw'])
            await refuses(put({ ...at, value: object('v'), [option]: wrong }), '{n_val_violation,3}');
        for (const option of ['r', 'w', 'pr', 'pw', 'dw', 'rw'])
            await refuses(del({ ...at, [option]: wrong }), '{n_val_violation,3}');
    }
    assert.strictEqual((await get(at)).isNotFound, true);
});

check('put: all metadata comes back (4)', async () => {
    const at = { bucket: 'kv', key: 'metadata' };
    const meta = [{ key: 'a', value: '1' }, { key: 'b', value: '' }, { key: 'a', value: '2' }];
    const links = [{ bucket: 'b', key: 'k', tag: 't' }, { bucket: 'b', key: 'other' }];
    const stored = object('\u001f\u008b', 'application/x-thing').setContentEncoding('gzip').setUserMeta(meta).setLinks(links)
        .addToIndex('Field_BIN', 'y', 'x', 'y').addToIndex('count_int', '007', 12, -3, '-0');
    await put({ ...at, value: stored });
    for (const headOnly of [false, true]) {
        const o = (await get({ ...at, headOnly })).values[0];
        assert.strictEqual(o.contentType, 'application/x-thing');
        assert.strictEqual(o.contentEncoding, 'gzip');
        assert.deepStrictEqual(o.userMeta, meta);
        // The client leaves out a tag that is not given; what comes back is an empty one.
        assert.deepStrictEqual(o.links, [links[0], { ...links[1], tag: '' }]);
        assert.deepStrictEqual(o.indexes.field_bin, ['x', 'y']);
        assert.deepStrictEqual(o.indexes.count_int.sort((a, b) => a - b), [-3, 0, 7, 12]);
    }
});

check('put: charset, and user metadata without a value (4)', async () => {
    const content = { value: bytes('v'), charset: bytes('utf-8'), usermeta: [{ key: bytes('bare') }] };
    await raw('RpbPutReq', 'RpbPutResp', { bucket: bytes('kv'), key: bytes('charset'), content });
    const found = await raw('RpbGetReq', 'RpbGetResp', { bucket: bytes('kv'), key: bytes('charset') });
    assert.strictEqual(found.content[0].charset.toString('utf8'), 'utf-8');
    assert.strictEqual(found.content[0].content_type, null);
    // The client's own command reads the pair only when it has some value.
    assert.deepStrictEqual((await get({ bucket: 'kv', key: 'charset' })).values[0].userMeta, [{ key: 'bare', value: '' }]);
});

check('put: the server stamps vtag and time (4)', async () => {
    const write = async () => {
        const content = { value: bytes('v'), vtag: bytes('mine'), last_mod: 1, last_mod_usecs: 2 };
        const answer = await raw('RpbPutReq', 'RpbPutResp',
            { bucket: bytes('kv'), key: bytes('stamped'), content, return_head: true });
        return answer.content[0];
    };
    const one = await write();
    const two = await write();
    assert.match(one.vtag.toString('utf8'), /^[0-9A-Za-z]{21,22}$/);
    assert.notStrictEqual(one.vtag.toString('utf8'), two.vtag.toString('utf8'));
    assert.ok(isTheTime(one.last_mod), `last modified ${one.last_mod}`);
    assert.ok(two.last_mod > one.last_mod || two.last_mod_usecs >= one.last_mod_usecs);
});

check('put: wrong index terms are refused (4)', async () => {
    const at = { bucket: 'kv', key: 'indexed' };
    const indexed = (name, term) => put({ ...at, value: object('v').addToIndex(name, term) });
    for (const [name, term, refusal] of WRONG_TERMS) await refuses(indexed(name, term), refusal);
    assert.strictEqual((await get(at)).isNotFound, true);
    await indexed('$key', 'x');
});

check('put: an empty value', async () => {
    await put({ bucket: 'kv', key: 'empty', value: object(Buffer.alloc(0)) });
    const found = await get({ bucket: 'kv', key: 'empty' });
    assert.strictEqual(found.isNotFound, false);
    assert.strictEqual(found.values[0].value.length, 0);
});

check('put: 8 MiB of bytes', async () => {
    const value = noise(8 * MIB);
    const stored = await put({ bucket: 'kv', key: 'large', value: object(value, 'application/octet-stream'), returnBody: true });
    assert.ok(value.equals(stored.values[0].value));
    const found = await get({ bucket: 'kv', key: 'large' });
    assert.ok(value.equals(found.values[0].value));
    assert.strictEqual(text((await get({ bucket: 'kv', key: 'large', headOnly: true })).values[0]), '');
    await del({ bucket: 'kv', key: 'large' });
});

check('put: more than 50 MiB is refused, and the connection lives (14)', async () => {
    const connection = connectionOf(client);
    for (const size of [50 * MIB + 1, 52 * MIB]) {
        const err = await refuses(put({ bucket: 'kv', key: 'too large', value: object(Buffer.alloc(size)) }), /^\{too_large,\d+\}: the (object|message) has/);
        const told = Number(/\d+/.exec(err.message));
        assert.ok(told >= size && told < size + 1024, err.message);
        assert.strictEqual(await ask('ping'), true);
    }
    assert.strictEqual(connectionOf(client), connection);
    assert.strictEqual((await get({ bucket: 'kv', key: 'too large' })).isNotFound, true);
});

check('keys and buckets of any bytes; 65536 of them and not more (14)', async () => {
    const key = Buffer.from([0, 255, 47, 10, 128]);
    await put({ bucket: 'Бакет/ %', key, value: object('odd') });
    assert.deepStrictEqual(values(await get({ bucket: 'Бакет/ %', key })), ['odd']);
    const long = 'k'.repeat(65536);
    await put({ bucket: 'kv', key: long, value: object('long') });
    assert.deepStrictEqual(values(await get({ bucket: 'kv', key: long })), ['long']);
    await refuses(put({ bucket: 'kv', key: long + 'k', value: object('longer') }), /65536/);
    await del({ bucket: 'kv', key: long });
});

// --- siblings ---

check('siblings: a put that has not seen another (7)', async () => {
    const at = { bucket: 'siblings', key: 'k' };
    await put({ ...at, value: object('1') });
    await put({ ...at, value: object('2') });
    const three = await put({ ...at, value: object('3'), returnBody: true });
    assert.deepStrictEqual(values(three), ['1', '2', '3']);
    const found = await get(at);
    assert.deepStrictEqual(values(found), ['1', '2', '3']);
    assert.deepStrictEqual(found.vclock, three.vclock);
    assert.deepStrictEqual(values(await get({ ...at, headOnly: true })), ['', '', '']);
    const resolved = await put({ ...at, value: object('r'), vclock: found.vclock, returnBody: true });
    assert.deepStrictEqual(values(resolved), ['r']);
    // The old clock has seen 1, 2 and 3, not r.
    const stale = await put({ ...at, value: object('s'), vclock: found.vclock, returnBody: true });
    assert.deepStrictEqual(values(stale), ['r', 's']);
});

check('siblings: the client resolves them', async () => {
    const at = { bucket: 'siblings', key: 'resolver' };
    for (const value of ['b', 'a', 'c']) await put({ ...at, value: object(value) });
    const conflictResolver = (objects) => objects.sort((x, y) => text(x) < text(y) ? 1 : -1)[0];
    const found = await get({ ...at, conflictResolver });
    assert.deepStrictEqual(values(found), ['c']);
    await put({ ...at, value: found.values[0] });
    assert.deepStrictEqual(values(await get(at)), ['c']);
});

check('siblings: 100 and not more (14)', async () => {
    const at = { bucket: 'siblings', key: 'many' };
    for (const i of range(100)) await put({ ...at, value: object(String(i)) });
    await refuses(put({ ...at, value: object('one more') }), '{too_many_siblings,101}');
    const found = await get(at);
    assert.strictEqual(found.values.length, 100);
    await del({ ...at, vclock: found.vclock });
    assert.strictEqual((await get(at)).isNotFound, true);
});

check('no siblings without allow_mult, nor with last_write_wins (7)', async () => {
    await setProps({ bucket: 'last', allowMult: true, lastWriteWins: true });
    for (const bucket of ['kv', 'last']) {
        await put({ bucket, key: 'single', value: object('1') });
        const two = await put({ bucket, key: 'single', value: object('2'), returnBody: true });
        assert.deepStrictEqual(values(two), ['2']);
    }
});

// --- delete ---

check('delete: without vclock, with one, of nothing (6.3)', async () => {
    for (const bucket of ['kv', 'siblings']) {
        const at = { bucket, key: 'deleted' };
        assert.strictEqual(await del(at), true);
        await put({ ...at, value: object('1') });
        await put({ ...at, value: object('2') });
        assert.strictEqual(await del(at), true);
        assert.strictEqual((await get(at)).isNotFound, true);
        const { vclock } = await get({ ...at, returnDeletedVClock: true });
        const again = await put({ ...at, value: object('3'), vclock, returnBody: true });
        assert.deepStrictEqual(values(again), ['3']);
        assert.strictEqual(await del({ ...at, vclock: again.vclock }), true);
        assert.strictEqual((await get(at)).isNotFound, true);
    }
});

check('delete: with a stale vclock the tombstone is a sibling (6.3)', async () => {
    const at = { bucket: 'siblings', key: 'stale' };
    const { vclock } = await put({ ...at, value: object('1'), returnBody: true });
    await put({ ...at, value: object('2'), vclock });
    await del({ ...at, vclock });
    const found = await get(at);
    assert.deepStrictEqual(found.values.map((o) => o.isTombstone).sort(), [false, true]);
    assert.strictEqual(text(found.values.find((o) => !o.isTombstone)), '2');
    await del({ ...at, vclock: found.vclock });
    assert.strictEqual((await get(at)).isNotFound, true);
});

check('delete: then a put without vclock (6.3)', async () => {
    const at = { bucket: 'siblings', key: 'after' };
    await put({ ...at, value: object('1') });
    await del(at);
    const both = await put({ ...at, value: object('2'), returnBody: true });
    assert.deepStrictEqual(both.values.map((o) => o.isTombstone).sort(), [false, true]);
    await put({ bucket: 'kv', key: 'after', value: object('1') });
    await del({ bucket: 'kv', key: 'after' });
    const single = await put({ bucket: 'kv', key: 'after', value: object('2'), returnBody: true });
    assert.deepStrictEqual(values(single), ['2']);
});

// --- expiry ---

check('expiry: by the ttl of a bucket type, anew with each write', async () => {
    const at = { bucketType: 'short', bucket: 'expiry', key: 'k' };
    await put({ ...at, value: object('1') });
    await sleep(1200);
    const { vclock } = await get(at);
    const written = clockMs();
    await put({ ...at, value: object('2'), vclock });
    await until(async () => (await get(at)).isNotFound, 10000, 'the key expires');
    const lived = clockMs() - written;
    assert.ok(lived >= 1900, `lived ${lived} ms of 2 s`);
    assert.strictEqual((await get({ ...at, returnDeletedVClock: true })).isNotFound, true);
    await put({ ...at, value: object('3'), ifNoneMatch: true });
});

check('expiry: by user metadata X-Ephemeral-TTL, which stands above the bucket', async () => {
    const lasting = (at, seconds) =>
        put({ ...at, value: object('v').setUserMeta([{ key: 'X-Ephemeral-TTL', value: seconds }]) });
    const brief = { bucket: 'kv', key: 'brief' };
    const ever = { bucketType: 'short', bucket: 'expiry', key: 'ever' };
    const longer = { bucketType: 'short', bucket: 'expiry', key: 'longer' };
    await lasting(brief, '1');
    await lasting(ever, '0');
    await lasting(longer, '3600');
    const written = clockMs();
    assert.deepStrictEqual((await get(brief)).values[0].userMeta, [{ key: 'X-Ephemeral-TTL', value: '1' }]);
    await until(async () => (await get(brief)).isNotFound, 10000, 'the key expires');
    assert.ok(clockMs() - written >= 900);
    await sleep(Math.max(0, 2500 - (clockMs() - written)));
    assert.deepStrictEqual(values(await get(ever)), ['v']);
    assert.deepStrictEqual(values(await get(longer)), ['v']);
    assert.deepStrictEqual(await list('listKeys', { bucketType: 'short', bucket: 'expiry' }).then((l) => l.names.filter((k) => k !== 'k').sort()),
        ['ever', 'longer']);
    for (const wrong of ['soon', '', '-1', '1.5', '99999999999'])
        await refuses(lasting(brief, wrong), /^Invalid X-Ephemeral-TTL/);
});

// --- bucket properties ---

const DEFAULTS = { nVal: 3, allowMult: false, lastWriteWins: false, hasPrecommit: true, hasPostcommit: true, oldVClock: 86400,
    youngVClock: 20, bigVClock: 50, smallVClock: 50, pr: 0, r: QUORUM, w: QUORUM, pw: 0, dw: QUORUM, rw: QUORUM,
    basicQuorum: false, notFoundOk: true, search: null, consistent: null, repl: null, hllPrecision: null, precommit: [],
    postcommit: [], chashKeyfun: { mod: 'riak_core_util', fun: 'chash_std_keyfun' },
    linkFun: { mod: 'riak_kv_wm_link_walker', fun: 'mapreduce_linkfun' } };

check('bucket properties: the defaults (9)', async () => {
    assert.deepStrictEqual(await props({ bucket: 'untouched' }), DEFAULTS);
});

check('bucket properties: set, get, reset (9)', async () => {
    const bucket = 'props';
    const changes = { nVal: 5, allowMult: true, lastWriteWins: true, oldVClock: 1, youngVClock: 0, bigVClock: 3, smallVClock: 4,
        pr: 1, r: ALL, w: ONE, pw: 2, dw: 0, rw: 3, basicQuorum: true, notFoundOk: false, search: true,
        chashKeyfun: { mod: 'm', fun: 'f' } };
    assert.strictEqual(await setProps({ bucket, ...changes, backend: 'memory', searchIndex: 'an_index' }), true);
    const wanted = { ...DEFAULTS, ...changes, backend: 'memory', searchIndex: 'an_index' };
    assert.deepStrictEqual(await props({ bucket }), wanted);
    assert.strictEqual(await setProps({ bucket, r: 1 }), true);
    assert.deepStrictEqual(await props({ bucket }), { ...wanted, r: 1 });
    assert.deepStrictEqual(await props({ bucket: 'other props' }), DEFAULTS);
    assert.strictEqual(await ask('resetBucketProps', { bucket }), true);
    assert.deepStrictEqual(await props({ bucket }), DEFAULTS);
    assert.strictEqual(await ask('resetBucketProps', { bucket: 'untouched' }), true);
});

check('bucket properties: hooks only with has_precommit (9)', async () => {
    const bucket = 'hooks';
    const precommit = [{ mod: 'm', fun: 'f' }, { name: 'JS.name' }];
    await setProps({ bucket, precommit });
    assert.deepStrictEqual((await props({ bucket })).precommit, []);
    const hooks = [{ modfun: { module: bytes('m'), function: bytes('f') } }, { name: bytes('JS.name') }];
    const set = (fields) => raw('RpbSetBucketReq', 'RpbSetBucketResp', { bucket: bytes(bucket), props: fields });
    await set({ precommit: hooks, has_precommit: true });
    assert.deepStrictEqual((await props({ bucket })).precommit, precommit);
    await set({ precommit: [], has_precommit: true });
    assert.deepStrictEqual(await props({ bucket }), DEFAULTS);
});

check('bucket properties: they rule the requests', async () => {
    const at = { bucket: 'small', key: 'k' };
    await setProps({ bucket: at.bucket, nVal: 1 });
    await put({ ...at, value: object('v'), w: 1 });
    await refuses(put({ ...at, value: object('v'), w: 2 }), '{n_val_violation,1}');
    await refuses(get({ ...at, r: 3 }), '{n_val_violation,1}');
    await setProps({ bucket: at.bucket, nVal: 1, r: 2 });
    await refuses(get(at), '{n_val_violation,1}');
    await ask('resetBucketProps', { bucket: at.bucket });
    assert.deepStrictEqual(values(await get({ ...at, r: 3 })), ['v']);
});

check('bucket properties: what is refused (9)', async () => {
    const bucket = 'refused';
    const set = (fields) => raw('RpbSetBucketReq', 'RpbSetBucketResp', { bucket: bytes(bucket), props: fields });
    for (const [fields, reason] of WRONG_PROPS) await refuses(set(fields), `Invalid bucket properties: ${reason}`);
    await refuses(set({ n_val: 100000 }), /^Invalid bucket properties: \[\{n_val,/);
    // Nothing of a request that is wrong in one place is taken.
    await refuses(setProps({ bucket, allowMult: true, r: 0 }), 'Invalid bucket properties: [{r,not_valid_quorum}]');
    assert.deepStrictEqual(await props({ bucket }), DEFAULTS);
    // Stored unvalidated, as Riak does for buckets without a type.
    await set({ datatype: bytes('set'), hll_precision: 20, search_index: bytes('foo'), backend: bytes('x') });
    assert.deepStrictEqual(await props({ bucket }),
        { ...DEFAULTS, dataType: 'set', hllPrecision: 20, searchIndex: 'foo', backend: 'x' });
    await ask('resetBucketProps', { bucket });
});

check('bucket properties: a bucket without a name is answered (9)', async () => {
    const answer = await raw('RpbGetBucketReq', 'RpbGetBucketResp', { bucket: Buffer.alloc(0) });
    assert.strictEqual(answer.props.n_val, 3);
});

// --- bucket types ---

const typeProps = (bucketType) => ask('fetchBucketTypeProps', { bucketType });

check('bucket types: default and those of the configuration (9)', async () => {
    assert.deepStrictEqual(await typeProps('default'), DEFAULTS);
    const typed = { ...DEFAULTS, allowMult: true };
    assert.deepStrictEqual(await typeProps('plain'), typed);
    // The client does not know the field of ttl, and reads the others.
    assert.deepStrictEqual(await typeProps('short'), typed);
    assert.deepStrictEqual(await typeProps('single'), { ...DEFAULTS, nVal: 5, r: ONE });
    assert.deepStrictEqual(await typeProps('maps'), { ...typed, dataType: 'map' });
    assert.deepStrictEqual(await typeProps('hlls'), { ...typed, dataType: 'hll', hllPrecision: 13 });
    assert.deepStrictEqual(await props({ bucketType: 'maps', bucket: 'any' }), { ...typed, dataType: 'map' });
});

check('bucket types: the same bucket and key in two types are two keys', async () => {
    const at = { bucket: 'types', key: 'k' };
    await put({ ...at, value: object('untyped') });
    await put({ ...at, bucketType: 'plain', value: object('plain') });
    assert.deepStrictEqual(values(await get(at)), ['untyped']);
    assert.deepStrictEqual(values(await get({ ...at, bucketType: 'default' })), ['untyped']);
    assert.deepStrictEqual(values(await get({ ...at, bucketType: 'plain' })), ['plain']);
    assert.strictEqual((await get({ ...at, bucketType: 'single' })).isNotFound, true);
    await put({ ...at, bucketType: 'plain', value: object('sibling') });
    assert.deepStrictEqual(values(await get({ ...at, bucketType: 'plain' })), ['plain', 'sibling']);
});

check('bucket types: write_once answers nothing (6.2)', async () => {
    const at = { bucketType: 'once', bucket: 'b', key: 'k' };
    const nothing = { generatedKey: null, vclock: null, values: [] };
    assert.deepStrictEqual(await put({ ...at, value: object('1'), returnBody: true }), nothing);
    assert.deepStrictEqual(await put({ ...at, value: object('2').addToIndex('a_bin', 'x'), returnBody: true }), nothing);
    assert.strictEqual((await get(at)).values.length, 1);
});

check('bucket types: unknown ones (9)', async () => {
    const unknown = "No bucket-type named 'nosuch'";
    await refuses(typeProps('nosuch'), 'Invalid bucket type: <<"nosuch">>');
    await refuses(props({ bucketType: 'nosuch', bucket: 'b' }), unknown);
    await refuses(setProps({ bucketType: 'nosuch', bucket: 'b', allowMult: true }), unknown);
    await refuses(list('listKeys', { bucketType: 'nosuch', bucket: 'b' }), unknown);
    await refuses(list('listBuckets', { bucketType: 'nosuch' }), unknown);
    assert.strictEqual(await ask('resetBucketProps', { bucketType: 'nosuch', bucket: 'b' }), true);
});

check('bucket types: set (9)', async () => {
    const set = (bucketType, fields) => ask('storeBucketTypeProps', { bucketType, ...fields });
    await refuses(set('nosuch', { nVal: 2 }), 'Invalid bucket properties: not_active');
    await refuses(set('default', { nVal: 2 }), 'Invalid bucket properties: no_default_update');
    await refuses(set('plain', { lastWriteWins: true }), /dvv_enabled/);
    await refuses(set('counters', { allowMult: false }), /Data Type buckets must be allow_mult=true/);
    await refuses(set('hlls', { hllPrecision: 14 }), /^Invalid bucket properties: \[\{hll_precision,\s+"14 not supported/);
    assert.strictEqual(await set('plain', { nVal: 4, r: 1 }), true);
    assert.deepStrictEqual(await typeProps('plain'), { ...DEFAULTS, allowMult: true, nVal: 4, r: 1 });
    assert.strictEqual((await props({ bucketType: 'plain', bucket: 'types' })).nVal, 4);
    assert.strictEqual(await set('plain', { nVal: 3, r: QUORUM }), true);
    assert.deepStrictEqual(await typeProps('plain'), { ...DEFAULTS, allowMult: true });
});

check('bucket types: properties of a typed bucket (9)', async () => {
    const at = { bucketType: 'plain', bucket: 'typed' };
    await setProps({ ...at, allowMult: false, nVal: 2 });
    assert.deepStrictEqual(await props(at), { ...DEFAULTS, nVal: 2 });
    assert.strictEqual((await props({ bucket: at.bucket })).nVal, 3);
    const set = (fields) => raw('RpbSetBucketReq', 'RpbSetBucketResp',
        { type: bytes('plain'), bucket: bytes('typed'), props: fields });
    await refuses(set({ datatype: bytes('set') }), 'Invalid bucket properties: [{datatype,"`datatype` must not be defined."}]');
    await refuses(set({ write_once: true }), /Cannot set existing bucket type to `write_once`/);
    await refuses(set({ consistent: true }), /^Invalid bucket properties: \[\{consistent,/);
    await ask('resetBucketProps', at);
    assert.deepStrictEqual(await props(at), { ...DEFAULTS, allowMult: true });
});

// --- lists ---

check('list keys: none, one, many (8)', async () => {
    const keys = (bucket, options) => list('listKeys', { bucket, ...options });
    assert.deepStrictEqual((await keys('no such bucket')).names, []);
    await put({ bucket: 'list one', key: 'only', value: 'v' });
    assert.deepStrictEqual((await keys('list one')).names, ['only']);
    const wanted = range(3000).map((i) => `key ${i}`);
    for (let i = 0; i < wanted.length; i += CROWD)
        await Promise.all(wanted.slice(i, i + CROWD).map((key) => ask('storeValue', { bucket: 'list many', key, value: 'v' }, crowd)));
    await put({ bucket: 'list many', key: 'deleted', value: 'v' });
    await del({ bucket: 'list many', key: 'deleted' });
    const many = await keys('list many', { timeout: 20000 });
    assert.ok(many.parts > 2, `${many.parts} parts`);
    assert.deepStrictEqual(many.names.sort(), wanted.sort());
    // In one piece, as the client gives it when it is not to stream.
    const whole = await keys('list many', { stream: false });
    assert.strictEqual(whole.parts, 1);
    assert.deepStrictEqual(whole.names.sort(), wanted);
});

check('list buckets: streamed and not (8)', async () => {
    const buckets = (options) => list('listBuckets', options);
    await put({ bucket: 'Список/ %', key: 'k', value: 'v' });
    await put({ bucketType: 'single', bucket: 'listed', key: 'k', value: 'v' });
    await put({ bucketType: 'single', bucket: 'emptied', key: 'k', value: 'v' });
    await del({ bucketType: 'single', bucket: 'emptied', key: 'k' });
    assert.deepStrictEqual((await buckets({ bucketType: 'single' })).names, ['listed']);
    assert.deepStrictEqual((await buckets({ bucketType: 'hlls' })).names, []);
    const untyped = await buckets({ stream: false });
    assert.strictEqual(untyped.parts, 1);
    assert.ok(untyped.names.includes('kv') && untyped.names.includes('Список/ %') && !untyped.names.includes('listed'));
    // Not streamed on the wire: one answer, and no word of being done. The client streams always, and would wait for that
    // word before it uses the connection again: one for this alone.
    const once = await raw('RpbListBucketsReq', 'RpbListBucketsResp', {}, await newClient(1));
    assert.strictEqual(once.done, null);
    assert.deepStrictEqual(once.buckets.map((b) => b.toString('utf8')).sort(), untyped.names.sort());
});

// --- races ---

check(`race: ${CROWD} connections put with if_none_match, one wins`, async () => {
    for (const round of range(10)) {
        const at = { bucket: 'race', key: `none match ${round}` };
        const winner = await oneWins((i) =>
            ask('storeValue', { ...at, value: object(String(i)), ifNoneMatch: true }, crowd), 'match_found');
        assert.deepStrictEqual(values(await get(at)), [String(winner)]);
    }
});

check(`race: ${CROWD} connections put with if_not_modified, one wins`, async () => {
    const at = { bucket: 'race', key: 'not modified' };
    let { vclock } = await put({ ...at, value: object('0'), returnBody: true });
    for (const round of range(10)) {
        const winner = await oneWins((i) =>
            ask('storeValue', { ...at, value: object(`${round} ${i}`), ifNotModified: true, vclock }, crowd), 'modified');
        const found = await get(at);
        assert.deepStrictEqual(values(found), [`${round} ${winner}`]);
        vclock = found.vclock;
    }
});

check(`race: ${CROWD} connections put siblings, none is lost`, async () => {
    const at = { bucket: 'siblings', key: 'race' };
    await Promise.all(range(CROWD).map((i) => ask('storeValue', { ...at, value: object(String(i)) }, crowd)));
    assert.deepStrictEqual(values(await get(at)), range(CROWD).map(String).sort());
});

// What each phase has given.
const mapReduce = (job) => new Promise((resolve, reject) => {
    const phases = {};
    client.mapReduce(JSON.stringify(job), (err, result, data) => {
        if (err) return settle(resolve, reject)(err, result, data);
        if (result.response) phases[result.phase] = (phases[result.phase] || []).concat(result.response);
        if (result.done) resolve(phases);
    });
});

check('map/reduce with Riak\'s functions (13)', async () => {
    const bucket = 'map reduce';
    for (const i of range(50)) await put({ bucket, key: String(i), value: object(String(i)) });
    const builtin = (kind, name, more) => ({ [kind]: { language: 'erlang', module: 'riak_kv_mapreduce', function: name, ...more } });
    const job = { inputs: bucket, query: [builtin('map', 'map_object_value'), builtin('reduce', 'reduce_string_to_integer'),
        builtin('reduce', 'reduce_sort', { keep: true }), builtin('reduce', 'reduce_sum')] };
    assert.deepStrictEqual(await mapReduce(job), { 2: range(50), 3: [49 * 25] });
    const javascript = { inputs: bucket, query: [{ map: { language: 'javascript', name: 'Riak.mapValues' } }] };
    await refuses(mapReduce(javascript), /no JavaScript/);
});

check('preflist: who keeps a key (3)', async () => {
    const { preflist } = await ask('fetchPreflist', { bucket: 'b', key: 'k' });
    assert.strictEqual(preflist.length, 3);
    for (const { node, primary } of preflist) {
        assert.match(node, /^riak@127\.\d+\.\d+\.\d+$/);
        assert.strictEqual(primary, true);
    }
});

// --- secondary indexes ---

// All parts of a query's streamed answer.
const query = (options) => new Promise((resolve, reject) => {
    const hits = [];
    client.secondaryIndexQuery(options, (err, result, data) => {
        if (err) return settle(resolve, reject)(err, result, data);
        hits.push(...result.values.map(({ indexKey, objectKey }) => [indexKey && String(indexKey), String(objectKey)]));
        if (result.done) resolve({ hits, continuation: result.continuation });
    });
});

check('secondary indexes: one term, ranges, pages, and the special ones (10)', async () => {
    const bucket = 'indexes';
    const terms = (hits) => hits.map(([term, key]) => `${term} ${key}`);
    for (const i of range(20)) {
        const value = object(String(i)).addToIndex('number_int', i).addToIndex('parity_bin', i % 2 ? 'odd' : 'even');
        await put({ bucket, key: `key-${i}`, value });
    }
    const odd = await query({ bucket, indexName: 'parity_bin', indexKey: 'odd' });
    assert.deepStrictEqual(odd.hits.map(([, key]) => key).sort(), range(20).filter((i) => i % 2).map((i) => `key-${i}`).sort());
    const some = { bucket, indexName: 'number_int', rangeStart: 8, rangeEnd: 12, returnKeyAndIndex: true };
    assert.deepStrictEqual(terms((await query(some)).hits).sort(), ['10 key-10', '11 key-11', '12 key-12', '8 key-8', '9 key-9']);
    const found = [];
    let continuation;
    do {
        const page = await query({ ...some, maxResults: 2, continuation });
        found.push(...terms(page.hits));
        ({ continuation } = page);
    } while (continuation);
    assert.deepStrictEqual(found, ['8 key-8', '9 key-9', '10 key-10', '11 key-11', '12 key-12']);
    const keys = await query({ bucket, indexName: '$key', rangeStart: 'key-1', rangeEnd: 'key-13' });
    assert.deepStrictEqual(keys.hits.map(([, key]) => key).sort(), ['key-1', 'key-10', 'key-11', 'key-12', 'key-13']);
    assert.strictEqual((await query({ bucket, indexName: '$bucket', indexKey: bucket })).hits.length, 20);
});

// --- data types ---

const CRDT = Riak.Commands.CRDT;
const dt = (bucketType, key) => ({ bucketType, bucket: 'data types', key });
// Commands that the client itself has no method for.
const execute = (Command, options) => new Promise((resolve, reject) =>
    client.execute(new Command(options, settle(resolve, reject))));

check('counters: not found, up and down, without a key (12)', async () => {
    const at = dt('counters', 'c');
    assert.strictEqual((await ask('fetchCounter', at)).isNotFound, true);
    assert.strictEqual((await ask('updateCounter', { ...at, increment: 10 })).counterValue, 10);
    assert.strictEqual((await ask('updateCounter', { ...at, increment: -13, returnBody: true })).counterValue, -3);
    assert.strictEqual(await ask('updateCounter', { ...at, increment: 1, returnBody: false }), null);
    const { counterValue, isNotFound } = await ask('fetchCounter', at);
    assert.deepStrictEqual([counterValue.toNumber ? counterValue.toNumber() : counterValue, isNotFound], [-2, false]);
    const { generatedKey } = await ask('updateCounter', { ...dt('counters'), increment: 7 });
    assert.strictEqual(Number((await ask('fetchCounter', dt('counters', generatedKey))).counterValue), 7);
    await refuses(ask('updateCounter', { ...dt('sets', 'c'), increment: 1 }),
        'Operation type is `counter` but  bucket type is `set`.');
    await refuses(ask('fetchCounter', dt('plain', 'c')), '`undefined` is not a supported type');
});

check(`race: ${CROWD} connections increment a counter, none is lost`, async () => {
    const at = dt('counters', 'race');
    const times = 20;
    await Promise.all(range(CROWD).map(async () => {
        for (const _ of range(times)) await ask('updateCounter', { ...at, increment: 1 }, crowd);
    }));
    assert.strictEqual(Number((await ask('fetchCounter', at)).counterValue), CROWD * times);
});

check('sets: adds, removes that need a context, adds that win (12)', async () => {
    const at = dt('sets', 's');
    assert.strictEqual((await ask('fetchSet', at)).isNotFound, true);
    const first = await ask('updateSet', { ...at, additions: ['b', 'a', 'b'], returnBody: true });
    assert.deepStrictEqual(first.values, ['a', 'b']);
    await ask('updateSet', { ...at, additions: ['a', 'c'], returnBody: false });
    const removed = await ask('updateSet', { ...at, context: first.context, removals: ['a', 'b'] });
    assert.deepStrictEqual(removed.values, ['a', 'c']);
    const now = await ask('fetchSet', { ...at, setsAsBuffers: true });
    assert.deepStrictEqual([now.isNotFound, now.values.map(String)], [false, ['a', 'c']]);
    const empty = await ask('updateSet', { ...at, context: now.context, removals: ['a', 'c'] });
    assert.deepStrictEqual(empty.values, []);
    assert.deepStrictEqual((await ask('fetchSet', at)).values, []);
});

check('maps: every kind of field, within maps, and their removal (12)', async () => {
    const at = dt('maps', 'm');
    assert.strictEqual((await ask('fetchMap', at)).isNotFound, true);
    const op = new CRDT.UpdateMap.MapOperation();
    op.incrementCounter('c', 3).addToSet('s', 'y').addToSet('s', 'x').setRegister('r', bytes('text')).setFlag('f', true);
    op.map('m').incrementCounter('inner', 1).map('deep').setFlag('on', true);
    const first = await ask('updateMap', { ...at, op });
    const plain = ({ map }) => ({ counters: map.counters, sets: map.sets, flags: map.flags,
        registers: Object.fromEntries(Object.entries(map.registers).map(([k, v]) => [k, String(v)])),
        inner: map.maps.m && [map.maps.m.counters, map.maps.m.maps.deep.flags] });
    const all = { counters: { c: 3 }, sets: { s: ['x', 'y'] }, flags: { f: true }, registers: { r: 'text' },
        inner: [{ inner: 1 }, { on: true }] };
    assert.deepStrictEqual(JSON.parse(JSON.stringify(plain(first))), all);
    assert.deepStrictEqual(JSON.parse(JSON.stringify(plain(await ask('fetchMap', at)))), all);
    await ask('updateMap', { ...at, op: new CRDT.UpdateMap.MapOperation().addToSet('s', 'z') });
    const removal = new CRDT.UpdateMap.MapOperation();
    removal.removeCounter('c').removeRegister('r').removeFlag('f').removeMap('m').removeSet('s');
    const rest = await ask('updateMap', { ...at, op: removal, context: first.context });
    assert.deepStrictEqual(rest.map.sets, { s: ['z'] });
    assert.deepStrictEqual([rest.map.counters, rest.map.registers, rest.map.flags, rest.map.maps].map(Object.keys).flat(), []);
});

check('HyperLogLogs (12)', async () => {
    const at = dt('hlls', 'h');
    assert.strictEqual((await execute(CRDT.FetchHll, at)).isNotFound, true);
    await execute(CRDT.UpdateHll, { ...at, additions: ['a', 'b', 'a'] });
    assert.strictEqual((await execute(CRDT.UpdateHll, { ...at, additions: ['c'], returnBody: true })).cardinality, 3);
    assert.strictEqual(Number((await execute(CRDT.FetchHll, at)).cardinality), 3);
});

check('data types as plain objects: their content type, and their end (12)', async () => {
    const at = dt('sets', 'plain');
    await ask('updateSet', { ...at, additions: ['a'] });
    const { values: found } = await get(at);
    assert.strictEqual(found[0].contentType, 'application/riak_set');
    await del(at);
    assert.strictEqual((await ask('fetchSet', at)).isNotFound, true);
});

// --- what is not served ---

check('commands that are not served: an error, and the connection lives (2)', async () => {
    const unserved = [
        [27, ['search', { indexName: 'i', q: '*:*' }]],
        [54, ['fetchIndex', { indexName: 'i' }]],
        [56, ['storeIndex', { indexName: 'i' }]],
        [57, ['deleteIndex', { indexName: 'i' }]],
        [58, ['fetchSchema', { schemaName: 's' }]],
        [60, ['storeSchema', { schemaName: 's', schema: '<x/>' }]],
        [90, ['tsQuery', { query: 'select 1' }]],
        [94, ['tsDelete', { table: 't', key: ['k'] }]],
        [96, ['tsGet', { table: 't', key: ['k'] }]],
        [98, ['tsListKeys', { table: 't' }]],
    ];
    const connection = connectionOf(client);
    for (const [code, [method, options]] of unserved) {
        const err = await refuses(ask(method, options), `Unknown message code: ${code}`);
        assert.strictEqual(err.data.code, 0, method);
        assert.strictEqual(await ask('ping'), true);
    }
    assert.strictEqual(connectionOf(client), connection);
});

check('StartTls and AuthReq once more: an error, and the connection lives (15)', async () => {
    const connection = connectionOf(client);
    await refuses(raw('RpbStartTls', 'RpbStartTls'), 'Security not enabled; STARTTLS not allowed.');
    const auth = { user: bytes('myuser'), password: bytes('') };
    await refuses(raw('RpbAuthReq', 'RpbAuthResp', auth), 'Unknown message code: 253');
    assert.strictEqual(await ask('ping'), true);
    assert.strictEqual(connectionOf(client), connection);
});

// --- who is refused ---

// What becomes of a connection with this identity. Of an alert during the handshake the client tells nobody: its socket
// has the error.
async function outcomeOf(auth) {
    const connection = new RiakConnection({ remoteAddress: host, remotePort: port, connectionTimeout: 15000, auth });
    let outcome;
    connection.on('connected', () => { outcome = 'connected'; });
    connection.on('connectFailed', (failed, err) => { outcome = String(err); });
    connection.connect();
    return until(() => {
        const socket = connection._connection;
        if (socket && socket.errored) outcome = `handshake: ${socket.errored.message}`;
        return outcome;
    }, 30000, 'the connection opens or fails');
}

check('refused: no certificate, one of another root, another user, a name that is none', () =>
    // The client wants either a password or a certificate.
    noStrangers((user, tls) => outcomeOf({ user, ...tls, ...!tls.cert && { password: 'secret' } })));

check('refused: without TLS nothing but a request for it is answered (15)', async () => {
    const plain = await newClient(1, { auth: undefined });
    const refusal = 'Security is enabled, please STARTTLS first';
    await refuses(ask('ping', undefined, plain), refusal);
    await refuses(ask('fetchValue', { bucket: 'kv', key: 'first' }, plain), refusal);
    await stop(plain);
});

// --- users that an operator makes; last, for they open a door without certificates ---

check('users: by password, with what they are granted, until it is revoked (15)', async () => {
    operate('user add riakpass password=-', 'Test1234');
    operate('user source add riakpass 127.0.0.0/8 password');
    const login = (password) => outcomeOf({ user: 'riakpass', password, ca });
    assert.match(await login('another'), /Authentication failed/);
    assert.strictEqual(await login('Test1234'), 'connected');
    const other = await newClient(1, { auth: { user: 'riakpass', password: 'Test1234', ca } });
    const first = { bucket: 'kv', key: 'first' };
    const denied = (what) => new RegExp(`^Permission denied: User 'riakpass' does not have 'riak_kv.${what}' on default/kv$`);
    await refuses(ask('fetchValue', first, other), denied('get'));
    operate('user grant riak_kv.get on default kv to riakpass');
    assert.strictEqual(`${(await ask('fetchValue', first, other)).values[0].value}`, 'a value');
    await refuses(ask('storeValue', { ...first, value: object('x') }, other), denied('put'));
    await refuses(ask('deleteValue', first, other), denied('delete'));
    operate('user revoke riak_kv.get on default kv from riakpass');
    await refuses(ask('fetchValue', first, other), denied('get'));
    assert.strictEqual(await ask('ping', undefined, other), true);
    await stop(other);
});

// --- a first program ---

check('the first program of the README', async () => {
    const program = path.join(__dirname, '..', '..', 'examples', 'first-key.js');
    const runProgram = () => new Promise((resolve, reject) => {
        const env = { ...process.env, EPHEMERAL_CERTS: certs };
        execFile(process.execPath, ['-r', path.join(__dirname, 'redirect.js'), program], { env, timeout: 20000 },
            (err, out, errors) => err ? reject(new Error(`${err.message}\n${out}${errors}`)) : resolve(out));
    });
    assert.strictEqual(await runProgram(), 'no such key\n');
    await put({ bucket: 'greetings', key: 'first', value: object('hello, world') });
    assert.strictEqual(await runProgram(), 'hello, world\n');
});

run(async () => {
    client = await newClient(1);
    crowd = await newClient(CROWD);
    await put({ bucket: 'kv', key: 'first', value: object('a value') });
    await setProps({ bucket: 'siblings', allowMult: true });
});
