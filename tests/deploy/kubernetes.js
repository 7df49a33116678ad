// SPDX-License-Identifier: Apache-2.0
'use strict';
// What Kubernetes does with a StatefulSet, on the fake API's objects: the StatefulSet controller (OrderedReady and
// Parallel, rolling updates), a scheduler, kubelets (kubelet.js), services with their endpoints, and DNS. Machines are
// names that pods are on; their cables are the pods'.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { Dns } = require('./dns');
const { KubernetesApi } = require('./fake/kubernetes');
const { Kubelet } = require('./kubelet');
const { Vip } = require('./vip');
const { output } = require('./load');

const NAMESPACE = 'default';
const SCHEDULE_MS = 50;
const MONITOR_MS = 40000; // node-monitor-grace-period
const SYNC_MS = 100; // until a controller acts on what has changed
const FAMILIES = {
    4: { gateway: '10.244.0.1', api: '10.96.0.1', dns: '10.96.0.10', service: (i) => `10.96.1.${i}`,
        pod: (i) => `10.244.${1 + (i >> 8)}.${i & 255}` },
    6: { gateway: 'fd00:10:244::1', api: 'fd00:10:96::1', dns: 'fd00:10:96::a', service: (i) => `fd00:10:96::1:${i}`,
        pod: (i) => `fd00:10:244::1:${i.toString(16)}` },
};

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ordinal = (pod) => Number(pod.metadata.name.split('-').pop());
const isReady = (pod) => ((pod.status || {}).conditions || []).some(({ type, status }) => type === 'Ready' && status === 'True');
const selects = (selector, object) => Object.entries(selector || {}).every(([key, value]) =>
    (object.metadata.labels || {})[key] === value);

class Kubernetes {
    // options: { machines, families: '4', '6', '46' or '64', the first is the services' }
    constructor(play, { machines = 7, families = '4' } = {}) {
        this.play = play;
        this.api = new KubernetesApi({ tls: { key: play.pem('api.key'), cert: play.pem('api.crt') } });
        this.objects = this.api.objects;
        this.families = [...families].map((one) => FAMILIES[one]);
        this.machines = Array.from({ length: machines }, (_, i) => ({ name: `node-${i + 1}`, address: `192.0.2.${i + 1}`, up: true }));
        this.kubelets = new Map(); // uid: of a pod that is not over
        this.waiting = []; // what kubelets do when their machine is connected again
        this.vips = new Map(); // name of a service
        this.podsMade = 0;
        this.podAddresses = 0;
        this.services = 0;
        this.probes = [];
    }

    async open() {
        const { net, dir, certs } = this.play;
        this.gateways = this.families.map((one) => one.gateway);
        this.gateways.forEach((one) => net.addGateway(one));
        const dns = this.families.map((one) => one.dns);
        [...this.families.map((one) => one.api), ...dns].forEach((one) => net.addService(one));
        this.dns = new Dns({ dir, addresses: dns, ttl: 5 });
        this.resolvConf = path.join(dir, 'resolv.conf');
        fs.writeFileSync(this.resolvConf, `${dns.map((one) => `nameserver ${one}\n`).join('')}search ${NAMESPACE}.svc.cluster.local `
            + 'svc.cluster.local cluster.local\noptions ndots:5\n');
        this.api.access.allow('admin', 'system:admin');
        for (const family of this.families) await this.api.listen(family.api, 443);
        this.objects.create('namespaces', { metadata: { name: NAMESPACE } });
        for (const machine of this.machines) {
            this.objects.create('nodes', { metadata: { name: machine.name, labels: { 'kubernetes.io/hostname': machine.name } },
                spec: {}, status: { conditions: [{ type: 'Ready', status: 'True' }] } });
        }
        this.publish();
        this.objects.on('event', (event) => this.heard(event));
        fs.writeFileSync(path.join(dir, 'kubeconfig'), JSON.stringify({ apiVersion: 'v1', kind: 'Config',
            clusters: [{ name: 'c', cluster: { server: `https://${this.families[0].api.includes(':') ? `[${this.families[0].api}]`
                : this.families[0].api}`, 'certificate-authority': path.join(certs, 'apiCA.crt') } }],
            users: [{ name: 'u', user: { token: 'admin' } }], contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
            'current-context': 'x' }));
    }

    // --- what changes ---

