// SPDX-License-Identifier: Apache-2.0
'use strict';
// Transcripts as text (the format is told in `run`): read into statements, composed into bytes, and answers compared.

const proto = require('./proto.js');

// Quorum words (riak-protocol.md section 5), and what is true.
const WORDS = new Map([['one', 4294967294n], ['quorum', 4294967293n], ['all', 4294967292n], ['default', 4294967291n],
    ['true', 1n], ['false', 0n], ...proto.enumWords]);
// What answers hold in no defined order (riak-protocol.md section 8).
const UNORDERED = new Set(['keys', 'buckets']);
const NOW_WITHIN_S = 10;

// --- from text: words ---

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(\/(?:[^/\\]|\\.)+\/)|(-?\d+)|(!?\$\w+)|(\w+)|(\.\.|[{}:*()]))/y;
const KINDS = ['string', 'regex', 'number', 'variable', 'word', 'sign'];

function tokens(text) {
    const found = [];
    for (TOKEN.lastIndex = 0; text.slice(TOKEN.lastIndex).trim();) {
        const at = TOKEN.lastIndex;
        const hit = TOKEN.exec(text);
        if (!hit) throw new Error(`cannot read '${text.slice(at, at + 40).trim()}'`);
        const i = hit.slice(1).findIndex((part) => part !== undefined);
        found.push({ kind: KINDS[i], text: hit[i + 1] });
    }
    return found;
}

const UNESCAPED = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

function unquote(text) {
    const plain = text.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (all, hex, char) => {
        if (hex) return String.fromCharCode(parseInt(hex, 16));
        if (!(char in UNESCAPED)) throw new Error(`no escape: ${all}`);
        return UNESCAPED[char];
    });
    return Buffer.from(plain, 'latin1');
}

// --- from text: messages ---

class Parser {
    constructor(text) {
        this.tokens = tokens(text);
        this.at = 0;
    }

    get done() {
        return this.at === this.tokens.length;
    }

    is(text) {
        return !this.done && this.tokens[this.at].text === text;
    }

    skip(text) {
        const there = this.is(text);
        this.at += there;
        return there;
    }

    take(kind, text) {
        const token = this.tokens[this.at++];
        if (!token || token.kind !== kind || (text && token.text !== text))
            throw new Error(`${text || `a ${kind}`} should stand where ${token ? `'${token.text}'` : 'the end'} is`);
        return token.text;
    }

    number() {
        return BigInt(this.take('number'));
    }

    // "...", "..." * TIMES
    bytes() {
        const value = unquote(this.take('string'));
        if (!this.is('*') || this.tokens[this.at + 1]?.kind !== 'number') return { kind: 'bytes', value };
        this.at++;
        return { kind: 'bytes', value: Buffer.alloc(value.length * Number(this.number()), value) };
    }

    word() {
        const word = this.take('word');
        if (word === 'now') return { kind: 'now' };
        if (word === 'fixed32' || word === 'fixed64' || word === 'sint') {
            this.take('sign', '(');
            const value = this.number();
            this.take('sign', ')');
            return word === 'sint' ? { kind: 'varint', value: value < 0n ? -2n * value - 1n : 2n * value }
                : { kind: word, value };
        }
        if (!WORDS.has(word)) throw new Error(`no such word: ${word}`);
        return { kind: 'varint', value: WORDS.get(word) };
    }

    value() {
        const { kind, text } = this.tokens[this.at] || {};
        if (kind === 'string') return this.bytes();
        if (kind === 'word') return this.word();
        if (kind === 'number') return { kind: 'varint', value: this.number() };
        this.at++;
        if (kind === 'variable' && text[0] === '!') return { kind: 'other', name: text.slice(2) };
        if (kind === 'variable') return { kind, name: text.slice(1) };
        if (kind === 'regex') return { kind: 'regex', value: new RegExp(`^(?:${text.slice(1, -1)})$`, 's') };
        if (text === '*') return { kind: 'any' };
        throw new Error(`no value: '${text}'`);
    }

    // One field, or the many of `for`.
    field(message) {
        const { kind } = this.tokens[this.at] || {};
        const key = kind === 'number' ? this.take('number') : this.take('word');
        const known = message.byName.get(key);
        if (kind !== 'number' && !known) throw new Error(`no such field: ${key}`);
        if (this.is('{')) {
            const inner = proto.messageOf(known && known.type);
            return [{ key, known, kind: 'message', value: this.body(inner) }];
        }
        this.take('sign', ':');
        const { text } = this.tokens[this.at] || {};
        const value = this.value();
        if (!this.skip('for')) return [{ key, known, ...value }];
        return range(this.number(), this.take('sign', '..') && this.number())
            .map((i) => ({ key, known, kind: 'bytes', value: unquote(text.replace(/%d/g, i)) }));
    }

