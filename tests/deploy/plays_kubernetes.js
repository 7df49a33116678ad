// SPDX-License-Identifier: Apache-2.0
'use strict';
// F5's StatefulSet, as published, and ours: what Kubernetes does with them.

const path = require('path');
const { Kubernetes } = require('./kubernetes');
const { later } = require('./play');

const MANIFEST = path.join(__dirname, 'f5', 'kubernetes.yaml');
const OURS = path.join(__dirname, '..', '..', 'deploy', 'kubernetes');
const START_MS = 240000;

// Five pods, one after the other, each as soon as the one before is ready.
async function five(play, { rbac = false, ...options } = {}) {
    const kubernetes = new Kubernetes(play, options);
    await kubernetes.open();
    if (rbac) await kubernetes.kubectl('create', '--validate=false', '-f', path.join(__dirname, 'rbac.yaml'));
    const begin = Date.now();
    await kubernetes.create(MANIFEST);
    await kubernetes.allReady(5, START_MS);
    play.step('five pods, one after the other, ready', Date.now() - begin);
    await whole(play, kubernetes, 5);
    return kubernetes;
}

// All pods are ready, and members of one cluster.
async function whole(play, kubernetes, count, within = 120000) {
    await kubernetes.allReady(count, within);
    await play.ready(kubernetes.hosts(), within);
    await play.until(`${count} members`, within, async () => await play.members(kubernetes.hosts()[0]) === count);
}

function probes(play, kubernetes) {
    const failed = kubernetes.probes.filter((one) => one.code !== 0 && one.begun && one.kind === 'liveness');
    const times = kubernetes.probes.map((one) => one.ms).sort((a, b) => a - b);
    play.steps.push({ what: `${times.length} probes: median`, ms: times[times.length >> 1] });
    play.steps.push({ what: `${times.length} probes: longest`, ms: times[times.length - 1] });
    play.check(!failed.length, `${failed.length} liveness probes failed`);
}

// Our own manifests: a folder of deploy/kubernetes, as a user applies it.
function ours(folder) {
    return async (play) => {
        const kubernetes = new Kubernetes(play);
        await kubernetes.open();
        const { certs } = play;
        await kubernetes.add(await kubernetes.kubectl('create', 'secret', 'tls', 'ephemeral-store-root-ca',
            `--cert=${certs}/rootCA.crt`, `--key=${certs}/rootCA.key`, '--dry-run=client', '-o', 'json'));
        await kubernetes.add(await kubernetes.kubectl('create', 'secret', 'generic', 'ephemeral-store-users',
            '--from-literal=users=[{"name":"myuser","auth_mode":"certificate"}]', '--dry-run=client', '-o', 'json'));
        const begin = Date.now();
        await kubernetes.kubectl('create', '--validate=false', '-k', path.join(OURS, folder));
        await kubernetes.allReady(5, START_MS);
        play.step('five pods, all at once, ready', Date.now() - begin);
        await whole(play, kubernetes, 5);
        const under = await load(play, kubernetes);
        const again = Date.now();
        await kubernetes.kubectl('rollout', 'restart', 'statefulset/ephemeral-store');
        await later(1000);
        await play.until('all pods are new', 600000, () => kubernetes.pods().length === 5
            && kubernetes.pods().every((pod) => (pod.metadata.annotations || {})['kubectl.kubernetes.io/restartedAt']));
        await whole(play, kubernetes, 5);
        play.step('a rolling restart', Date.now() - again);
        const machine = kubernetes.kubelet('ephemeral-store-3').machine.name;
        await kubernetes.kubectl('drain', machine, '--ignore-daemonsets');
        await whole(play, kubernetes, 5);
        await play.end(under);
        probes(play, kubernetes);
    };
}

const load = (play, kubernetes, options) => play.load(kubernetes.address('ephemeral-store'), options);
const force = (kubernetes, ...names) => kubernetes.kubectl('delete', 'pod', ...names, '--grace-period=0', '--force');

// The API does what it should not while a pod is killed and replaced.
function lie(text, families = '4') {
    return async (play) => {
        const kubernetes = await five(play, { rbac: true, families });
        const under = await load(play, kubernetes);
        play.say(`the API: ${text}`);
        kubernetes.api.lies.set(text);
        await later(play.scaled(30000));
        const begin = Date.now();
        kubernetes.api.deletePod(kubernetes.objects.get('pods', 'default', 'ephemeral-store-1'), 0);
        await later(5000);
        play.say('the API: honest');
        kubernetes.api.lies.set('honest');
        await whole(play, kubernetes, 5, 240000);
        play.step(`a pod deleted while the API is ${text}, replaced and ready`, Date.now() - begin);
        await play.end(under);
        probes(play, kubernetes);
    };
}

