// SPDX-License-Identifier: Apache-2.0
'use strict';
// What Marathon and Mesos do with an app: machines are network namespaces, tasks processes on them with the machine's
// network. From Marathon 1.3 and 1.4: one task a machine where ports are fixed, SIGTERM and 5 s, backoff, upgrades by
// minimumHealthCapacity, machines that are lost; Mesos-DNS with what it knew when it last looked.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { Container } = require('./container');
const { Dns } = require('./dns');
const { MarathonApi } = require('./fake/marathon');
const { Vip } = require('./vip');

const MASTER = '10.244.0.1';
const VIP = '11.1.0.1'; // where Minuteman puts the app's VIP
const DNS = '198.51.100.1'; // the machines' name server
const API_PORT = 8080;
const OFFER_MS = 200; // until an offer of a machine's ports comes
const STAGING_MS = 300; // to pull the image
const STATUS_MS = 150; // until the state of a task reaches Marathon
const SHUTDOWN_MS = 5000; // of Mesos' Docker executor

const now = () => new Date().toISOString();
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Machine {
    constructor(number, hostname) {
        this.number = number;
        this.address = `10.244.1.${number}`;
        this.netns = `agent-${number}`;
        this.hostname = hostname || this.address;
        this.slaveId = `5c9d3b1e-S${number}`;
        this.ports = new Map(); // port: task, until its process has ended
        this.containers = new Set(); // that run
        this.up = true;
    }
}

class Marathon {
    // options: { machines, named: hosts have names, loopbackNames: the machines' /etc/hosts has 127.0.1.1 for their own
    // name, as Debian's installer leaves it, mesosDnsMs, credentials: as MarathonApi }
    constructor(play, { machines, named = true, loopbackNames = false, mesosDnsMs = 60000, credentials = null } = {}) {
        Object.assign(this, { play, loopbackNames, mesosDnsMs });
        this.api = new MarathonApi({ credentials });
        this.machines = [];
        this.runs = new Map(); // task id: { task, machine, container, stopping }
        this.wanted = new Map(); // app id: how many tasks it should have
        this.backoffMs = new Map();
        this.plans = new Map(); // app id: the deployment under way
        this.offers = new Set(); // app ids that wait for offers
        this.named = named;
        this.count = machines;
    }

    async open() {
        const { net, dir } = this.play;
        net.addGateway(MASTER);
        [VIP, DNS].forEach((address) => net.addService(address));
        for (let i = 1; i <= this.count; i++) this.addMachine();
        this.dns = new Dns({ dir, addresses: [DNS], ttl: 60 });
        fs.writeFileSync(path.join(dir, 'resolv.conf'), `nameserver ${DNS}\n`);
        this.publishNames();
        setInterval(() => this.publishNames(), this.mesosDnsMs);
        this.vip = new Vip();
        await this.vip.open([{ host: VIP, port: 8087 }]);
        this.api.on('deploy', (plan) => this.deploy(plan));
        this.api.on('kill', (tasks, { scale }) => this.killTasks(tasks, scale));
        await this.api.listen(MASTER, API_PORT);
    }

    addMachine() {
        const number = this.machines.length + 1;
        const machine = new Machine(number, this.named ? `agent-${number}.mesos.example` : null);
        this.machines.push(machine);
        this.play.net.addNamespace(machine.netns, [machine.address], [MASTER]);
        return machine;
    }

    // Mesos-DNS knows running tasks, and only as of when it last asked.
    publishNames() {
        const hosts = this.machines.filter((one) => one.hostname !== one.address)
            .map((one) => ({ name: one.hostname, address: one.address }));
        const names = [{ name: 'marathon.mesos', address: MASTER }, { name: 'leader.mesos', address: MASTER }, ...hosts];
        const services = [];
        for (const { task, machine } of this.runs.values()) {
            const app = this.api.apps.get(task.appId);
            if (task.state !== 'TASK_RUNNING' || !app) continue;
            const parts = task.appId.split('/').filter(Boolean).reverse();
            const target = `${parts.join('-')}-${task.id.slice(-5)}-s${machine.number}.marathon.mesos`;
            names.push({ name: target, address: machine.address });
            [...new Set([parts.join('-'), parts.join('.')])].forEach((name) =>
                names.push({ name: `${name}.marathon.mesos`, address: machine.address }));
            app.portDefinitions.forEach(({ name, port, protocol }) => {
                services.push({ name: `_${parts.join('-')}._tcp.marathon.mesos`, target, port });
                services.push({ name: `_${name}._${parts.join('-')}._${protocol}.marathon.mesos`, target, port });
            });
        }
        this.dns.set(names, services);
    }

