// SPDX-License-Identifier: Apache-2.0
'use strict';
// What a kubelet does with one pod: a network namespace with addresses, the container with the environment and the mounts
// that the pod's spec says, probes, restarts, and the end. What it learns it writes into the pod's status, a little later.

const fs = require('fs');
const path = require('path');
const { Container } = require('./container');

const STATUS_MS = 500; // until the state of a container is in the API
const SANDBOX_MS = 200; // to make a network and pull the image
const LEAST_GRACE_MS = 2000; // what a kubelet gives also where the grace is 0
const RESTART_MS = 10000; // back-off of the second restart
const SERVICE_ACCOUNT = '/run/secrets/kubernetes.io/serviceaccount';

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const upper = (name) => name.toUpperCase().replace(/[-.]/g, '_');
const bracketed = (address) => (address.includes(':') ? `[${address}]` : address);

// The variables of a service, as of the time when the pod starts. Headless services have none.
function serviceLinks(services) {
    const env = {};
    for (const { metadata: { name }, spec } of services) {
        if (!spec.clusterIP || spec.clusterIP === 'None') continue;
        const prefix = upper(name);
        const host = spec.clusterIP;
        spec.ports.forEach(({ name: port, port: number, protocol = 'TCP' }, i) => {
            const url = `${protocol.toLowerCase()}://${bracketed(host)}:${number}`;
            const one = `${prefix}_PORT_${number}_${protocol}`;
            if (i === 0) {
                Object.assign(env, { [`${prefix}_SERVICE_HOST`]: host, [`${prefix}_SERVICE_PORT`]: String(number),
                    [`${prefix}_PORT`]: url });
            }
            if (port) env[`${prefix}_SERVICE_PORT_${upper(port)}`] = String(number);
            Object.assign(env, { [one]: url, [`${one}_PROTO`]: protocol.toLowerCase(), [`${one}_PORT`]: String(number),
                [`${one}_ADDR`]: host });
        });
    }
    return env;
}

class Kubelet {
    // `cluster`: the Kubernetes of this folder. `pod`: as the API has it. `addresses`: the pod's.
    constructor(cluster, pod, machine, addresses) {
        Object.assign(this, { cluster, machine, addresses });
        this.play = cluster.play;
        this.objects = cluster.api.objects;
        this.meta = pod.metadata;
        this.spec = pod.spec;
        [this.container] = pod.spec.containers;
        this.netns = `pod-${++cluster.podsMade}`;
        this.dir = path.join(this.play.dir, this.netns);
        this.log = path.join(this.play.dir, `${this.meta.name}.log`);
        this.restarts = 0;
        this.ready = false;
        this.ending = null; // a promise, once the pod is being ended
        this.probes = [];
    }

    // --- what the container gets ---

    field(where) {
        const { metadata, spec } = { metadata: this.meta, spec: this.spec };
        const label = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(where);
        if (label) return (metadata[label[1]] || {})[label[2]] || '';
        switch (where) {
        case 'metadata.name': return metadata.name;
        case 'metadata.namespace': return metadata.namespace;
        case 'metadata.uid': return metadata.uid;
        case 'spec.nodeName': return this.machine.name;
        case 'spec.serviceAccountName': return spec.serviceAccountName || 'default';
        case 'status.podIP': return this.addresses[0];
        case 'status.podIPs': return this.addresses.join(',');
        case 'status.hostIP': return this.machine.address;
        default: throw new Error(`fieldRef ${where}`);
        }
    }

    value({ value, valueFrom }) {
        if (!valueFrom) return value || '';
        const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = valueFrom;
        if (fieldRef) return this.field(fieldRef.fieldPath);
        if (resourceFieldRef) {
            const [kind, name] = resourceFieldRef.resource.split('.');
            const text = this.container.resources[kind][name];
            const [, number, unit] = /^([\d.]+)(Ki|Mi|Gi|m|)$/.exec(text);
            return String(Math.ceil(number * { '': 1, m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit]));
        }
        const [resource, { name, key, optional }] = configMapKeyRef ? ['configmaps', configMapKeyRef] : ['secrets', secretKeyRef];
        const object = this.objects.get(resource, this.meta.namespace, name);
        const data = object && (object.data || {})[key];
        if (data === undefined && !optional) throw new Error(`${this.meta.name}: no ${resource} ${name} with ${key}`);
        return data === undefined ? null : resource === 'secrets' ? Buffer.from(data, 'base64').toString() : data;
    }

    env() {
        const { namespace, name } = this.meta;
        const links = this.spec.enableServiceLinks === false ? [] : this.objects.list('services', namespace);
        const env = { HOSTNAME: name, ...serviceLinks([this.cluster.service(), ...links]) };
        for (const { configMapRef, secretRef, prefix = '' } of this.container.envFrom || []) {
            const object = configMapRef ? this.objects.get('configmaps', namespace, configMapRef.name)
                : this.objects.get('secrets', namespace, secretRef.name);
            for (const [key, data] of Object.entries((object || {}).data || {})) {
                env[prefix + key] = secretRef ? Buffer.from(data, 'base64').toString() : data;
            }
        }
        for (const one of this.container.env || []) {
            const value = this.value(one);
            if (value !== null) env[one.name] = value.replace(/\$\(([\w.-]+)\)/g, (whole, other) => (other in env ? env[other] : whole));
        }
        return env;
    }

