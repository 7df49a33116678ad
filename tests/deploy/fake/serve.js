// SPDX-License-Identifier: Apache-2.0
'use strict';
// One of the fake APIs alone, for tests that need no controller. It says `listening PORT`, and then obeys lines of its
// standard input until that ends, answering each with `done` or `error: ...`:
//
//   lie WORD [NUMBER]    as lies.js says
//   state JSON           what there is from now on
//   asked                prints the requests since the last time, one a line: METHOD PATH STATUS; then `done`
//
//   node serve.js kubernetes ADDRESS:PORT KEY-FILE CERTIFICATE-FILE TOKEN
//       state {"namespace": "default", "name": "ephemeral-store", "replicas": 5, "pods":
//              [{"name": "ephemeral-store-0", "uid": "u", "ips": ["10.0.0.1"], "phase": "Running", "ready": true,
//                "terminating": false}]}        ips, uid, phase, ready, terminating may be left out
//   node serve.js marathon ADDRESS:PORT [AUTHORIZATION]
//       state {"id": "/ephemeral-store", "instances": 5, "tasks":
//              [{"id": "t", "host": "10.0.0.1", "ports": [8087, 4369, 8099], "state": "TASK_RUNNING"}]}

const fs = require('fs');
const readline = require('readline');
const { KubernetesApi } = require('./kubernetes');
const { MarathonApi } = require('./marathon');

function setPods(api, { namespace = 'default', name = 'ephemeral-store', replicas = 5, pods = [] }) {
    for (const kind of ['pods', 'statefulsets']) {
        for (const one of api.objects.list(kind)) api.objects.remove(kind, one.metadata.namespace, one.metadata.name);
    }
    const labels = { name };
    api.objects.create('statefulsets', { metadata: { namespace, name, labels },
        spec: { replicas, selector: { matchLabels: labels }, serviceName: `${name}-info`, template: { metadata: { labels } } },
        status: { replicas: pods.length } });
    for (const pod of pods) {
        const ips = pod.ips || [];
        const kept = api.objects.create('pods', { metadata: { namespace, name: pod.name, labels },
            spec: { nodeName: 'node-1', containers: [{ name, image: name }] },
            status: { phase: pod.phase || 'Running', ...(ips.length && { hostIP: '192.0.2.1', podIP: ips[0],
                podIPs: ips.map((ip) => ({ ip })) }),
            conditions: [{ type: 'Ready', status: pod.ready === false ? 'False' : 'True' }] } });
        if (pod.uid) kept.metadata.uid = pod.uid;
        if (pod.terminating) kept.metadata.deletionTimestamp = new Date().toISOString();
    }
}

function setTasks(api, { id = '/ephemeral-store', instances = 5, tasks = [] }) {
    const version = new Date().toISOString();
    const ports = [['proto', 8087], ['epmd', 4369], ['handoff', 8099]];
    api.apps.set(id, { id, instances, version, env: {}, requirePorts: true,
        portDefinitions: ports.map(([name, port]) => ({ name, port, protocol: 'tcp', labels: {} })) });
    api.tasks.clear();
    tasks.forEach((task, i) => api.addTask({ id: `ephemeral-store.${i}`, appId: id, slaveId: `S${i}`, version,
        stagedAt: version, startedAt: task.state === 'TASK_STAGING' ? null : version, ports: [8087, 4369, 8099],
        state: 'TASK_RUNNING', ...task }));
}

async function main([kind, address, ...rest]) {
    const [, host, port] = /^(.*):(\d+)$/.exec(address);
    let api;
    if (kind === 'kubernetes') {
        const [key, cert, token] = rest;
        api = new KubernetesApi({ tls: { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } });
        api.access.allow(token, 'system:admin');
        api.objects.create('namespaces', { metadata: { name: 'default' } });
    } else {
        api = new MarathonApi({ credentials: rest[0] || null });
        api.on('deploy', ({ id }) => api.finish(id));
    }
    console.log(`listening ${await api.listen(host.replace(/^\[|\]$/g, ''), Number(port))}`);
    const words = {
        lie: (text) => api.lies.set(text),
        state: (text) => (kind === 'kubernetes' ? setPods : setTasks)(api, JSON.parse(text)),
        asked: () => api.server.log.splice(0).forEach(({ method, path, status }) => console.log(method, path, status)),
    };
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const [, word, text] = /^(\S*)\s*(.*)$/.exec(line);
        try {
            words[word](text);
            console.log('done');
        } catch (error) {
            console.log(`error: ${error.message}`);
        }
    }
    process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