    body(message) {
        const fields = [];
        this.take('sign', '{');
        while (!this.skip('}')) fields.push(...this.field(message));
        return fields;
    }
}

const range = (from, to) => Array.from({ length: Number(to - from) + 1 }, (_, i) => Number(from) + i);

// "0a ?? ff ??*22" as bytes, of which undefined ones may be any.
function parseHex(text) {
    return text.trim().split(/\s+/).filter(Boolean).flatMap((word) => {
        const many = /^([0-9a-fA-F]{2}|\?\?)(?:\*(\d+))?$/.exec(word);
        if (!many) throw new Error(`no byte: '${word}'`);
        const byte = many[1] === '??' ? undefined : parseInt(many[1], 16);
        return Array(Number(many[2] || 1)).fill(byte);
    });
}

// hex BYTES | frame CODE [hex BYTES | { ... }] | error "TEXT" | MESSAGE [{ ... }]
function parseFrame(text) {
    text = text.replace(/^error (.*)$/s, 'RpbErrorResp { errmsg: $1 errcode: 0 }');
    const hex = /^(?:frame (\d+) )?hex\b(.*)$/s.exec(text);
    if (hex) return { code: hex[1] && Number(hex[1]), hex: parseHex(hex[2]) };
    const parser = new Parser(text);
    let name = parser.take('word');
    let code = proto.CODES.get(name);
    if (name === 'frame') {
        code = Number(parser.number());
        name = undefined;
    }
    if (code === undefined) throw new Error(`no such message: ${name}`);
    if (code > 255) throw new Error(`no such code: ${code}`);
    const fields = parser.done ? [] : parser.body(proto.messageOf(name));
    if (!parser.done) throw new Error('more behind the message');
    return { code, name, fields };
}

// A frame, or with `for FROM..TO` behind it as many, with %d being their number.
function parseFrames(text) {
    const many = /^(.*\S)\s+for (\d+)\.\.(\d+)$/s.exec(text);
    if (!many) return [parseFrame(text)];
    return range(BigInt(many[2]), BigInt(many[3])).map((i) => parseFrame(many[1].replace(/%d/g, i)));
}

// --- from text: statements ---

const VERB = /^(?:(\w+): )?(connect|tls|close|reset|wait|took|operator|daemon|\+|>(\d*)|<\*(\d*)|<)(?:\s+(.*))?$/s;

