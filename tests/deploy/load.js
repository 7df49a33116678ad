// SPDX-License-Identifier: Apache-2.0
'use strict';
// The load of tests/cluster (cluster-load), and the record of Riak clients that tests/history judges.

const { spawn } = require('child_process');
const path = require('path');

const ROOT = path.join(__dirname, '..', '..');

// Runs a program; resolves to { code, out }.
function output(program, words, options = {}) {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let out = '';
    const take = (piece) => { out += piece; };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const done = new Promise((resolve) => child.on('close', (code) => resolve({ code, out })));
    return { child, done, text: () => out };
}

class Load {
    // hosts: addresses; each gets two workers.
    constructor({ build, certs, hosts, keys = 192, paceMs = 20, timeoutMs = 10000, words = [] }) {
        this.run = output(path.join(build, 'tests', 'cluster-load'), ['run', '--certs', certs, '--hosts', hosts.join(','),
            '--keys', String(keys), '--pace-ms', String(paceMs), '--timeout-ms', String(timeoutMs), ...words]);
    }

    // Until all workers have had an answer.
    async begun(within) {
        const deadline = Date.now() + within;
        while (!/^running/m.test(this.run.text())) {
            if (Date.now() > deadline || this.run.child.exitCode !== null) throw new Error(`the load did not begin:\n${this.run.text()}`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    // Ends it, after which it reads all once more: { code, out, written, lost, violations, gapMs }.
    async end() {
        this.run.child.kill('SIGTERM');
        const { code, out } = await this.run.done;
        const number = (expression) => Number((expression.exec(out) || [])[1] || NaN);
        return { code, out, written: number(/written (\d+)/), lost: number(/^lost (\d+)/m),
            violations: number(/violations (\d+)/), gapMs: number(/longest time without success: (\d+)/) };
    }
}

// Unmodified Riak clients (the script `run` has installed them), whose history is judged afterwards.
class History {
    constructor({ build, certs, hosts, file }) {
        this.build = build;
        this.file = file;
        this.run = output('node', [path.join(ROOT, 'tests', 'fault', 'history.js'), file, hosts.join(',')], { env: { ...process.env,
            NODE_PATH: path.join(build, 'tests', 'clients', 'work', 'node_modules'), EPHEMERAL_CERTS: certs } });
    }

    async begun(within) {
        const deadline = Date.now() + within;
        while (!/^recording/m.test(this.run.text())) {
            if (Date.now() > deadline || this.run.child.exitCode !== null) throw new Error(`the recorder did not begin:\n${this.run.text()}`);
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }

    async end() {
        this.run.child.kill('SIGTERM');
        const { code, out } = await this.run.done;
        if (code) return { code, out };
        return output(path.join(this.build, 'tests', 'history-check'), [this.file]).done;
    }
}

module.exports = { Load, History, output };
