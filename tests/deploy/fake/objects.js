// SPDX-License-Identifier: Apache-2.0
'use strict';
// What the fake Kubernetes API keeps: objects by kind, each with its uid and resource version, and the record of their
// changes that watches read. No HTTP here, and no rule of any controller.

const crypto = require('crypto');
const { EventEmitter } = require('events');

const EVENTS_MAX = 5000;

// The resources that exist: enough for F5's manifest, for ours, and for what kubectl does with both.
const RESOURCES = [
    { group: '', version: 'v1', name: 'namespaces', kind: 'Namespace', short: ['ns'], namespaced: false },
    { group: '', version: 'v1', name: 'nodes', kind: 'Node', short: ['no'], namespaced: false },
    { group: '', version: 'v1', name: 'pods', kind: 'Pod', short: ['po'], namespaced: true },
    { group: '', version: 'v1', name: 'services', kind: 'Service', short: ['svc'], namespaced: true },
    { group: '', version: 'v1', name: 'configmaps', kind: 'ConfigMap', short: ['cm'], namespaced: true },
    { group: '', version: 'v1', name: 'secrets', kind: 'Secret', short: [], namespaced: true },
    { group: '', version: 'v1', name: 'serviceaccounts', kind: 'ServiceAccount', short: ['sa'], namespaced: true },
    { group: '', version: 'v1', name: 'endpoints', kind: 'Endpoints', short: ['ep'], namespaced: true },
    { group: 'apps', version: 'v1', name: 'statefulsets', kind: 'StatefulSet', short: ['sts'], namespaced: true },
    { group: 'policy', version: 'v1', name: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', short: ['pdb'],
        namespaced: true },
    { group: 'networking.k8s.io', version: 'v1', name: 'networkpolicies', kind: 'NetworkPolicy', short: ['netpol'],
        namespaced: true },
    { group: 'rbac.authorization.k8s.io', version: 'v1', name: 'roles', kind: 'Role', short: [], namespaced: true },
    { group: 'rbac.authorization.k8s.io', version: 'v1', name: 'rolebindings', kind: 'RoleBinding', short: [],
        namespaced: true },
];

const groupVersion = (resource) => (resource.group ? `${resource.group}/${resource.version}` : resource.version);

class Objects extends EventEmitter {
    constructor() {
        super();
        this.setMaxListeners(0);
        this.version = 1000;
        this.kept = new Map(RESOURCES.map((resource) => [resource.name, new Map()]));
        this.events = []; // { version, resource, type, object }
    }

    key(namespace, name) {
        return `${namespace || ''}/${name}`;
    }

    get(resource, namespace, name) {
        return this.kept.get(resource).get(this.key(namespace, name));
    }

    // Sorted by namespace and name, as etcd gives them. Without a namespace: of all.
    list(resource, namespace) {
        return [...this.kept.get(resource).entries()]
            .filter(([key]) => !namespace || key.startsWith(`${namespace}/`))
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([, object]) => object);
    }

    // Adds an object, which must not exist; returns it as it is kept.
    create(resource, object) {
        const meta = object.metadata;
        const { namespace, name } = meta;
        if (this.get(resource, namespace, name)) return null;
        meta.uid = crypto.randomUUID();
        meta.creationTimestamp = new Date().toISOString().replace(/\.\d+/, '');
        if (resource !== 'pods') meta.generation = 1;
        this.kept.get(resource).set(this.key(namespace, name), object);
        this.changed(resource, 'ADDED', object);
        return object;
    }

    // `change` gets a copy to change. Returns what is kept then, or null when no such object exists.
    update(resource, namespace, name, change) {
        const old = this.get(resource, namespace, name);
        if (!old) return null;
        const object = structuredClone(old);
        change(object);
        if (JSON.stringify(object) === JSON.stringify(old)) return old;
        if (object.metadata.generation && JSON.stringify(object.spec) !== JSON.stringify(old.spec)) {
            object.metadata.generation++;
        }
        this.kept.get(resource).set(this.key(namespace, name), object);
        this.changed(resource, 'MODIFIED', object);
        return object;
    }

    remove(resource, namespace, name) {
        const object = this.get(resource, namespace, name);
        if (!object) return null;
        this.kept.get(resource).delete(this.key(namespace, name));
        this.changed(resource, 'DELETED', structuredClone(object));
        return object;
    }

    changed(resource, type, object) {
        object.metadata.resourceVersion = String(++this.version);
        const event = { version: this.version, resource, type, object };
        this.events.push(event);
        if (this.events.length > EVENTS_MAX) this.events.shift();
        this.emit('event', event);
    }

    // A copy that no later change reaches.
    snapshot() {
        const copy = new Objects();
        copy.version = this.version;
        copy.kept = structuredClone(this.kept);
        return copy;
    }
}

module.exports = { Objects, RESOURCES, groupVersion };
