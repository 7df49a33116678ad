// SPDX-License-Identifier: Apache-2.0
'use strict';
// A service's address: passes connections on to its endpoints in turn, as kube-proxy or Minuteman does. A process of its
// own, so that the load does not hold up the controller. Messages: { listen: [{ host, port }] }, { backends: [{ host,
// port }] }.

const net = require('net');

if (require.main === module) {
    let backends = [];
    let next = 0;
    const take = (client) => {
        client.on('error', () => {});
        const backend = backends[next++ % (backends.length || 1)];
        if (!backend) {
            client.resetAndDestroy();
            return;
        }
        const server = net.connect({ ...backend, noDelay: true, timeout: 0 });
        client.setNoDelay(true);
        server.on('error', () => client.resetAndDestroy());
        server.on('close', () => client.destroy());
        client.on('close', () => server.destroy());
        client.pipe(server);
        server.pipe(client);
    };
    process.on('message', async ({ listen, backends: fresh }) => {
        if (fresh) backends = fresh;
        for (const { host, port } of listen || []) {
            await new Promise((resolve) => net.createServer(take).listen({ host, port, backlog: 511 }, resolve));
        }
        if (listen) process.send('listening');
    });
    process.on('disconnect', () => process.exit(0));
}

const { fork } = require('child_process');

class Vip {
    // Resolves when it listens. `listen`: [{ host, port }].
    async open(listen) {
        this.child = fork(__filename);
        this.text = '';
        this.child.send({ listen });
        await new Promise((resolve) => this.child.once('message', resolve));
    }

    // [{ host, port }]
    set(backends) {
        const text = JSON.stringify(backends);
        if (text === this.text) return;
        this.text = text;
        this.child.send({ backends });
    }
}

module.exports = { Vip };