    // A folder with the keys of a secret or a config map, which the user may read and not change.
    folder(name, object, decode, items) {
        const dir = path.join(this.dir, name);
        fs.mkdirSync(dir, { recursive: true });
        const wanted = items || Object.keys(object.data || {}).map((key) => ({ key, path: key }));
        for (const { key, path: file } of wanted) {
            fs.mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
            fs.writeFileSync(path.join(dir, file), decode ? Buffer.from(object.data[key], 'base64') : object.data[key]);
        }
        return dir;
    }

    volume({ name, secret, configMap, emptyDir, projected }) {
        if (emptyDir) return 'tmpfs';
        const get = (resource, what) => this.objects.get(resource, this.meta.namespace, what);
        const take = (kind, what) => {
            const object = get(kind === 'secret' ? 'secrets' : 'configmaps', what.secretName || what.name);
            if (!object && what.optional) return;
            if (!object) throw new Error(`${this.meta.name}: no ${kind} ${what.secretName || what.name}`);
            this.folder(name, object, kind === 'secret', what.items);
        };
        fs.mkdirSync(path.join(this.dir, name), { recursive: true });
        if (secret) take('secret', secret);
        if (configMap) take('configMap', configMap);
        for (const one of (projected || {}).sources || []) {
            if (one.secret) take('secret', one.secret);
            if (one.configMap) take('configMap', one.configMap);
        }
        return path.join(this.dir, name);
    }

