// SPDX-License-Identifier: Apache-2.0
'use strict';
// The messages of proto/riak.proto in both directions, so loosely that what no client would send can be said as well. A
// message on the wire is a list of fields:
//
//   { key, wire, value }    key: the field's name, or its number where the message has no such field
//                           wire: 'varint', 'bytes', 'fixed32', 'fixed64', or 'message' for a message inside
//                           value: a BigInt, a Buffer, or a list of fields
//
// and `type`, the schema's, where it was decoded and is known. Nothing is required, nothing is merged, and the order is
// the one on the wire.

const fs = require('fs');
const path = require('path');

const schema = fs.readFileSync(path.join(__dirname, '../../proto/riak.proto'), 'utf8');

// Message codes (riak-protocol.md section 2). What has no message in the schema has no body.
const CODES = new Map(Object.entries({
    RpbErrorResp: 0, RpbPingReq: 1, RpbPingResp: 2, RpbGetClientIdReq: 3, RpbGetClientIdResp: 4, RpbSetClientIdReq: 5,
    RpbSetClientIdResp: 6, RpbGetServerInfoReq: 7, RpbGetServerInfoResp: 8, RpbGetReq: 9, RpbGetResp: 10, RpbPutReq: 11,
    RpbPutResp: 12, RpbDelReq: 13, RpbDelResp: 14, RpbListBucketsReq: 15, RpbListBucketsResp: 16, RpbListKeysReq: 17,
    RpbListKeysResp: 18, RpbGetBucketReq: 19, RpbGetBucketResp: 20, RpbSetBucketReq: 21, RpbSetBucketResp: 22,
    RpbMapRedReq: 23, RpbMapRedResp: 24, RpbIndexReq: 25, RpbIndexResp: 26, RpbResetBucketReq: 29, RpbResetBucketResp: 30, RpbGetBucketTypeReq: 31, RpbSetBucketTypeReq: 32, RpbGetBucketKeyPreflistReq: 33,
    RpbGetBucketKeyPreflistResp: 34, RpbCounterUpdateReq: 50,
    RpbCounterUpdateResp: 51, RpbCounterGetReq: 52, RpbCounterGetResp: 53, DtFetchReq: 80, DtFetchResp: 81,
    DtUpdateReq: 82, DtUpdateResp: 83, RpbAuthReq: 253,
    RpbAuthResp: 254, RpbStartTls: 255,
}));
const NAMES = new Map([...CODES].map(([name, code]) => [code, name]));

const SCALARS = { bytes: 'bytes', uint32: 'varint', uint64: 'varint', int64: 'varint', sint64: 'varint', bool: 'varint' };
const WIRES = { 0: 'varint', 1: 'fixed64', 2: 'bytes', 5: 'fixed32' };
const WIRE_NUMBERS = { varint: 0, fixed64: 1, bytes: 2, message: 2, fixed32: 5 };

// --- the schema ---

const newMessage = () => ({ byName: new Map(), byNumber: new Map() });

function addField(message, type, name, number) {
    const field = { name, number: BigInt(number), type };
    message.byName.set(name, field);
    message.byNumber.set(field.number, field);
}

// Reads messages, their fields, and enums inside them; of an enum only the values' names are kept.
function parseSchema(text) {
    const messages = new Map();
    const words = new Map();
    const enums = new Set();
    let message;
    let inEnum = false;
    const rules = [
        [/\s*message (\w+) \{/y, (name) => messages.set(name, message = newMessage())],
        [/\s*enum (\w+) \{/y, (name) => { inEnum = true; enums.add(name); }],
        [/\s*(?:required|optional|repeated) (\w+) (\w+) = (\d+)[^;]*;/y, (...field) => addField(message, ...field)],
        [/\s*(\w+) = (\d+);/y, (name, value) => words.set(name, BigInt(value))],
        [/\s*\}/y, () => { if (inEnum) inEnum = false; else message = undefined; }],
        [/\s*syntax = "proto2";/y, () => {}],
        [/\s+$/y, () => {}],
    ];
    text = text.replace(/\/\/.*/g, '');
    for (let at = 0; at < text.length;) {
        const hit = rules.find(([regex]) => { regex.lastIndex = at; return regex.test(text); });
        if (!hit) throw new Error(`proto/riak.proto: cannot read '${text.slice(at, at + 60)}'`);
        hit[0].lastIndex = at;
        const [all, ...parts] = hit[0].exec(text);
        hit[1](...parts);
        at += all.length;
    }
    return { messages, words, enums };
}

const { messages, words: enumWords, enums } = parseSchema(schema);

const messageOf = (name) => messages.get(name) || newMessage();

// 'varint', 'bytes', or 'message'.
function wireOf(field) {
    if (messages.has(field.type)) return 'message';
    return enums.has(field.type) ? 'varint' : SCALARS[field.type];
}

// --- to the wire ---

function varint(value) {
    const bytes = [];
    for (value = BigInt.asUintN(64, value); value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    bytes.push(Number(value));
    return Buffer.from(bytes);
}

function fixed(size, value) {
    const bytes = Buffer.alloc(size);
    if (size === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    else bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)));
    return bytes;
}

