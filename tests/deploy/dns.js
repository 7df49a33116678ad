// SPDX-License-Identifier: Apache-2.0
'use strict';
// A name server: Debian's dnsmasq. It answers from the given records alone and asks no other server.

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

class Dns {
    // `address`: where it listens, port 53. `ttl` in seconds.
    constructor({ dir, addresses, ttl }) {
        this.addresses = addresses;
        this.ttl = ttl;
        this.hosts = path.join(dir, 'hosts');
        this.log = path.join(dir, 'dnsmasq.log');
        this.text = '';
        this.srv = '';
        this.child = null;
        fs.writeFileSync(this.hosts, '');
    }

    // names: [{ name, address }], services: [{ name, target, port }] (SRV records).
    set(names, services = []) {
        const text = names.map(({ name, address }) => `${address} ${name}\n`).sort().join('');
        const srv = services.map(({ name, target, port }) => `--srv-host=${name},${target},${port}`).sort();
        const again = !this.child || srv.join() !== this.srv;
        if (text === this.text && !again) return;
        fs.writeFileSync(this.hosts, text);
        this.text = text;
        this.srv = srv.join();
        if (again) this.start(srv);
        else this.child.kill('SIGHUP');
    }

    // SRV records are of its command line: it starts again for others.
    start(srv) {
        const begin = () => {
            const out = fs.openSync(this.log, 'a');
            const child = spawn('dnsmasq', ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root',
                '--no-resolv', '--no-hosts', '--bind-interfaces', '--local=/#/', `--addn-hosts=${this.hosts}`,
                `--local-ttl=${this.ttl}`, '--cache-size=0', '--log-facility=-',
                ...this.addresses.map((one) => `--listen-address=${one}`), ...srv], { stdio: ['ignore', out, out] });
            fs.closeSync(out);
            child.on('exit', (code) => { if (code && child === this.child) console.error(`dnsmasq ended: see ${this.log}`); });
            this.child = child;
        };
        if (!this.child) return begin();
        const old = this.child;
        old.once('exit', begin);
        return old.kill('SIGTERM');
    }
}

module.exports = { Dns };
