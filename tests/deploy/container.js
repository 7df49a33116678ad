// SPDX-License-Identifier: Apache-2.0
'use strict';
// A container: a process with a network namespace, root, and environment of its own (the script `contain`), and commands
// run in it, as probes are.

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

const SCRIPT = path.join(__dirname, 'contain');
const STORE = '/opt/store'; // where the image's programs are
const PATH = `${STORE}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const UID = 65532;
// Settings to try: NAME=VALUE, one a line. The plays set none.
const EXTRA = Object.fromEntries((process.env.EPHEMERAL_DEPLOY_ENV || '').split('\n').filter(Boolean)
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

let made = 0;

// What the image holds: the two programs, and the names that F5's manifests call.
function image(build) {
    return [`${build}/ephemerald=${STORE}/ephemerald`, `${build}/ephemeralctl=${STORE}/ephemeralctl`,
        `link:${STORE}/ephemeralctl=${STORE}/riak-admin`, `link:${STORE}/ephemeralctl=${STORE}/riak`,
        `link:${STORE}/ephemeralctl=/riak-bootstrap/readiness-probe.sh`];
}

class Container {
    // { build, dir, log (a file), netns, hostname, env (an object), binds (as the script has them), uid, command }
    constructor(options) {
        this.options = { uid: UID, command: [`${STORE}/ephemerald`], binds: [], ...options };
        this.env = { PATH, ...options.env, ...EXTRA };
        this.pid = null;
        this.code = undefined; // how it ended
    }

    // Resolves when its program begins.
    start() {
        const { build, dir, log, netns, hostname, binds, uid, command } = this.options;
        const root = path.join(dir, `root-${++made}`);
        fs.mkdirSync(root);
        const out = fs.openSync(log, 'a');
        const words = [netns, root, hostname, String(uid), ...image(build), ...binds, '--', ...command];
        this.child = spawn(SCRIPT, words, { env: this.env, stdio: ['ignore', out, out, 'pipe'] });
        fs.closeSync(out);
        this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => {
            this.code = code === null ? signal : code;
            resolve(this.code);
        }));
        return new Promise((resolve, reject) => {
            this.child.stdio[3].once('data', (line) => {
                this.pid = parseInt(line, 10);
                resolve();
            });
            this.ended.then(() => reject(new Error(`the container did not begin: see ${log}`)));
        });
    }

    runs() {
        return this.pid !== null && this.code === undefined;
    }

    signal(name) {
        if (!this.runs()) return;
        try {
            process.kill(this.pid, name);
        } catch (error) {
            if (error.code !== 'ESRCH') throw error;
        }
    }

    // SIGTERM, and SIGKILL when it lives on for so long. Resolves when it has ended.
    async stop(graceMs) {
        this.signal('SIGTERM');
        const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
        await this.ended;
        clearTimeout(timer);
    }

    // Processor time of its process 1 so far.
    cpuMs() {
        const stat = fs.readFileSync(`/proc/${this.pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return (Number(fields[11]) + Number(fields[12])) * 10;
    }

    // Resident memory of its process 1.
    residentMb() {
        return Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) / 1024;
    }

    // Runs a command in it, with its environment: { code, ms, out }; code 'timeout' after so long.
    exec(command, timeoutMs) {
        const begin = process.hrtime.bigint();
        const ms = () => Number((process.hrtime.bigint() - begin) / 1000000n);
        if (!this.runs()) return Promise.resolve({ code: 'gone', ms: 0, out: '' });
        const uid = String(this.options.uid);
        const child = spawn('nsenter', ['--target', String(this.pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--root',
            '--wd', '--', '/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs', '--',
            ...command], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        return new Promise((resolve) => {
            let out = '';
            let late = false;
            const take = (piece) => { out += piece; };
            child.stdout.on('data', take);
            child.stderr.on('data', take);
            const timer = setTimeout(() => {
                late = true;
                try {
                    process.kill(-child.pid, 'SIGKILL');
                } catch { /* it has just ended */ }
            }, timeoutMs);
            child.on('close', (code) => {
                clearTimeout(timer);
                resolve({ code: late ? 'timeout' : code, ms: ms(), out: out.trim() });
            });
        });
    }
}

module.exports = { Container };