    // --- tasks ---

    env(app, task, machine) {
        const { ports } = task;
        const env = { HOST: machine.hostname, PORT: String(ports[0]), PORTS: ports.join(','),
            MARATHON_APP_ID: app.id, MARATHON_APP_VERSION: app.version, MARATHON_APP_LABELS: '',
            MARATHON_APP_DOCKER_IMAGE: app.container.docker.image,
            MARATHON_APP_RESOURCE_CPUS: app.cpus.toFixed(1), MARATHON_APP_RESOURCE_MEM: app.mem.toFixed(1),
            MARATHON_APP_RESOURCE_DISK: '0.0', MARATHON_APP_RESOURCE_GPUS: '0',
            MESOS_TASK_ID: task.id, MESOS_SANDBOX: '/mnt/mesos/sandbox', MESOS_CONTAINER_NAME: `mesos-${task.id}` };
        app.portDefinitions.forEach(({ name, port }, i) => {
            env[`PORT${i}`] = String(ports[i]);
            env[`PORT_${port}`] = String(ports[i]);
            if (name) env[`PORT_${name.toUpperCase()}`] = String(ports[i]);
        });
        return { ...env, ...app.env };
    }

    // The machine's own, which a container with its network has too.
    hostsFile({ netns, hostname }) {
        const file = path.join(this.play.dir, `${netns}.hosts`);
        const own = this.loopbackNames ? `127.0.1.1\t${hostname} ${hostname.split('.')[0]}\n` : '';
        fs.writeFileSync(file, `127.0.0.1\tlocalhost\n${own}::1\tlocalhost ip6-localhost ip6-loopback\n`);
        return file;
    }

    async launch(app, machine) {
        const id = `${app.id.slice(1).replace(/\//g, '_')}.${crypto.randomUUID()}`;
        const ports = app.portDefinitions.map((one) => one.port);
        const task = { id, appId: app.id, host: machine.hostname, ports, slaveId: machine.slaveId, state: 'TASK_STAGING',
            stagedAt: now(), startedAt: null, version: app.version, ipAddresses: [] };
        const { build, dir } = this.play;
        const container = new Container({ build, dir, netns: machine.netns, hostname: machine.hostname.split('.')[0],
            log: path.join(dir, `${machine.netns}.log`), env: this.env(app, task, machine),
            binds: [`${path.join(dir, 'resolv.conf')}=/etc/resolv.conf`, `${this.hostsFile(machine)}=/etc/hosts`] });
        const run = { task, machine, container, app, stopping: false };
        ports.forEach((port) => machine.ports.set(port, id));
        this.api.addTask(task);
        this.runs.set(id, run);
        await later(STAGING_MS);
        await container.start();
        run.startMs = Date.now();
        machine.containers.add(container);
        container.ended.then((code) => this.ended(run, code));
        await later(STATUS_MS);
        if (!container.runs()) return;
        Object.assign(task, { state: 'TASK_RUNNING', startedAt: now(),
            ipAddresses: [{ ipAddress: machine.address, protocol: 'IPv4' }] });
        this.settle();
    }

