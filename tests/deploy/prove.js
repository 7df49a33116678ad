// SPDX-License-Identifier: Apache-2.0
'use strict';
// Proves the fake APIs by clients that know the real ones: kubectl, and python3-marathon. What these two do not
// understand, or would not do so at the real API, fails here.
//
//   node prove.js        with a key and a certificate for 127.0.0.1 in EPHEMERAL_FAKE_KEY and EPHEMERAL_FAKE_CERT

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { execFile } = require('child_process');
const { KubernetesApi } = require('./fake/kubernetes');
const { MarathonApi } = require('./fake/marathon');

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'prove-'));
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }));

// { code, out, err }
const run = (program, words, input = '') => new Promise((resolve) => {
    const child = execFile(program, words, { env: { PATH: process.env.PATH, HOME: home }, timeout: 60000 },
        (error, out, err) => resolve({ code: error ? error.code || -1 : 0, out, err }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
});

async function fine(program, words, input) {
    const { code, out, err } = await run(program, words, input);
    assert.strictEqual(code, 0, `${program} ${words.join(' ')}: ${err}`);
    return out;
}

const pod = (i, ready) => ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: `ephemeral-store-${i}`, namespace: 'default', labels: { name: 'ephemeral-store' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ephemeral-store', uid: 'u', controller: true }] },
    spec: { nodeName: `node-${i}`, terminationGracePeriodSeconds: 0, containers: [{ name: 'ephemeral-store', image: 'store' }] },
    status: { phase: 'Running', podIP: `10.0.0.${i}`, podIPs: [{ ip: `10.0.0.${i}` }],
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        containerStatuses: [{ name: 'ephemeral-store', ready, restartCount: 0 }] },
});

const set = {
    apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'ephemeral-store', namespace: 'default' },
    spec: { replicas: 5, serviceName: 'ephemeral-store-info', selector: { matchLabels: { name: 'ephemeral-store' } },
        template: { metadata: { labels: { name: 'ephemeral-store' } },
            spec: { containers: [{ name: 'ephemeral-store', image: 'store:1' }] } } },
};

const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'store', namespace: 'default' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }] };
const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding',
    metadata: { name: 'store', namespace: 'default' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'store' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }] };

function write(name, object) {
    fs.writeFileSync(path.join(home, name), JSON.stringify(object));
    return path.join(home, name);
}