// Lines, those that begin with a blank joined to the one before, without comments.
function joinLines(text) {
    const joined = [];
    text.split('\n').forEach((line, i) => {
        if (/^\s*(#|$)/.test(line)) return;
        if (/^\s/.test(line) && joined.length) joined[joined.length - 1].text += ` ${line.trim()}`;
        else joined.push({ line: i + 1, text: line.trim() });
    });
    return joined;
}

function parseStatement({ line, text }, gathered) {
    const hit = VERB.exec(text);
    if (!hit) throw new Error('no statement');
    const [, connection = '', word, piece, least, rest = ''] = hit;
    const statement = { line, text, connection, verb: word, rest };
    if (word === '+') {
        const before = gathered.get(connection) || [];
        gathered.set(connection, [...before, ...parseFrames(rest)]);
        return [];
    }
    if (word[0] === '>') {
        const frames = [...(gathered.get(connection) || []), ...parseFrames(rest)];
        gathered.delete(connection);
        return [{ ...statement, verb: 'send', piece: Number(piece) || Infinity, frames }];
    }
    if (word === '<' && ['closed', 'reset', 'refused'].includes(rest)) return [{ ...statement, verb: 'end', rest }];
    if (word === '<') return [{ ...statement, verb: 'expect', frames: parseFrames(rest) }];
    if (word.startsWith('<*'))
        return [{ ...statement, verb: 'stream', least: Number(least) || 0, frames: [parseFrame(rest)] }];
    return [statement];
}

// { options: flags for the daemon, statements }
function parse(text) {
    const gathered = new Map();
    const statements = joinLines(text).flatMap((joined) => {
        try {
            return parseStatement(joined, gathered);
        } catch (err) {
            throw new Error(`line ${joined.line}: ${err.message}`);
        }
    });
    if (gathered.size) throw new Error('a + without a > that sends it');
    const options = statements.filter((s) => s.verb === 'daemon').map((s) => s.rest);
    return { options, statements: statements.filter((s) => s.verb !== 'daemon') };
}

// --- to bytes ---

function resolve(field, variables) {
    if (field.kind !== 'variable') return field;
    if (!variables.has(field.name)) throw new Error(`$${field.name} has no value`);
    const value = variables.get(field.name);
    return { ...field, kind: typeof value === 'bigint' ? 'varint' : 'bytes', value };
}

// A field given by name has the wire type that it should have; bytes in place of a message are its body.
function checkKind({ key, known, kind }) {
    if (!['bytes', 'varint', 'fixed32', 'fixed64', 'message'].includes(kind)) throw new Error(`${key}: not to be sent`);
    const wire = known && proto.wireOf(known);
    if (known && kind !== wire && !(wire === 'message' && kind === 'bytes'))
        throw new Error(`${key} is no ${kind}; to send it as one, say ${known.number} in place of its name`);
}

function toWire(fields, variables) {
    return fields.map((f) => {
        const field = resolve(f, variables);
        checkKind(field);
        const value = field.kind === 'message' ? toWire(field.value, variables) : field.value;
        return { key: field.key, wire: field.kind, value };
    });
}

function composeBody(frame, variables) {
    if (!frame.hex) return proto.encode(frame.name, toWire(frame.fields, variables));
    if (frame.hex.includes(undefined)) throw new Error('?? cannot be sent');
    return Buffer.from(frame.hex);
}

function compose(frame, variables) {
    const body = composeBody(frame, variables);
    if (frame.code === undefined) return body;
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head[4] = frame.code;
    return Buffer.concat([head, body]);
}

// --- comparing ---

const same = (a, b) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : a === b);

// Each returns the variables afterwards, or nothing when the two differ.
const MATCHERS = {
    any: (wanted, got, variables) => variables,
    bytes: (wanted, got, variables) => got.wire === 'bytes' && same(wanted.value, got.value) && variables,
    varint: (wanted, got, variables) => got.wire === 'varint' && same(wanted.value, got.value) && variables,
    regex: (wanted, got, variables) =>
        got.wire === 'bytes' && wanted.value.test(got.value.toString('latin1')) && variables,
    now: (wanted, got, variables) =>
        got.wire === 'varint' && Math.abs(Date.now() / 1000 - Number(got.value)) <= NOW_WITHIN_S && variables,
    other: (wanted, got, variables) =>
        variables.has(wanted.name) && !same(variables.get(wanted.name), got.value) && variables,
    message: (wanted, got, variables) => got.wire === 'message' && matchFields(wanted.value, got.value, variables),
    variable: (wanted, got, variables) => {
        if (!variables.has(wanted.name)) return new Map(variables).set(wanted.name, got.value);
        return same(variables.get(wanted.name), got.value) && variables;
    },
};

const matchField = (wanted, got, variables) => MATCHERS[wanted.kind](wanted, got, variables);

function matchOrdered(wanted, got, variables) {
    return wanted.reduce((known, field, i) => known && matchField(field, got[i], known), variables);
}

// Names that are given as such need no search.
function splitNames(wanted) {
    return wanted.every((f) => f.kind === 'bytes') ? wanted.map((f) => f.value).sort(Buffer.compare) : undefined;
}

// Some order of `got` in which they match.
function matchUnordered(wanted, got, variables) {
    const names = splitNames(wanted);
    if (names) {
        const sorted = got.map((f) => f.value).sort(Buffer.compare);
        return names.every((name, i) => same(name, sorted[i])) && variables;
    }
    const [first, ...rest] = wanted;
    for (let i = 0; i < got.length; i++) {
        const known = matchField(first, got[i], variables);
        const all = known && matchUnordered(rest, got.filter((_, j) => j !== i), known);
        if (all) return all;
    }
    return undefined;
}

function group(fields) {
    const groups = new Map();
    for (const field of fields) groups.set(field.key, [...(groups.get(field.key) || []), field]);
    return groups;
}

// All fields and no other; those of one number in their order, different ones in any.
function matchFields(wanted, got, variables) {
    const [ours, theirs] = [group(wanted), group(got)];
    if (ours.size !== theirs.size) return undefined;
    let known = variables;
    for (const [key, fields] of ours) {
        const others = theirs.get(key) || [];
        if (fields.length !== others.length) return undefined;
        known = (UNORDERED.has(key) ? matchUnordered : matchOrdered)(fields, others, known);
        if (!known) return undefined;
    }
    return known;
}

function matchBytes(wanted, got) {
    return wanted.length === got.length && wanted.every((byte, i) => byte === undefined || byte === got[i]);
}

// What `got` ({ code, body }) is compared to, and the variables afterwards; nothing when they differ.
function match(frame, got, variables) {
    if (frame.code !== got.code) return undefined;
    if (frame.hex) return matchBytes(frame.hex, got.body) ? variables : undefined;
    let fields;
    try {
        fields = proto.decode(frame.name, got.body);
    } catch {
        return undefined; // shown as what it is
    }
    return matchFields(frame.fields, fields, variables) || undefined;
}

module.exports = { parse, compose, match, matchBytes };