    ended(run, code) {
        const { task, machine } = run;
        task.ports.forEach((port) => machine.ports.delete(port));
        machine.containers.delete(run.container);
        if (!machine.up || !this.runs.has(task.id)) return; // no status update reaches Marathon
        if (!run.stopping) {
            this.play.say(`${task.host}: the task ended by itself: ${code}`);
            this.play.crashed(`${task.host}: ${code}`);
            const before = this.backoffMs.get(task.appId) || 1000 / 1.15;
            this.backoffMs.set(task.appId, before * 1.15);
        }
        this.forget(run, run.stopping ? 'TASK_KILLED' : code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', String(code));
    }

    forget(run, state, message = '') {
        this.runs.delete(run.task.id);
        this.api.endTask(run.task.id, state, message);
        this.settle();
    }

    kill(run) {
        if (run.stopping) return;
        run.stopping = true;
        if (run.machine.up) this.stop(run);
    }

    stop(run) {
        const begin = Date.now();
        run.container.stop(SHUTDOWN_MS).then(() => this.play.noteStop(run.task.host, Date.now() - begin, run.container.code));
    }

    killTasks(tasks, scale) {
        const runs = tasks.map((task) => this.runs.get(task.id)).filter(Boolean);
        if (scale && runs.length) {
            const app = this.api.apps.get(runs[0].task.appId);
            app.instances -= runs.length;
            this.wanted.set(app.id, app.instances);
        }
        runs.forEach((run) => this.kill(run));
    }

    // --- machines ---

    // The machine loses its network; what runs there runs on. After `lostMs` Mesos says so, and the task is replaced.
    async cut(machine, lostMs) {
        this.play.say(`${machine.hostname} is cut off`);
        machine.up = false;
        this.play.net.plug(machine.netns, false);
        await later(lostMs);
        if (machine.up) return;
        this.play.say(`${machine.hostname} counts as lost after ${lostMs} ms: its task is replaced`);
        [...this.runs.values()].filter((run) => run.machine === machine).forEach((run) => this.forget(run, 'TASK_LOST'));
    }

    // It is there again: Mesos ends what it has given up.
    heal(machine) {
        this.play.say(`${machine.hostname} is connected again`);
        machine.up = true;
        this.play.net.plug(machine.netns, true);
        const known = new Set([...this.runs.values()].map((run) => run.container));
        [...machine.containers].filter((one) => !known.has(one)).forEach((one) => one.stop(SHUTDOWN_MS));
        this.settle();
    }

    // A machine that is gone at once: all on it ends without a signal that could be taken; with `power` its last word, that
    // its connections have ended, does not reach anybody either.
    async crash(machine, power) {
        this.play.say(`${machine.hostname} ${power ? 'loses power' : 'crashes'}`);
        machine.up = false;
        const runs = [...this.runs.values()].filter((run) => run.machine === machine);
        if (power) this.play.net.plug(machine.netns, false);
        runs.forEach((run) => run.container.signal('SIGKILL'));
        await Promise.all(runs.map((run) => run.container.ended));
        return runs;
    }

    // --- apps ---

    deploy(plan) {
        const { app, kind, before } = plan;
        this.play.say(`Marathon: ${kind} ${app.id}, ${app.instances} instances`);
        this.plans.set(app.id, plan);
        this.wanted.set(app.id, app.instances);
        if (kind === 'replace') {
            const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
            const least = Math.ceil(app.instances * minimumHealthCapacity);
            plan.most = Math.floor(app.instances * (1 + maximumOverCapacity));
            const old = this.runsOf(app.id);
            if (least === plan.most && plan.most <= old.length) plan.most++;
            plan.old = new Set(old.map((run) => run.task.id));
            plan.queue = old.map((run) => run.task.id);
            plan.seen = new Set();
            for (let kill = Math.max(0, old.length - least); kill > 0; kill--) this.killNextOld(plan);
        } else if (before && app.instances < before.instances) {
            // The youngest go first.
            this.runsOf(app.id).filter((run) => !run.stopping).sort((a, b) => (a.task.stagedAt < b.task.stagedAt ? 1 : -1))
                .slice(0, before.instances - app.instances).forEach((run) => this.kill(run));
        }
        this.settle();
    }

    runsOf(id) {
        return [...this.runs.values()].filter((run) => run.task.appId === id);
    }

    killNextOld(plan) {
        const id = plan.queue.shift();
        const run = this.runs.get(id);
        if (run) this.kill(run);
    }

    // As TaskReplaceActor: each new task that runs lets one old one go.
    stepReplace(plan) {
        const { app } = plan;
        for (const run of this.runsOf(app.id)) {
            const { id, state } = run.task;
            if (plan.old.has(id) || state !== 'TASK_RUNNING' || plan.seen.has(id)) continue;
            plan.seen.add(id);
            this.killNextOld(plan);
        }
        const runs = this.runsOf(app.id);
        const fresh = runs.filter((run) => !plan.old.has(run.task.id)).length;
        const left = runs.length - fresh;
        if (!left && fresh === app.instances && plan.seen.size >= app.instances) this.finish(plan);
        return Math.min(plan.most - left - fresh, app.instances - fresh);
    }

    finish(plan) {
        if (this.plans.get(plan.app.id) !== plan) return;
        this.plans.delete(plan.app.id);
        this.api.finish(plan.id);
        this.play.say(`Marathon: ${plan.kind} of ${plan.app.id} is done`);
    }

    // Launches what is missing where a machine has the ports, and notices what is done.
    settle() {
        this.vip.set([...this.runs.values()].filter(({ task }) => task.state === 'TASK_RUNNING')
            .map(({ machine }) => ({ host: machine.address, port: 8087 })));
        for (const [id] of this.wanted) {
            const plan = this.plans.get(id);
            const runs = this.runsOf(id);
            const steady = runs.length === this.wanted.get(id) && runs.every(({ task }) => task.state === 'TASK_RUNNING');
            if (plan && plan.kind !== 'replace' && steady) this.finish(plan);
            if (this.missing(id) > 0) this.offer(id);
        }
    }

    // How many tasks of an app are to be launched now.
    missing(id) {
        const plan = this.plans.get(id);
        if (!this.api.apps.has(id)) return 0;
        if (plan && plan.kind === 'replace') return this.stepReplace(plan);
        return this.wanted.get(id) - this.runsOf(id).length;
    }

    // Offers of machines where nothing holds the ports come a little later, all of them together.
    offer(id) {
        if (this.offers.has(id)) return;
        this.offers.add(id);
        setTimeout(() => {
            this.offers.delete(id);
            const app = this.api.apps.get(id);
            if (!app) return;
            const free = (machine) => machine.up && app.portDefinitions.every((one) => !machine.ports.has(one.port));
            this.machines.filter(free).slice(0, Math.max(0, this.missing(id)))
                .forEach((machine) => this.launch(app, machine).catch((error) => this.play.broke(error)));
        }, OFFER_MS + (this.backoffMs.get(id) || 0));
    }

    // --- for plays ---

    // The manifest as F5 published it: the placeholders that it asks the user to fill in, and the image's name. `form`: how
    // the user writes PEM into JSON: its newlines as they are, escaped once more, or left out.
    create(manifest, { image = 'ephemeral-store:1', form = 'newlines', change = (app) => app } = {}) {
        const write = { newlines: (pem) => pem, escaped: (pem) => pem.replace(/\n/g, '\\n'), line: (pem) => pem.replace(/\n/g, '') };
        const pem = (name) => JSON.stringify(write[form](this.play.pem(name)));
        const text = fs.readFileSync(manifest, 'utf8').replace(/"image": "[^"]*"/, `"image": "${image}"`)
            .replace('"<root-ca-cert-in-PEM-format>"', pem('rootCA.crt'))
            .replace('"<root-ca-key-in-PEM-format>"', pem('rootCA.key'));
        return this.ask('POST', '/v2/apps', change(JSON.parse(text)));
    }

    async ask(method, where, body) {
        const answer = await fetch(`http://${MASTER}:${API_PORT}${where}`, { method,
            headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
            ...(body && { body: JSON.stringify(body) }) });
        const got = await answer.json();
        if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${JSON.stringify(got)}`);
        return got;
    }
}

module.exports = { Marathon, VIP, MASTER };
