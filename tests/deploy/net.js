// SPDX-License-Identifier: Apache-2.0
'use strict';
// The network of a play: one bridge, a network namespace for each pod or machine with a cable to it, and addresses of
// services on this side.

const { execFileSync } = require('child_process');

const ip = (words, input) => execFileSync('ip', words, { input, stdio: ['pipe', 'pipe', 'inherit'] });
const bits = (address) => (address.includes(':') ? 64 : 16);
const option = (address) => (address.includes(':') ? 'nodad' : '');

class Net {
    constructor() {
        this.cables = 0;
        this.names = new Map(); // namespace: its cable
        // A bridge without an address of its own takes that of a port, and changes it when that port goes: namespaces would
        // then lose the gateway for half a minute.
        ip(['link', 'add', 'store', 'address', '02:00:00:00:00:01', 'type', 'bridge']);
        ip(['link', 'set', 'store', 'up']);
    }

    // An address of this side of the bridge, which namespaces may use as their gateway.
    addGateway(address) {
        ip(['address', 'add', `${address}/${bits(address)}`, 'dev', 'store', ...option(address).split(' ').filter(Boolean)]);
    }

    // An address of a service on this side; it is reached by the gateway.
    addService(address) {
        ip(['address', 'add', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo',
            ...option(address).split(' ').filter(Boolean)]);
    }

    addNamespace(name, addresses, gateways) {
        const cable = `v${++this.cables}`;
        ip(['netns', 'add', name]);
        ip(['-batch', '-'], `link add ${cable} type veth peer name eth0 netns ${name}\nlink set ${cable} master store up\n`);
        ip(['-n', name, '-batch', '-'], ['link set lo up',
            ...addresses.map((one) => `address add ${one}/${bits(one)} dev eth0 ${option(one)}`), 'link set eth0 up',
            ...gateways.map((one) => `route add default via ${one}`)].join('\n') + '\n');
        this.names.set(name, cable);
    }

    removeNamespace(name) {
        if (!this.names.delete(name)) return;
        ip(['netns', 'delete', name]);
    }

    // The cable of a namespace: plugged in or not.
    plug(name, up) {
        ip(['link', 'set', this.names.get(name), up ? 'up' : 'down']);
    }
}

module.exports = { Net };
