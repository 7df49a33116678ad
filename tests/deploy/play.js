// SPDX-License-Identifier: Apache-2.0
'use strict';
// What a play stands on: its folder, network, clock and words, nodes that are asked over their ports, loads, and what was
// measured. A play fails by an exception.

const fs = require('fs');
const path = require('path');
const { Load, History, output } = require('./load');
const { Net } = require('./net');

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Play {
    constructor({ name, build, certs, scale }) {
        Object.assign(this, { name, build, certs, scale });
        this.dir = path.join(certs, name);
        fs.mkdirSync(this.dir, { recursive: true });
        this.net = new Net();
        this.begin = Date.now();
        this.crashes = [];
        this.errors = [];
        this.stops = [];
        this.steps = [];
    }

    say(text) {
        console.log(`${((Date.now() - this.begin) / 1000).toFixed(1).padStart(7)} ${text}`);
    }

    // A measured step, for the table at the end.
    step(what, ms) {
        this.steps.push({ what, ms });
        this.say(`* ${what}: ${ms} ms`);
    }

    check(holds, text) {
        if (!holds) throw new Error(text);
    }

    pem(name) {
        return fs.readFileSync(path.join(this.certs, name), 'utf8');
    }

    // Time of the orchestrator's own, shorter with --scale.
    scaled(ms) {
        return ms / this.scale;
    }

    crashed(text) {
        this.crashes.push(text);
    }

    broke(error) {
        this.errors.push(error);
        console.error(error);
    }

    noteStop(who, ms, code) {
        this.stops.push({ who, ms, code });
        this.say(`${who}: ended ${ms} ms after SIGTERM: ${code}`);
    }

    async until(what, within, holds) {
        const begin = Date.now();
        for (;;) {
            if (this.errors.length) throw this.errors[0];
            if (await holds()) return Date.now() - begin;
            if (Date.now() - begin > within) throw new Error(`not within ${within / 1000} s: ${what}`);
            await later(50);
        }
    }

    // --- asking nodes ---

    ctl(host, words, timeoutMs = 10000) {
        return output(path.join(this.build, 'ephemeralctl'), [...words, '--certs', this.certs, '--host', host,
            '--any-server-name', '--timeout-ms', String(timeoutMs)]).done;
    }

    // What `ephemeralctl status -o json` says, or null.
    async status(host) {
        const { out } = await this.ctl(host, ['status', '-o', 'json'], 3000);
        try {
            return JSON.parse(out.slice(out.indexOf('{')));
        } catch {
            return null;
        }
    }

    // Until all these nodes are ready in a cluster.
    async ready(hosts, within) {
        const begin = Date.now();
        const answers = await Promise.all(hosts.map((host) =>
            this.ctl(host, ['wait-ready', '--timeout', String(Math.ceil(within / 1000))])));
        answers.forEach(({ code, out }, i) => this.check(code === 0, `${hosts[i]} is not ready after ${within / 1000} s: ${out}`));
        return Date.now() - begin;
    }

    async members(host) {
        const { code, out } = await this.ctl(host, ['members', '-o', 'json'], 3000);
        return code === 0 ? (out.match(/"incarnation"/g) || []).length : 0;
    }

    // --- loads ---

    // Through a service's address, or through these nodes.
    async load(host, options = {}) {
        const hosts = Array.isArray(host) ? host : Array(5).fill(host);
        const load = new Load({ build: this.build, certs: this.certs, hosts, ...options });
        await load.begun(options.within || 60000);
        this.say(`load through ${host}`);
        return load;
    }

    // So many keys of 100,000 bytes; checkFilled() reads them all, through each of the nodes.
    async fill(host, keys) {
        await this.loadWord('fill', host, keys, ['--size', '100000']);
        this.say(`${keys} keys of 100,000 bytes are written`);
    }

    async checkFilled(hosts, keys) {
        await this.loadWord('check', hosts.join(','), keys, []);
        this.say(`${keys} keys are read through each of ${hosts.length} nodes`);
    }

    async loadWord(word, hosts, keys, words) {
        const { code, out } = await output(path.join(this.build, 'tests', 'cluster-load'), [word, '--certs', this.certs, '--hosts',
            hosts, '--workers', '1', '--keys', String(keys), '--timeout-ms', '60000', ...words]).done;
        this.check(code === 0, `${word}: ${out}`);
    }

    async history(host) {
        const history = new History({ build: this.build, certs: this.certs, hosts: [host, host, host],
            file: path.join(this.dir, 'history') });
        await history.begun(120000);
        this.say(`recording what Riak clients see through ${host}`);
        return history;
    }

    // Ends loads; nothing that was acknowledged is lost. `gapMs`: how long a key may have had no success.
    async end(load, { gapMs, may = false } = {}) {
        const result = await load.end();
        if (load instanceof History) {
            this.check(result.code === 0, `what the Riak clients saw is not right:\n${result.out}`);
            this.say('what the Riak clients saw is right');
            return result;
        }
        result.out.trim().split('\n').slice(-8).forEach((line) => this.say(`    ${line}`));
        this.steps.push({ what: 'longest time that a key had no success', ms: result.gapMs });
        this.check(result.written > 0, 'nothing was written');
        this.check(may || (result.code === 0 && result.lost === 0), `acknowledged writes are lost:\n${result.out}`);
        this.check(!gapMs || result.gapMs <= gapMs, `a key had no success for ${result.gapMs} ms, more than ${gapMs} ms`);
        return result;
    }

    // What these nodes cost while nothing happens; `server` is the API's. At most so many requests a second and node to it.
    async idle(containers, server, most) {
        const s = 30;
        const [asked, cpu] = [server.asked, containers.map((one) => one.cpuMs())];
        await later(s * 1000);
        const rate = (server.asked - asked) / containers.length / s;
        const load = Math.max(...containers.map((one, i) => one.cpuMs() - cpu[i])) / s / 10;
        this.say(`idle: ${rate.toFixed(3)} requests a second and node to the API, ${load.toFixed(2)} % of a core, `
            + `${Math.max(...containers.map((one) => one.residentMb())).toFixed(1)} MB resident, both at most`);
        this.check(rate <= most, `${rate} requests a second and node to the API, more than ${most}`);
    }

    // --- the end ---

    showLogs() {
        for (const name of fs.readdirSync(this.dir).filter((one) => one.endsWith('.log')).sort()) {
            const lines = fs.readFileSync(path.join(this.dir, name), 'utf8').trimEnd().split('\n');
            console.log(`--- ${name} (${lines.length} lines):\n${lines.slice(-40).join('\n')}`);
        }
    }
}

module.exports = { Play, later };