module.exports = {
    'kubernetes-five': {
        what: 'OrderedReady without RBAC: five pods of the published StatefulSet form a cluster by DNS alone',
        scale: 1,
        play: async (play) => {
            const kubernetes = await five(play);
            const under = await load(play, kubernetes);
            await later(2000);
            await play.end(under);
            probes(play, kubernetes);
        },
    },
    'kubernetes-rbac': {
        what: 'OrderedReady with RBAC: five pods of the published StatefulSet form a cluster by the API',
        scale: 1,
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes);
            await later(2000);
            await play.end(under);
            await play.idle([...kubernetes.kubelets.values()].map((one) => one.run), kubernetes.api.server, 0.15);
            probes(play, kubernetes);
        },
    },
    'kubernetes-short': {
        what: 'five pods with RBAC, one is deleted by force, under load: what CTest plays',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes, { paceMs: 40 });
            await force(kubernetes, 'ephemeral-store-2');
            await whole(play, kubernetes, 5);
            await play.end(under);
        },
    },
    'kubernetes-delete': {
        what: 'a pod, then two, are deleted by force under load; then all',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes);
            for (const names of [['ephemeral-store-0'], ['ephemeral-store-2', 'ephemeral-store-4']]) {
                const begin = Date.now();
                await force(kubernetes, ...names);
                await later(500);
                await whole(play, kubernetes, 5, 240000);
                play.step(`${names.length} deleted and ready again`, Date.now() - begin);
                await later(2000);
            }
            await play.end(under);
            const { epoch } = await play.status(kubernetes.hosts()[0]);
            const begin = Date.now();
            await force(kubernetes, ...kubernetes.pods().map((pod) => pod.metadata.name));
            await later(1000);
            await whole(play, kubernetes, 5, 300000);
            play.step('all deleted and ready again', Date.now() - begin);
            const after = await play.status(kubernetes.hosts()[0]);
            play.check(after && after.epoch > epoch, `the epoch is ${after && after.epoch}, and was ${epoch}`);
            probes(play, kubernetes);
        },
    },
    'kubernetes-rolling': {
        what: 'a rolling update under load, with Riak clients',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes);
            const history = await play.history(kubernetes.address('ephemeral-store'));
            const begin = Date.now();
            await kubernetes.kubectl('set', 'image', 'statefulset/ephemeral-store', 'ephemeral-store=ephemeral-store:2');
            await play.until('all pods are of the new image', 600000, () => {
                const pods = kubernetes.pods();
                return pods.length === 5 && pods.every((pod) => pod.spec.containers[0].image === 'ephemeral-store:2');
            });
            await whole(play, kubernetes, 5, 240000);
            play.step('a rolling update', Date.now() - begin);
            await play.end(under);
            await play.end(history);
            probes(play, kubernetes);
        },
    },
    'kubernetes-drain': {
        what: 'kubectl drain of a machine with a pod, under load',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes);
            const machine = kubernetes.kubelet('ephemeral-store-3').machine.name;
            const begin = Date.now();
            await kubernetes.kubectl('drain', machine, '--ignore-daemonsets', '--delete-emptydir-data');
            await whole(play, kubernetes, 5, 240000);
            play.step('a machine drained, and all ready', Date.now() - begin);
            play.check(kubernetes.kubelet('ephemeral-store-3').machine.name !== machine, 'the pod is where it was');
            await play.end(under);
        },
    },
    'kubernetes-scale': {
        what: 'scaled to seven, and then to three, under load',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes);
            for (const count of [7, 3]) {
                const begin = Date.now();
                await kubernetes.kubectl('scale', 'statefulset', 'ephemeral-store', `--replicas=${count}`);
                await later(1000);
                await whole(play, kubernetes, count, 300000);
                play.step(`scaled to ${count}`, Date.now() - begin);
                await later(2000);
            }
            await play.end(under);
        },
    },
    'kubernetes-ours': { what: 'our own manifest, Parallel, without the API: a start, a rolling restart, a drain', play: ours('base') },
    'kubernetes-ours-api': { what: 'the same with the API', play: ours('api') },
    'kubernetes-ipv6': {
        what: 'IPv6 alone',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true, families: '6' });
            await play.end(await load(play, kubernetes));
        },
    },
    'kubernetes-dual': {
        what: 'dual stack, IPv4 first; a pod is deleted',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true, families: '46' });
            const under = await load(play, kubernetes);
            await force(kubernetes, 'ephemeral-store-1');
            await later(500);
            await whole(play, kubernetes, 5, 240000);
            await play.end(under);
        },
    },
    'kubernetes-dual-ipv6': {
        what: 'dual stack, IPv6 first, without RBAC',
        play: async (play) => {
            const kubernetes = await five(play, { families: '64' });
            await play.end(await load(play, kubernetes));
        },
    },
    'kubernetes-stale': { what: 'the API is stale while a pod is deleted', play: lie('stale') },
    'kubernetes-slow': { what: 'the API answers after 8 s', play: lie('slow 8000') },
    'kubernetes-silent': { what: 'the API takes requests and never answers', play: lie('silent') },
    'kubernetes-gone': { what: 'the API refuses connections', play: lie('gone') },
    'kubernetes-empty': { what: 'the API lists nothing', play: lie('empty') },
    'kubernetes-broken': { what: 'the API ends its answers in the middle', play: lie('broken') },
    'kubernetes-two-killed': {
        what: 'two pods of five are killed and replaced elsewhere',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const names = ['ephemeral-store-1', 'ephemeral-store-3'];
            const stay = kubernetes.pods().filter((pod) => !names.includes(pod.metadata.name)).map((pod) => pod.status.podIP);
            const under = await play.load(stay, { timeoutMs: 30000, words: ['--keys', '256'] });
            await later(3000);
            const begin = Date.now();
            const killed = names.map((name) => kubernetes.kubelet(name));
            killed.forEach((one) => {
                one.ending = one.end(false);
                one.run.signal('SIGKILL');
            });
            await force(kubernetes, ...names);
            await later(500);
            await whole(play, kubernetes, 5, 240000);
            play.step('two killed, replaced, and all ready', Date.now() - begin);
            await later(2000);
            await play.end(under, { may: true, gapMs: 30000 });
        },
    },
    'kubernetes-cut': {
        what: 'a machine is cut off and its pod deleted by force: it lives on beyond the cut, and the cut heals',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            const under = await load(play, kubernetes, { timeoutMs: 3000 });
            const { machine } = kubernetes.kubelet('ephemeral-store-2');
            kubernetes.cut(machine);
            await later(3000);
            const begin = Date.now();
            await force(kubernetes, 'ephemeral-store-2');
            await later(500);
            await whole(play, kubernetes, 5, 240000);
            play.step('a pod beyond a cut replaced, and all ready', Date.now() - begin);
            kubernetes.heal(machine);
            await later(5000);
            await whole(play, kubernetes, 5, 60000);
            await play.end(under);
        },
    },
    'kubernetes-three': {
        what: 'eight pods with 50 MB; three are deleted at once (SIGTERM, and SIGKILL 2 s later), under load',
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true, machines: 9 });
            await kubernetes.kubectl('scale', 'statefulset', 'ephemeral-store', '--replicas=8');
            await later(1000);
            await whole(play, kubernetes, 8, 300000);
            await play.fill(kubernetes.address('ephemeral-store'), 500);
            const under = await load(play, kubernetes, { words: ['--keys', '256'] });
            await later(2000);
            const begin = Date.now();
            await force(kubernetes, 'ephemeral-store-0', 'ephemeral-store-1', 'ephemeral-store-2');
            await later(500);
            await whole(play, kubernetes, 8, 300000);
            play.step('three deleted at once, replaced, and all ready', Date.now() - begin);
            await play.end(under);
            await play.checkFilled(kubernetes.hosts(), 500);
        },
    },
    'kubernetes-token': {
        what: "the service accounts' tokens are renewed, and the old ones end; then scaled to six",
        play: async (play) => {
            const kubernetes = await five(play, { rbac: true });
            kubernetes.kubelets.forEach((one) => one.renewToken());
            await kubernetes.kubectl('scale', 'statefulset', 'ephemeral-store', '--replicas=6');
            await later(1000);
            await whole(play, kubernetes, 6, 240000);
            const refused = kubernetes.api.server.log.slice(-20).filter((one) => one.status === 401);
            play.check(!refused.length, 'a node still comes with an old token');
        },
    },
};