    heard({ resource, type, object }) {
        if (resource === 'pods') {
            const kubelet = this.kubelets.get(object.metadata.uid);
            if (type === 'ADDED') this.schedule(object);
            else if (type === 'DELETED' && kubelet && !kubelet.ending) this.end(kubelet, false);
            else if (kubelet && object.metadata.deletionTimestamp && !kubelet.ending) this.end(kubelet, true);
        }
        if (resource === 'services' && type === 'ADDED') this.openService(object);
        if (['pods', 'services', 'statefulsets'].includes(resource)) this.soon();
    }

    // Controllers look a little later, once for many changes.
    soon() {
        if (this.timer) return;
        this.timer = setTimeout(() => {
            this.timer = null;
            try {
                this.objects.list('statefulsets').forEach((set) => this.control(set));
                this.publish();
            } catch (error) {
                this.play.broke(error);
            }
        }, SYNC_MS);
    }

    // --- the StatefulSet controller ---

    control(set) {
        const { namespace, name } = set.metadata;
        const revision = crypto.createHash('sha256').update(JSON.stringify(set.spec.template)).digest('hex').slice(0, 10);
        const pods = this.objects.list('pods', namespace).filter((pod) =>
            (pod.metadata.ownerReferences || []).some(({ uid }) => uid === set.metadata.uid));
        this.objects.update('statefulsets', namespace, name, (copy) => {
            const ready = pods.filter((pod) => isReady(pod)).length;
            const updated = pods.filter((pod) => pod.metadata.labels['controller-revision-hash'] === `${name}-${revision}`).length;
            copy.status = { observedGeneration: copy.metadata.generation, replicas: pods.length, readyReplicas: ready,
                availableReplicas: ready, currentReplicas: updated, updatedReplicas: updated, currentRevision: `${name}-${revision}`,
                updateRevision: `${name}-${revision}` };
        });
        const action = this.next(set, pods, `${name}-${revision}`);
        if (action) action();
    }

    // The next thing to do for a set, or null: as the controller's updateStatefulSet does it.
    next(set, pods, revision) {
        const ordered = set.spec.podManagementPolicy !== 'Parallel';
        const at = new Map(pods.map((pod) => [ordinal(pod), pod]));
        const steady = (pod) => pod && !pod.metadata.deletionTimestamp && isReady(pod);
        const missing = [];
        for (let i = 0; i < set.spec.replicas; i++) {
            if (!at.has(i)) missing.push(i);
            if (ordered && !at.has(i)) break;
            if (ordered && !steady(at.get(i))) return null;
        }
        if (missing.length) return () => missing.forEach((i) => this.createPod(set, i, revision));
        const condemned = pods.filter((pod) => ordinal(pod) >= set.spec.replicas && !pod.metadata.deletionTimestamp)
            .sort((a, b) => ordinal(b) - ordinal(a));
        const leaving = pods.some((pod) => ordinal(pod) >= set.spec.replicas && pod.metadata.deletionTimestamp);
        if (condemned.length && ordered && leaving) return null;
        if (condemned.length) return () => condemned.slice(0, ordered ? 1 : condemned.length).forEach((pod) => this.api.deletePod(pod));
        if (set.spec.updateStrategy.type === 'OnDelete') return null;
        const { partition = 0 } = set.spec.updateStrategy.rollingUpdate || {};
        for (let i = set.spec.replicas - 1; i >= partition; i--) {
            const pod = at.get(i);
            if (pod.metadata.labels['controller-revision-hash'] !== revision && !pod.metadata.deletionTimestamp) {
                return () => this.api.deletePod(pod);
            }
            if (!steady(pod)) return null;
        }
        return null;
    }

