// SPDX-License-Identifier: Apache-2.0
'use strict';
// What `kubectl get` prints: the server makes its columns.

const ago = (time) => {
    const s = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
    return s < 120 ? `${s}s` : `${Math.floor(s / 60)}m`;
};
const column = (name, description = '') => ({ name, type: 'string', format: '', description, priority: 0 });
const restarts = (pod) =>
    (pod.status.containerStatuses || []).reduce((sum, container) => sum + container.restartCount, 0);
const ready = (pod) => (pod.status.containerStatuses || []).filter((container) => container.ready).length;

const TABLES = {
    pods: {
        columns: ['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node'],
        cells: (pod) => [pod.metadata.name, `${ready(pod)}/${pod.spec.containers.length}`,
            pod.metadata.deletionTimestamp ? 'Terminating' : pod.status.phase, String(restarts(pod)),
            ago(pod.metadata.creationTimestamp), pod.status.podIP || '<none>', pod.spec.nodeName || '<none>'],
    },
    statefulsets: {
        columns: ['Name', 'Ready', 'Age'],
        cells: (set) => [set.metadata.name, `${set.status.readyReplicas || 0}/${set.spec.replicas}`,
            ago(set.metadata.creationTimestamp)],
    },
};
const PLAIN = {
    columns: ['Name', 'Age'],
    cells: (object) => [object.metadata.name, ago(object.metadata.creationTimestamp)],
};

const wantsTable = (request) => /as=Table/.test(request.headers.accept || '');

function table(resource, objects, metadata) {
    const { columns, cells } = TABLES[resource.name] || PLAIN;
    return {
        kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata,
        columnDefinitions: columns.map((name) => column(name)),
        rows: objects.map((object) => ({
            cells: cells(object),
            object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
        })),
    };
}

module.exports = { table, wantsTable };