    binds() {
        const binds = [`${this.cluster.resolvConf}=/etc/resolv.conf`];
        const hosts = path.join(this.dir, 'hosts');
        fs.writeFileSync(hosts, ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback',
            ...this.addresses.map((one) => `${one}\t${this.fqdn()}\t${this.meta.name}`)].join('\n') + '\n');
        binds.push(`${hosts}=/etc/hosts`);
        for (const { name, mountPath, subPath } of this.container.volumeMounts || []) {
            const source = this.volume(this.spec.volumes.find((one) => one.name === name));
            binds.push(`${subPath ? path.join(source, subPath) : source}=${mountPath}`);
        }
        if (this.spec.automountServiceAccountToken !== false) binds.push(`${this.account()}=${SERVICE_ACCOUNT}`);
        return binds;
    }

    fqdn() {
        const { namespace, name } = this.meta;
        return this.spec.subdomain ? `${name}.${this.spec.subdomain}.${namespace}.svc.cluster.local` : name;
    }

    // The service account's token, which is this pod's own, and what it is good for.
    account() {
        const dir = path.join(this.dir, 'serviceaccount');
        fs.mkdirSync(dir, { recursive: true });
        this.renewToken();
        fs.copyFileSync(path.join(this.play.certs, 'apiCA.crt'), path.join(dir, 'ca.crt'));
        fs.writeFileSync(path.join(dir, 'namespace'), this.meta.namespace);
        return dir;
    }

    // As a kubelet does it before a token ends: another in the same file; the old one is good no more.
    renewToken() {
        const { access } = this.cluster.api;
        if (this.token) access.forget(this.token);
        this.token = `${this.meta.uid}.${Math.random().toString(36).slice(2)}`;
        access.allow(this.token, `system:serviceaccount:${this.meta.namespace}:${this.spec.serviceAccountName || 'default'}`);
        fs.writeFileSync(path.join(this.dir, 'serviceaccount', 'token'), this.token);
    }

    // --- its life ---

    async start() {
        await later(SANDBOX_MS);
        if (this.ending) return;
        fs.mkdirSync(this.dir, { recursive: true });
        this.play.net.addNamespace(this.netns, this.addresses, this.cluster.gateways);
        await this.startContainer();
    }

    async startContainer() {
        const { build, dir } = this.play;
        const { command = [], args = [], securityContext = {} } = this.container;
        const uid = securityContext.runAsUser || (this.spec.securityContext || {}).runAsUser;
        this.run = new Container({ build, dir, log: this.log, netns: this.netns, hostname: this.meta.name, env: this.env(),
            binds: this.binds(), ...(uid && { uid }),
            command: [...(command.length ? command : ['/opt/store/ephemerald']), ...args] });
        const { run } = this;
        await run.start();
        this.startedAt = new Date().toISOString();
        this.startMs = Date.now();
        run.ended.then((code) => this.containerEnded(run, code));
        if (this.ending) return;
        this.beginProbes();
        setTimeout(() => this.publish(), STATUS_MS);
    }

    containerEnded(run, code) {
        if (run !== this.run) return;
        this.stopProbes();
        if (this.ending) return;
        if (this.cluster.machineIsUp(this)) {
            this.play.say(`${this.meta.name}: the container ended: ${code}`);
            if (!this.restarting) this.play.crashed(`${this.meta.name}: ${code}`);
        }
        this.restarting = false;
        this.setReady(false);
        const wait = this.restarts === 0 ? 0 : this.play.scaled(RESTART_MS * 2 ** Math.min(this.restarts - 1, 5));
        this.restarts++;
        setTimeout(() => { if (!this.ending) this.startContainer().catch((error) => this.play.broke(error)); }, wait);
    }

    // --- probes ---

    // The others wait for the startup probe, if there is one.
    beginProbes() {
        const { startupProbe, livenessProbe, readinessProbe } = this.container;
        const begin = () => {
            this.probe('liveness', livenessProbe, (failed) => this.notLive(failed));
            this.probe('readiness', readinessProbe, (failed) => this.setReady(!failed));
            if (!readinessProbe) this.setReady(true);
        };
        if (!startupProbe) {
            begin();
            return;
        }
        this.probe('startup', startupProbe, (failed) => {
            this.stopProbes();
            if (failed) this.notLive(true);
            else begin();
        });
    }

    // Runs a probe as long as the container does; `tell(failed)` once it has failed or succeeded often enough.
    probe(kind, spec, tell) {
        if (!spec) return;
        const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3, successThreshold = 1 } = spec;
        let failures = 0;
        let successes = 0;
        const { run } = this;
        const once = async () => {
            const { code, ms, out } = await run.exec(spec.exec.command, timeoutSeconds * 1000);
            if (this.run !== run || this.ending || !run.runs()) return;
            const good = code === 0;
            [failures, successes] = good ? [0, successes + 1] : [failures + 1, 0];
            this.cluster.noteProbe(this, kind, code, ms, out);
            if (good && successes >= successThreshold) tell(false);
            if (!good && failures >= failureThreshold) tell(true);
        };
        const timer = { stopped: false, stop: () => { timer.stopped = true; clearTimeout(timer.next); } };
        // The next one a period after the last began, but never two at once.
        const turn = async () => {
            const begin = Date.now();
            await once();
            const rest = this.play.scaled(periodSeconds * 1000) - (Date.now() - begin);
            if (!timer.stopped) timer.next = setTimeout(turn, Math.max(0, rest));
        };
        timer.next = setTimeout(turn, this.play.scaled(initialDelaySeconds * 1000));
        this.probes.push(timer);
    }

    stopProbes() {
        this.probes.splice(0).forEach((one) => one.stop());
    }

    notLive(failed) {
        if (!failed || this.restarting || this.ending) return;
        this.play.say(`${this.meta.name}: is not live: its container restarts`);
        this.play.crashed(`${this.meta.name}: liveness`);
        this.restarting = true;
        this.stopProbes();
        this.run.stop(Math.max(LEAST_GRACE_MS, this.graceMs()));
    }

    setReady(ready) {
        if (ready === this.ready) return;
        this.ready = ready;
        this.play.say(`${this.meta.name}: is ${ready ? 'ready' : 'not ready'}`);
        this.publish();
    }

    // --- status ---

    publish() {
        if (this.ending && !this.graceful) return;
        this.cluster.whenUp(this, () => {
            const running = Boolean(this.run && this.run.runs());
            this.cluster.updateStatus(this.meta, {
                phase: 'Running', hostIP: this.machine.address, hostIPs: [{ ip: this.machine.address }],
                podIP: this.addresses[0], podIPs: this.addresses.map((ip) => ({ ip })), startTime: this.startedAt,
                conditions: ['Initialized', 'PodScheduled', 'ContainersReady', 'Ready'].map((type) =>
                    ({ type, status: /Ready/.test(type) && !(this.ready && running) ? 'False' : 'True' })),
                containerStatuses: [{ name: this.container.name, image: this.container.image, ready: this.ready && running,
                    restartCount: this.restarts, started: running,
                    state: running ? { running: { startedAt: this.startedAt } } : { terminated: { exitCode: 0 } } }],
            });
        });
    }

    // --- the end ---

    graceMs() {
        return (this.meta.deletionGracePeriodSeconds || 0) * 1000;
    }

    // With a grace: the hook, SIGTERM, and out of the API when it has ended. Without: it is out of the API already.
    end(graceful) {
        if (this.ending) return this.ending;
        this.graceful = graceful;
        this.stopProbes();
        const begin = Date.now();
        this.ending = (async () => {
            const deadline = begin + Math.max(LEAST_GRACE_MS, this.graceMs());
            const hook = ((this.container.lifecycle || {}).preStop || {}).exec;
            if (hook && this.run && graceful) await this.run.exec(hook.command, deadline - Date.now());
            if (this.run) await this.run.stop(Math.max(LEAST_GRACE_MS, deadline - Date.now()));
            if (this.run) this.play.noteStop(this.meta.name, Date.now() - begin, this.run.code);
            this.play.net.removeNamespace(this.netns);
            this.cluster.api.access.forget(this.token);
        })();
        return this.ending;
    }
}

module.exports = { Kubelet };