const delimited = (bytes) => Buffer.concat([varint(BigInt(bytes.length)), bytes]);

function encodeValue(wire, value, inner) {
    switch (wire) {
    case 'varint': return varint(value);
    case 'fixed32': return fixed(4, value);
    case 'fixed64': return fixed(8, value);
    case 'bytes': return delimited(value);
    default: return delimited(encode(inner, value));
    }
}

// The body of message `name` with these fields, in this order.
function encode(name, fields) {
    const message = messageOf(name);
    return Buffer.concat(fields.flatMap(({ key, wire, value }) => {
        const field = message.byName.get(key);
        const number = field ? field.number : BigInt(key);
        const tag = varint(number << 3n | BigInt(WIRE_NUMBERS[wire]));
        return [tag, encodeValue(wire, value, field && field.type)];
    }));
}

// --- from the wire ---

class Reader {
    constructor(bytes) {
        this.bytes = bytes;
        this.at = 0;
    }

    take(n) {
        if (this.at + n > this.bytes.length) throw new Error('truncated');
        this.at += n;
        return this.bytes.subarray(this.at - n, this.at);
    }

    varint() {
        let value = 0n;
        for (let shift = 0n; ; shift += 7n) {
            const [byte] = this.take(1);
            value |= BigInt(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
            if (shift === 63n) throw new Error('a varint of more than ten bytes');
        }
    }

    value(wire) {
        switch (wire) {
        case 'varint': return this.varint();
        case 'fixed32': return BigInt(this.take(4).readUInt32LE());
        case 'fixed64': return this.take(8).readBigUInt64LE();
        case 'bytes': return Buffer.from(this.take(Number(this.varint())));
        default: throw new Error('an unknown wire type');
        }
    }
}

function decodeField(reader, message) {
    const tag = reader.varint();
    const wire = WIRES[Number(tag & 7n)];
    const value = reader.value(wire);
    const field = message.byNumber.get(tag >> 3n);
    if (!field) return { key: String(tag >> 3n), wire, value };
    if (WIRE_NUMBERS[wireOf(field)] !== WIRE_NUMBERS[wire]) throw new Error(`${field.name} as ${wire}`);
    if (wireOf(field) !== 'message') return { key: field.name, wire, value, type: field.type };
    return { key: field.name, wire: 'message', value: decode(field.type, value) };
}

// The fields of message `name`; throws what is wrong with the body.
function decode(name, body) {
    const reader = new Reader(body);
    const fields = [];
    while (reader.at < body.length) fields.push(decodeField(reader, messageOf(name)));
    if (!encode(name, fields).equals(body)) throw new Error('numbers with needless bytes');
    return fields;
}

// --- as text ---

function quote(bytes) {
    const shown = bytes.subarray(0, 400);
    let text = '';
    for (const byte of shown) {
        const char = String.fromCharCode(byte);
        if (char === '"' || char === '\\') text += `\\${char}`;
        else if (char === '\n') text += '\\n';
        else text += byte >= 0x20 && byte < 0x7f ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
    }
    return `"${text}"${shown.length < bytes.length ? `... ${bytes.length} bytes` : ''}`;
}

function fieldText({ key, wire, value, type }) {
    if (type === 'bool' && value <= 1n) return `${key}: ${value === 1n}`;
    if (type === 'sint64') return `${key}: sint(${value & 1n ? -(value >> 1n) - 1n : value >> 1n})`;
    switch (wire) {
    case 'message': return `${key} ${bodyText(value)}`;
    case 'bytes': return `${key}: ${quote(value)}`;
    case 'varint': return `${key}: ${value}`;
    default: return `${key}: ${wire}(${value})`;
    }
}

const bodyText = (fields) => (fields.length ? `{ ${fields.map(fieldText).join(' ')} }` : '{}');

// How a frame stands in a transcript.
function frameText({ code, body }) {
    const name = NAMES.get(code);
    try {
        const fields = decode(name, body);
        const text = name || `frame ${code}`;
        return fields.length ? `${text} ${bodyText(fields)}` : text;
    } catch (err) {
        return `frame ${code} hex ${body.subarray(0, 200).toString('hex')} (${err.message})`;
    }
}

module.exports = { CODES, NAMES, enumWords, messageOf, wireOf, encode, decode, frameText, fieldText, quote };