    createPod(set, i, revision) {
        const { template } = set.spec;
        const name = `${set.metadata.name}-${i}`;
        const { labels, annotations } = template.metadata;
        this.objects.create('pods', { metadata: { name, namespace: set.metadata.namespace, generateName: `${set.metadata.name}-`,
            labels: { ...labels, 'apps.kubernetes.io/pod-index': String(i), 'controller-revision-hash': revision,
                'statefulset.kubernetes.io/pod-name': name }, ...(annotations && { annotations }),
            ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: set.metadata.name, uid: set.metadata.uid,
                controller: true, blockOwnerDeletion: true }] },
        spec: { ...structuredClone(template.spec), hostname: name, subdomain: set.spec.serviceName, restartPolicy: 'Always',
            serviceAccountName: template.spec.serviceAccountName || 'default' },
        status: { phase: 'Pending' } });
    }

    // --- scheduler and kubelets ---

    async schedule(pod) {
        await later(SCHEDULE_MS);
        const { namespace, name, uid } = pod.metadata;
        const free = () => this.machines.filter((one) => one.up && !this.objects.get('nodes', '', one.name).spec.unschedulable);
        while (!free().length) await later(500);
        const on = (machine) => [...this.kubelets.values()].filter((one) => one.machine === machine && !one.ending).length;
        const machine = free().sort((a, b) => on(a) - on(b))[0];
        const kept = this.objects.get('pods', namespace, name);
        if (!kept || kept.metadata.uid !== uid) return;
        this.podAddresses++;
        const addresses = this.families.map((one) => one.pod(10 + this.podAddresses));
        const kubelet = new Kubelet(this, kept, machine, addresses);
        this.kubelets.set(uid, kubelet);
        this.objects.update('pods', namespace, name, (copy) => {
            copy.spec.nodeName = machine.name;
            copy.status = { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] };
        });
        this.play.say(`${name}: starts on ${machine.name} at ${addresses.join(' and ')}`);
        try {
            await kubelet.start();
        } catch (error) {
            this.play.broke(error);
        }
    }

    end(kubelet, graceful) {
        const { namespace, name, uid } = kubelet.meta;
        const pod = this.objects.get('pods', namespace, name);
        if (graceful) kubelet.meta = pod.metadata;
        this.play.say(`${name}: ${graceful ? `is to end within ${pod.metadata.deletionGracePeriodSeconds} s` : 'is deleted'}`);
        this.whenUp(kubelet, async () => {
            await kubelet.end(graceful);
            this.kubelets.delete(uid);
            const kept = this.objects.get('pods', namespace, name);
            if (graceful && kept && kept.metadata.uid === uid) this.objects.remove('pods', namespace, name);
        });
    }

    machineIsUp(kubelet) {
        return kubelet.machine.up;
    }

    // A kubelet that is cut off neither sees a deletion nor updates a status: both wait for heal().
    whenUp(kubelet, act) {
        if (kubelet.machine.up) act();
        else this.waiting.push({ kubelet, act });
    }

    updateStatus({ namespace, name, uid }, status) {
        const pod = this.objects.get('pods', namespace, name);
        if (pod && pod.metadata.uid === uid) this.objects.update('pods', namespace, name, (copy) => { copy.status = status; });
    }

    noteProbe(kubelet, kind, code, ms, out) {
        // Before the first that succeeds the node has only begun.
        const begun = code === 0 || this.probes.some((one) => one.run === kubelet.run && one.kind === kind && one.code === 0);
        this.probes.push({ run: kubelet.run, name: kubelet.meta.name, kind, code, ms, begun });
        if (code !== 0 && kind !== 'startup') this.play.say(`${kubelet.meta.name}: ${kind} probe: ${code} after ${ms} ms: ${out.split('\n').pop()}`);
    }

    // --- machines ---

    onMachine(machine) {
        return [...this.kubelets.values()].filter((one) => one.machine === machine);
    }

    cut(machine) {
        this.play.say(`${machine.name} is cut off`);
        machine.up = false;
        this.onMachine(machine).forEach((one) => this.play.net.plug(one.netns, false));
        setTimeout(() => this.notReady(machine), this.play.scaled(MONITOR_MS));
    }

    // The node controller has had no heartbeat for its grace period: the machine's pods are not ready.
    notReady(machine) {
        if (machine.up) return;
        this.onMachine(machine).forEach(({ meta }) => this.objects.update('pods', meta.namespace, meta.name, (pod) => {
            if (pod.metadata.uid !== meta.uid) return;
            pod.status.conditions.filter(({ type }) => type === 'Ready').forEach((one) => { one.status = 'False'; });
        }));
    }

    heal(machine) {
        this.play.say(`${machine.name} is connected again`);
        machine.up = true;
        this.onMachine(machine).forEach((one) => {
            this.play.net.plug(one.netns, true);
            one.publish();
        });
        this.waiting.filter(({ kubelet }) => kubelet.machine === machine).forEach(({ act }) => act());
        this.waiting = this.waiting.filter(({ kubelet }) => kubelet.machine !== machine);
    }

    // --- services and DNS ---

    // The API's own service.
    service() {
        return { metadata: { name: 'kubernetes' }, spec: { clusterIP: this.families[0].api,
            ports: [{ name: 'https', port: 443, protocol: 'TCP' }] } };
    }

    async openService(service) {
        const { namespace, name } = service.metadata;
        if (service.spec.clusterIP === 'None') return;
        const address = this.families[0].service(++this.services);
        this.play.net.addService(address);
        this.objects.update('services', namespace, name, (copy) => {
            copy.spec.clusterIP = address;
            copy.spec.type = copy.spec.type || 'ClusterIP';
        });
        const vip = new Vip();
        await vip.open(service.spec.ports.map(({ port }) => ({ host: address, port })));
        this.vips.set(name, vip);
        this.publish();
    }

    address(name) {
        return this.objects.get('services', NAMESPACE, name).spec.clusterIP;
    }

    // The pods of a service: the ready ones, or all with publishNotReadyAddresses.
    endpoints(service) {
        if (!service.spec.selector) return [];
        return this.objects.list('pods', service.metadata.namespace).filter((pod) => selects(service.spec.selector, pod)
            && (pod.status || {}).podIP && ((isReady(pod) && !pod.metadata.deletionTimestamp) || service.spec.publishNotReadyAddresses));
    }

    // Of the first port of a service: a number, or the name of a container's port.
    targetPort(service, pod) {
        const { port, targetPort = port } = service.spec.ports[0];
        if (Number(targetPort)) return Number(targetPort);
        return pod.spec.containers.flatMap(({ ports }) => ports || []).find(({ name }) => name === targetPort).containerPort;
    }

    publish() {
        const names = this.families.map((one) => ({ name: 'kubernetes.default.svc.cluster.local', address: one.api }));
        const services = [];
        for (const service of this.objects.list('services')) {
            const { namespace, name } = service.metadata;
            const full = `${name}.${namespace}.svc.cluster.local`;
            const pods = this.endpoints(service);
            if (service.spec.clusterIP !== 'None') {
                if (service.spec.clusterIP) names.push({ name: full, address: service.spec.clusterIP });
                if (this.vips.has(name)) {
                    this.vips.get(name).set(pods.map((pod) => ({ host: pod.status.podIP, port: this.targetPort(service, pod) })));
                }
                continue;
            }
            // A headless service has the addresses of its own families: by default the cluster's first.
            const dual = /DualStack/.test(service.spec.ipFamilyPolicy || '');
            for (const pod of pods) {
                for (const { ip } of dual ? pod.status.podIPs : pod.status.podIPs.slice(0, 1)) {
                    names.push({ name: full, address: ip }, { name: `${pod.metadata.name}.${full}`, address: ip });
                }
            }
        }
        this.dns.set(names, services);
    }

    // --- for plays ---

    async kubectl(...words) {
        const { code, out } = await output('kubectl', words, { env: { PATH: process.env.PATH, HOME: this.play.dir,
            KUBECONFIG: path.join(this.play.dir, 'kubeconfig') } }).done;
        if (code !== 0) throw new Error(`kubectl ${words.join(' ')}: ${out}`);
        if (!words.includes('-o')) out.trim().split('\n').forEach((line) => this.play.say(`kubectl: ${line}`));
        return out;
    }

    // The manifest as F5 published it, but for the image's name; its secret is made by kubectl as F5's page says.
    async create(manifest, image = 'ephemeral-store:1') {
        const text = fs.readFileSync(manifest, 'utf8');
        const ours = text.replace(/^( *image: ).*$/m, `$1${image}`);
        this.play.check(text.split('\n').filter((line, i) => line !== ours.split('\n')[i]).length === 1, 'more than the image changed');
        const file = path.join(this.play.dir, 'manifest.yaml');
        fs.writeFileSync(file, ours);
        const { certs } = this.play;
        await this.add(await this.kubectl('create', 'secret', 'tls', 'ephemeral-store-secret', `--cert=${certs}/rootCA.crt`,
            `--key=${certs}/rootCA.key`, '--dry-run=client', '-o', 'json'));
        await this.kubectl('create', '--validate=false', '-f', file);
    }

    // Objects that kubectl has only printed.
    async add(text) {
        const file = path.join(this.play.dir, 'object.json');
        fs.writeFileSync(file, text);
        await this.kubectl('create', '--validate=false', '-f', file);
    }

    pods() {
        return this.objects.list('pods', NAMESPACE);
    }

    kubelet(name) {
        const pod = this.objects.get('pods', NAMESPACE, name);
        return pod && this.kubelets.get(pod.metadata.uid);
    }

    hosts() {
        return this.pods().filter((pod) => (pod.status || {}).podIP).map((pod) => pod.status.podIP);
    }

    // Until that many pods are there and ready.
    allReady(count, within) {
        return this.play.until(`${count} pods are ready`, within, () => {
            const pods = this.pods();
            return pods.length === count && pods.every((pod) => isReady(pod) && !pod.metadata.deletionTimestamp);
        });
    }
}

module.exports = { Kubernetes, isReady };