async function kubernetes() {
    const tls = { key: fs.readFileSync(process.env.EPHEMERAL_FAKE_KEY), cert: fs.readFileSync(process.env.EPHEMERAL_FAKE_CERT) };
    const api = new KubernetesApi({ tls });
    const { objects } = api;
    api.access.allow('admin', 'system:admin');
    api.access.allow('pod', 'system:serviceaccount:default:default');
    const port = await api.listen('127.0.0.1', 0);
    const as = (token) => ['--server', `https://127.0.0.1:${port}`, '--certificate-authority', process.env.EPHEMERAL_FAKE_CERT,
        '--token', token];
    const kubectl = (...words) => fine('kubectl', [...as('admin'), ...words]);
    const refused = async (token, wanted, ...words) => {
        const { code, err } = await run('kubectl', [...as(token), ...words]);
        assert.notStrictEqual(code, 0, words.join(' '));
        assert.match(err, wanted);
    };

    objects.create('namespaces', { metadata: { name: 'default' } });
    assert.match(await kubectl('create', '--validate=false', '-f', write('set.json', set)), /statefulset.apps\/ephemeral-store created/);
    for (let i = 0; i < 3; i++) objects.create('pods', structuredClone(pod(i, i > 0)));
    objects.create('pods', { metadata: { name: 'stranger', namespace: 'default', labels: { name: 'other' } },
        spec: { containers: [{ name: 'c', image: 'c' }] } });

    const list = JSON.parse(await kubectl('get', 'pods', '-l', 'name=ephemeral-store', '-o', 'json'));
    assert.deepStrictEqual(list.items.map((one) => one.status.podIP), ['10.0.0.0', '10.0.0.1', '10.0.0.2']);
    assert.match(await kubectl('get', 'pods', '-l', 'name=ephemeral-store'), /ephemeral-store-1 +1\/1 +Running/);
    const pages = JSON.parse(await kubectl('get', 'pods', '--chunk-size=1', '-o', 'json'));
    assert.strictEqual(pages.items.length, 4);
    assert(api.server.log.some((one) => /continue=/.test(one.path)), 'kubectl did not ask for a second page');
    const one = JSON.parse(await kubectl('get', 'pod', 'ephemeral-store-1', '-o', 'json'));
    assert.strictEqual(one.metadata.uid, objects.get('pods', 'default', 'ephemeral-store-1').metadata.uid);
    assert.strictEqual(JSON.parse(await kubectl('get', 'statefulset', 'ephemeral-store', '-o', 'json')).spec.replicas, 5);

    await kubectl('scale', 'statefulset', 'ephemeral-store', '--replicas=7');
    assert.strictEqual(objects.get('statefulsets', 'default', 'ephemeral-store').spec.replicas, 7);
    await kubectl('set', 'image', 'statefulset/ephemeral-store', 'ephemeral-store=store:2');
    await kubectl('rollout', 'restart', 'statefulset/ephemeral-store');
    const { template } = objects.get('statefulsets', 'default', 'ephemeral-store').spec;
    assert.strictEqual(template.spec.containers[0].image, 'store:2');
    assert(template.metadata.annotations['kubectl.kubernetes.io/restartedAt']);
    await kubectl('delete', 'pod', 'ephemeral-store-0', '--grace-period=0', '--force');
    assert.strictEqual(objects.get('pods', 'default', 'ephemeral-store-0'), undefined);
    await refused('admin', /pods "ephemeral-store-0" not found/, 'get', 'pod', 'ephemeral-store-0');

    // A drain: the pods of a machine are evicted, unless a budget forbids it.
    objects.create('nodes', { metadata: { name: 'node-2', labels: {} }, spec: {}, status: {} });
    await kubectl('drain', 'node-2', '--ignore-daemonsets', '--delete-emptydir-data');
    assert(objects.get('nodes', '', 'node-2').spec.unschedulable);
    assert.strictEqual(objects.get('pods', 'default', 'ephemeral-store-2'), undefined);
    objects.create('poddisruptionbudgets', { metadata: { name: 'store', namespace: 'default' },
        spec: { minAvailable: 4, selector: { matchLabels: { name: 'ephemeral-store' } } } });
    objects.create('nodes', { metadata: { name: 'node-1', labels: {} }, spec: {}, status: {} });
    await refused('admin', /disruption budget/, 'drain', 'node-1', '--timeout=2s');

    // Permissions: without a role, with one, and without a token.
    const ask = ['get', 'pods', '-l', 'name=ephemeral-store', '-o', 'json'];
    await refused('pod', /Error from server \(Forbidden\): pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"/, ...ask);
    await kubectl('create', '--validate=false', '-f', write('role.json', { apiVersion: 'v1', kind: 'List', items: [role, binding] }));
    assert.strictEqual(JSON.parse(await fine('kubectl', [...as('pod'), ...ask])).items.length, 1);
    await refused('pod', /statefulsets.apps "ephemeral-store" is forbidden/, 'get', 'statefulset', 'ephemeral-store');
    await refused('stranger', /must be logged in|Unauthorized/, ...ask);

    // Lies.
    api.lies.set('stale');
    objects.remove('pods', 'default', 'ephemeral-store-1');
    assert.strictEqual(JSON.parse(await kubectl(...ask)).items.length, 1);
    api.lies.set('empty');
    assert.strictEqual(JSON.parse(await kubectl(...ask)).items.length, 0);
    api.lies.set('forbidden');
    await refused('pod', /Forbidden/, ...ask);
    api.lies.set('gone');
    await refused('admin', /refused/, ...ask);
    api.lies.set('honest');
    assert.strictEqual(JSON.parse(await kubectl('get', 'pods', '-o', 'json')).items.length, 1);
    console.log('kubectl takes the fake for a Kubernetes API');
}

const PYTHON = `
import sys, time
from marathon import MarathonClient
from marathon.exceptions import ConflictError, NotFoundError
from marathon.models import MarathonApp

client = MarathonClient('http://127.0.0.1:' + sys.argv[1], username='user', password='secret')
assert client.get_info().name == 'marathon'
app = MarathonApp.from_json({
    'id': 'ephemeral-store', 'instances': 5, 'cpus': 1, 'mem': 1024, 'requirePorts': True,
    'container': {'type': 'DOCKER', 'docker': {'image': 'store', 'network': 'HOST', 'forcePullImage': True}},
    'portDefinitions': [{'port': 8087, 'protocol': 'tcp', 'name': 'proto', 'labels': {'VIP_0': 'ephemeral-store:8087'}},
                        {'port': 4369, 'protocol': 'tcp', 'name': 'epmd'}]})
assert client.create_app('ephemeral-store', app).id == '/ephemeral-store'
try:
    client.scale_app('ephemeral-store', instances=7)
    raise SystemExit('a deployment holds the app, and it was scaled')
except ConflictError:
    pass
while client.list_deployments():
    time.sleep(0.05)
app = client.get_app('/ephemeral-store')
assert (app.instances, app.tasks_running, app.tasks_staged, len(app.tasks)) == (5, 4, 1, 5), app
assert app.ports == [8087, 4369]
tasks = client.list_tasks('ephemeral-store')
assert sorted(task.host for task in tasks) == ['10.0.0.%d' % i for i in range(5)], tasks
assert [task for task in tasks if task.started_at is None][0].state == 'TASK_STAGING'
assert client.scale_app('ephemeral-store', instances=7)['deploymentId']
while client.list_deployments():
    time.sleep(0.05)
assert client.get_app('ephemeral-store').instances == 7
assert client.kill_task('ephemeral-store', tasks[0].id).id == tasks[0].id
try:
    client.get_app('nothing')
    raise SystemExit('an app that does not exist was shown')
except NotFoundError as error:
    assert error.error_message == "App '/nothing' does not exist", error.error_message
print('python3-marathon takes the fake for Marathon')
`;

async function marathon() {
    const api = new MarathonApi({ credentials: `Basic ${Buffer.from('user:secret').toString('base64')}` });
    const killed = [];
    const version = new Date().toISOString();
    api.on('deploy', (plan) => {
        for (let i = 0; plan.kind === 'start' && i < plan.app.instances; i++) {
            api.addTask({ id: `ephemeral-store.${i}`, appId: plan.app.id, host: `10.0.0.${i}`, ports: [8087, 4369],
                slaveId: `S${i}`, state: i ? 'TASK_RUNNING' : 'TASK_STAGING', stagedAt: version,
                startedAt: i ? version : null, version, ipAddresses: [{ ipAddress: `10.0.0.${i}`, protocol: 'IPv4' }] });
        }
        setTimeout(() => api.finish(plan.id), 500);
    });
    api.on('kill', (tasks) => killed.push(...tasks.map((task) => task.id)));
    const port = await api.listen('127.0.0.1', 0);
    process.stdout.write(await fine('/usr/bin/python3', ['-', String(port)], PYTHON));
    assert.strictEqual(killed.length, 1);
    const answer = await fetch(`http://127.0.0.1:${port}/v2/apps/ephemeral-store`);
    assert.strictEqual(answer.status, 401);
}

Promise.all([kubernetes(), marathon()]).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
