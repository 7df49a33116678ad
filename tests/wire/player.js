// SPDX-License-Identifier: Apache-2.0
'use strict';
// Plays one transcript against a daemon, statement by statement, until one differs.

const { Connection } = require('./connection.js');
const proto = require('./proto.js');
const transcript = require('./transcript.js');

const START_TLS = transcript.parse('> RpbStartTls\n< RpbStartTls').statements;
const authentication = (user) =>
    transcript.parse(`> RpbAuthReq { user: "${user}" password: "" }\n< RpbAuthResp`).statements;

// The last words on a connection that is still open, by how far that has come. One answer too many before it is found
// by them.
const REFUSAL = 'Security is enabled, please';
const LAST = {
    plain: `> RpbPingReq\n< RpbErrorResp { errmsg: "${REFUSAL} STARTTLS first" errcode: 0 }`,
    secured: `> RpbPingReq\n< RpbErrorResp { errmsg: "${REFUSAL} authenticate first" errcode: 0 }`,
    ready: '> RpbPingReq\n< RpbPingResp',
};
// A turn of the daemon's loop has one time, and on a busy machine what comes in may be read late in its turn.
const TOOK_SLACK_MS = 50;

class Difference extends Error {}

function differ(wanted, got) {
    throw new Difference(`  expected: ${wanted}\n  got:      ${got}`);
}

const short = (text) => (text.length > 400 ? `${text.slice(0, 400)}...` : text);

const shown = (frame, connection) => (frame ? proto.frameText(frame) : connection.lack());

const AUTHENTICATED = proto.CODES.get('RpbAuthResp');

class Player {
    // peer: { host, port, ca }; identities: by user name; operate: of a Cluster
    constructor(peer, identities, operate) {
        Object.assign(this, { peer, identities, operate });
        this.connections = new Map();
        this.variables = new Map();
        this.sent = this.answered = 0;
    }

    async play(statements) {
        try {
            for (const statement of statements) await this.step(statement);
            for (const name of this.connections.keys()) await this.last(name);
        } finally {
            for (const c of this.connections.values()) c.destroy();
        }
    }

    async last(name) {
        const connection = this.connections.get(name);
        if (!connection || connection.over) return;
        for (const s of transcript.parse(LAST[connection.state]).statements)
            await this.step({ ...s, connection: name, line: 'after the last', text: s.text });
        await connection.close();
        connection.over = true;
    }

    identity(name) {
        if (name === 'nobody') return {};
        if (!this.identities[name]) throw new Error(`no certificate of '${name}'`);
        return this.identities[name];
    }

    async step(statement) {
        const c = this.connections.get(statement.connection);
        if (!c && !['connect', 'wait', 'operator'].includes(statement.verb))
            throw new Error(`line ${statement.line}: not connected`);
        try {
            await this[`do_${statement.verb}`](statement, c);
        } catch (err) {
            if (err.told) throw err;
            const sent = `\n  sent:     ${short(c?.sent || 'nothing')}`;
            const what = err instanceof Difference ? sent : ` ${statement.text}`;
            throw Object.assign(new Error(`line ${statement.line}:${what}\n${err.message}`), { told: true });
        }
    }

    // connect [plain | tls] [as USER]
    async do_connect({ connection, rest }) {
        const [, depth = 'ready', user = 'myuser'] = /^(?:(plain|tls)\b)?\s*(?:as (\w+))?$/.exec(rest) ||
            (() => { throw new Error('connect [plain | tls] [as USER]'); })();
        await this.last(connection);
        const c = new Connection(this.peer);
        this.connections.set(connection, c);
        await c.open();
        c.state = 'plain';
        if (depth === 'plain') return;
        for (const s of START_TLS) await this.step({ ...s, connection });
        await this.do_tls({ rest: user }, c);
        if (depth === 'tls') return;
        for (const s of authentication(user)) await this.step({ ...s, connection });
    }

    async do_tls({ rest }, c) {
        await c.secure(this.identity(rest || 'myuser'));
        c.state = 'secured';
    }

    async do_send({ rest, frames, piece }, c) {
        c.sent = rest;
        const bytes = Buffer.concat(frames.map((f) => transcript.compose(f, this.variables)));
        this.sent += frames.length;
        await c.send(bytes, piece);
    }

    async do_expect(statement, c) {
        for (const frame of statement.frames) {
            if (frame.code === undefined) await this.expectBytes(statement, frame.hex, c);
            else await this.expectFrame(statement, frame, c);
            this.answered++;
        }
    }

    async expectBytes(statement, wanted, c) {
        const got = await c.bytes(wanted.length);
        if (!transcript.matchBytes(wanted, got))
            differ(`${wanted.length} such bytes`, `hex ${got.toString('hex')}`);
    }

    async expectFrame(statement, frame, c) {
        const got = await c.frame();
        const known = got && transcript.match(frame, got, this.variables);
        if (!known) differ(statement.rest, shown(got, c));
        this.variables = known;
        if (got.code === AUTHENTICATED) c.state = 'ready';
    }

    // The names of all frames until the one that says done, as if one frame had brought them.
    async do_stream(statement, c) {
        const [frame] = statement.frames;
        const names = [];
        let frames = 0;
        for (let done = false; !done; frames++) {
            const got = await c.frame();
            if (!got || got.code !== frame.code) differ(statement.rest, shown(got, c));
            const fields = proto.decode(frame.name, got.body);
            done = fields.some((f) => f.key === 'done');
            if (done ? fields.length !== 1 : !fields.length)
                differ('names, then done alone', proto.frameText(got));
            if (!done) names.push(...fields);
        }
        this.answered += frames;
        if (frames - 1 < statement.least)
            differ(`at least ${statement.least} frames with names`, frames - 1);
        const all = { code: frame.code, body: proto.encode(frame.name, names) };
        this.variables = transcript.match(frame, all, this.variables) ||
            differ(statement.rest, proto.frameText(all));
    }

    async do_end(statement, c) {
        await c.until(() => false);
        c.over = true;
        const ended = /^ERR_SSL\w*ALERT/.test(c.ended) ? 'refused' : c.ended;
        if (c.got.length || ended !== statement.rest)
            differ(statement.rest, shown(c.hasFrame() && await c.frame(), c));
    }

    async do_close(statement, c) {
        await c.close();
        c.over = true;
    }

    async do_reset(statement, c) {
        await c.reset();
        c.over = true;
    }

    async do_wait({ rest }) {
        await new Promise((resolve) => setTimeout(resolve, parseInt(rest, 10)));
    }

    // operator WORDS [<<< TEXT]
    async do_operator({ rest }) {
        const [, words, input = ''] = /^(.*?)(?:\s*<<<\s*(.*))?$/.exec(rest);
        const failure = await this.operate(words.split(/\s+/), input);
        if (failure) differ('that it is done', failure);
    }

    async do_took(statement, c) {
        const took = c.gotAt - c.sentAt;
        if (took < parseInt(statement.rest, 10) - TOOK_SLACK_MS)
            differ('that or longer', `${took.toFixed(1)} ms`);
    }
}

module.exports = { Player };
