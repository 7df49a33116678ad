// SPDX-License-Identifier: Apache-2.0
'use strict';
// A Kubernetes API server, as far as kubectl and the store ask one: discovery, objects by group, lists with selectors and
// pages, watches, patches, scale and eviction; TLS, bearer tokens, RBAC. It keeps objects and does nothing with them: that
// is for controllers, which listen to its Objects. `kubectl` proves it in prove.js.

const crypto = require('crypto');
const { Access } = require('./access');
const { Lies } = require('./lies');
const { Objects, RESOURCES, groupVersion } = require('./objects');
const { Server } = require('./server');
const { labelSelector, fieldSelector } = require('./selector');
const { merge } = require('./patch');
const { table, wantsTable } = require('./table');
const status = require('./status');

const PAGES_MAX = 64;
const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCES = {
    pods: [{ name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
        { name: 'status', kind: 'Pod', verbs: ['get', 'patch', 'update'] }],
    statefulsets: [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
        { name: 'status', kind: 'StatefulSet', verbs: ['get', 'patch', 'update'] }],
};

class KubernetesApi {
    // tls: { key, cert }
    constructor({ tls }) {
        this.objects = new Objects();
        this.lies = new Lies();
        this.access = new Access(this.objects);
        this.pages = new Map(); // continue token: what is left of a list
        this.server = new Server({ tls, lies: this.lies, handle: (...all) => this.handle(...all) });
        this.then = null; // what a stale API still believes
        this.lies.watch((kind) => { this.then = kind === 'stale' ? this.objects.snapshot() : null; });
    }

    async listen(host, port) {
        const got = await this.server.listen(host, port);
        if (this.server.addresses.length === 1) this.server.obey();
        return got;
    }

    // What is answered from.
    view() {
        return this.then || this.objects;
    }

    async handle(request, url, response, send) {
        const fail = (body) => send(response, body.code, body);
        const user = this.access.user(request);
        if (this.lies.kind === 'unauthorized' || !user) return fail(status.unauthorized());
        const parts = url.pathname.split('/').filter(Boolean);
        const known = this.discovery(parts);
        if (known) return send(response, 200, known);
        const target = this.target(parts);
        if (!target) return fail(status.noSuchPath());
        const verb = this.verb(request, url, target);
        const lied = this.lies.kind === 'forbidden' && user !== 'system:admin';
        if (lied || !this.access.may(user, { verb, ...target })) {
            return fail(status.forbidden(user, verb, target.resource, target.subresource, target.namespace, target.name));
        }
        return this.serve(verb, target, request, url, response, send);
    }

    verb(request, url, { name }) {
        if (request.method === 'GET' && /^(true|1)$/.test(url.searchParams.get('watch') || '')) return 'watch';
        return { GET: name ? 'get' : 'list', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[request.method];
    }

    // --- what there is ---

    discovery(parts) {
        const groups = [...new Set(RESOURCES.map((resource) => resource.group).filter(Boolean))];
        const group = (name) => ({ name, versions: [{ groupVersion: `${name}/v1`, version: 'v1' }],
            preferredVersion: { groupVersion: `${name}/v1`, version: 'v1' } });
        switch (parts.join('/')) {
        case 'version':
            return { major: '1', minor: '32', gitVersion: 'v1.32.0', gitCommit: '', gitTreeState: 'clean', buildDate: '',
                goVersion: '', compiler: '', platform: 'linux/amd64' };
        case 'api':
            return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
        case 'apis':
            return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(group) };
        default:
        }
        if (parts[0] === 'apis' && parts.length === 2 && groups.includes(parts[1])) {
            return { kind: 'APIGroup', apiVersion: 'v1', ...group(parts[1]) };
        }
        const list = RESOURCES.filter((resource) => parts.join('/') === this.prefix(resource));
        return list.length ? { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion(list[0]),
            resources: list.flatMap((resource) => this.describe(resource)) } : null;
    }

    prefix(resource) {
        return resource.group ? `apis/${resource.group}/${resource.version}` : `api/${resource.version}`;
    }

    describe(resource) {
        const own = { name: resource.name, singularName: resource.kind.toLowerCase(), namespaced: resource.namespaced,
            kind: resource.kind, verbs: VERBS, shortNames: resource.short };
        return [own, ...(SUBRESOURCES[resource.name] || []).map((sub) => ({ ...sub, name: `${resource.name}/${sub.name}`,
            singularName: '', namespaced: resource.namespaced }))];
    }

    // { resource, namespace, name, subresource } of a path, or null.
    target(parts) {
        const resource = RESOURCES.find((one) => {
            const prefix = this.prefix(one).split('/');
            const rest = parts.slice(prefix.length);
            const here = one.namespaced ? rest[0] === one.name || (rest[0] === 'namespaces' && rest[2] === one.name)
                : rest[0] === one.name && rest.length <= 2;
            return here && prefix.every((word, i) => parts[i] === word);
        });
        if (!resource) return null;
        let rest = parts.slice(this.prefix(resource).split('/').length);
        let namespace = '';
        if (resource.namespaced && rest[0] === 'namespaces') [, namespace, ...rest] = rest;
        const [, name, subresource] = rest;
        return { resource, namespace, name, subresource };
    }

    // --- the verbs ---

    serve(verb, target, request, url, response, send) {
        const { resource, namespace, name, subresource } = target;
        const fail = (body) => send(response, body.code, body);
        if (verb === 'watch') return this.watch(target, url, response);
        if (verb === 'list') return this.list(target, request, url, response, send);
        if (verb === 'create' && subresource === 'eviction') return this.evict(target, response, send);
        if (verb === 'create') return this.create(target, JSON.parse(request.body), response, send);
        const gone = this.lies.kind === 'empty' || !this.view().get(resource.name, namespace, name);
        if (gone) return fail(status.notFound(resource, name));
        switch (verb) {
        case 'get':
            return this.show(target, request, response, send);
        case 'delete':
            return this.remove(target, request, response, send);
        default:
            return this.change(verb, target, request, response, send);
        }
    }

    full(resource, object) {
        return { kind: resource.kind, apiVersion: groupVersion(resource), ...object };
    }

    scale(set) {
        const { name, namespace, uid, resourceVersion, creationTimestamp } = set.metadata;
        return { kind: 'Scale', apiVersion: 'autoscaling/v1',
            metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
            spec: { replicas: set.spec.replicas }, status: { replicas: (set.status || {}).replicas || 0 } };
    }

    show({ resource, namespace, name, subresource }, request, response, send) {
        const object = this.view().get(resource.name, namespace, name);
        if (subresource === 'scale') return send(response, 200, this.scale(object));
        if (wantsTable(request)) return send(response, 200, table(resource, [object], {}));
        return send(response, 200, this.full(resource, object));
    }

    list(target, request, url, response, send) {
        const page = this.page(target, url);
        if (page.code) return send(response, page.code, page);
        const { resource } = target;
        if (wantsTable(request)) return send(response, 200, table(resource, page.items, page.metadata));
        return send(response, 200, { kind: `${resource.kind}List`, apiVersion: groupVersion(resource),
            metadata: page.metadata, items: page.items });
    }

    // A page of a list: { metadata, items }, or a Status. What is left is kept as it was when the first page was asked for.
    page({ resource, namespace }, url) {
        const ask = (name) => url.searchParams.get(name) || '';
        const label = labelSelector(ask('labelSelector'));
        const field = fieldSelector(ask('fieldSelector'));
        if (!label || !field) return status.badRequest('unable to parse requirement of a selector');
        let rest;
        if (ask('continue')) {
            rest = this.pages.get(ask('continue'));
            if (!rest) return status.expired();
        } else {
            const all = this.lies.kind === 'empty' ? [] : this.view().list(resource.name, namespace);
            rest = { version: this.view().version, items: all.filter((one) => label(one.metadata.labels) && field(one)) };
        }
        const limit = Number(ask('limit')) || rest.items.length;
        const items = rest.items.slice(0, limit);
        const metadata = { resourceVersion: String(rest.version) };
        if (rest.items.length > limit) {
            metadata.continue = crypto.randomBytes(24).toString('base64url');
            this.pages.set(metadata.continue, { version: rest.version, items: rest.items.slice(limit) });
            if (this.pages.size > PAGES_MAX) this.pages.delete(this.pages.keys().next().value);
        }
        return { metadata, items };
    }

    create({ resource, namespace }, body, response, send) {
        const { kind, apiVersion, ...object } = body;
        if (resource.namespaced) object.metadata.namespace = namespace;
        if (resource.name === 'secrets' && object.stringData) {
            object.data = { ...object.data, ...Object.fromEntries(Object.entries(object.stringData)
                .map(([name, text]) => [name, Buffer.from(text).toString('base64')])) };
            delete object.stringData;
        }
        this.emitDefaults(resource, object);
        const kept = this.objects.create(resource.name, object);
        const answer = kept ? this.full(resource, kept) : status.exists(resource, object.metadata.name);
        return send(response, kept ? 201 : 409, answer);
    }

    // What a server adds to an object that does not say it.
    emitDefaults(resource, object) {
        if (resource.name === 'statefulsets') {
            object.spec = { podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate',
                rollingUpdate: { partition: 0 } }, revisionHistoryLimit: 10, replicas: 1, ...object.spec };
            object.status = { replicas: 0, availableReplicas: 0 };
        } else if (resource.name === 'pods') {
            object.status = object.status || { phase: 'Pending' };
        }
    }

    // With a grace the API only marks the pod: its kubelet removes it when it has ended.
    remove({ resource, namespace, name }, request, response, send) {
        const options = request.body.length ? JSON.parse(request.body) : {};
        const object = this.objects.get(resource.name, namespace, name);
        if (!object) return send(response, 404, status.notFound(resource, name));
        if (resource.name === 'pods') {
            const kept = this.deletePod(object, options.gracePeriodSeconds);
            return send(response, 200, this.full(resource, kept));
        }
        this.objects.remove(resource.name, namespace, name);
        return send(response, 200, status.success(resource, object));
    }

    // As the API server: with a grace of 0 a pod is forgotten at once. Returns the pod as it was last.
    deletePod(pod, asked) {
        const { namespace, name } = pod.metadata;
        const own = pod.spec.terminationGracePeriodSeconds;
        const grace = asked !== undefined && asked !== null ? asked : own === undefined ? 30 : own;
        if (grace === 0 || !pod.spec.nodeName) return this.objects.remove('pods', namespace, name);
        return this.objects.update('pods', namespace, name, (copy) => {
            if (copy.metadata.deletionTimestamp) return;
            copy.metadata.deletionTimestamp = new Date(Date.now() + grace * 1000).toISOString().replace(/\.\d+/, '');
            copy.metadata.deletionGracePeriodSeconds = grace;
        });
    }

    evict({ resource, namespace, name }, response, send) {
        const pod = this.objects.get('pods', namespace, name);
        if (!pod) return send(response, 404, status.notFound(resource, name));
        const budget = this.objects.list('poddisruptionbudgets', namespace).find((one) =>
            this.matches(one.spec.selector, pod) && this.disruptions(one) < 1);
        if (budget) return send(response, 429, status.tooManyDisruptions(budget.metadata.name));
        this.deletePod(pod);
        return send(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    }

    matches(selector, object) {
        return Object.entries((selector || {}).matchLabels || {})
            .every(([name, value]) => (object.metadata.labels || {})[name] === value);
    }

    // How many more pods a budget lets go now. The expected count is its StatefulSets' (percentages are rounded up).
    disruptions(budget) {
        const { namespace } = budget.metadata;
        const { selector, minAvailable, maxUnavailable } = budget.spec;
        const pods = this.objects.list('pods', namespace).filter((pod) => this.matches(selector, pod));
        const healthy = pods.filter((pod) => !pod.metadata.deletionTimestamp
            && ((pod.status || {}).conditions || []).some((one) => one.type === 'Ready' && one.status === 'True')).length;
        const expected = this.objects.list('statefulsets', namespace)
            .filter((set) => this.matches(selector, set.spec.template)).reduce((sum, set) => sum + set.spec.replicas, 0);
        const number = (value) => (/%$/.test(value) ? Math.ceil(expected * parseInt(value, 10) / 100) : Number(value));
        const wanted = maxUnavailable === undefined ? number(minAvailable) : expected - number(maxUnavailable);
        return healthy - wanted;
    }

    change(verb, { resource, namespace, name, subresource }, request, response, send) {
        const type = request.headers['content-type'] || '';
        if (verb === 'patch' && !/(strategic-)?merge-patch\+json/.test(type)) return send(response, 415, status.unsupported());
        const body = JSON.parse(request.body);
        const apply = (old) => (verb === 'patch' ? merge(old, body, type.includes('strategic')) : body);
        const kept = this.objects.update(resource.name, namespace, name, (object) => {
            if (subresource === 'scale') {
                object.spec.replicas = apply(this.scale(object)).spec.replicas;
                return;
            }
            const { metadata, spec, status: state, kind, apiVersion, ...rest } = apply(object);
            const { uid, creationTimestamp, resourceVersion, generation } = object.metadata;
            Object.assign(object, rest, spec && { spec });
            if (subresource === 'status' && state) object.status = state;
            object.metadata = { ...metadata, uid, creationTimestamp, resourceVersion, ...(generation && { generation }) };
        });
        return send(response, 200, subresource === 'scale' ? this.scale(kept) : this.full(resource, kept));
    }

    // --- watches ---

    watch({ resource, namespace, name }, url, response) {
        const ask = (field) => url.searchParams.get(field) || '';
        const label = labelSelector(ask('labelSelector')) || (() => false);
        const field = fieldSelector(ask('fieldSelector')) || (() => false);
        const wanted = (event) => event.resource === resource.name
            && (!namespace || event.object.metadata.namespace === namespace)
            && (!name || event.object.metadata.name === name) && label(event.object.metadata.labels) && field(event.object);
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.flushHeaders();
        const tell = (event) => {
            if (this.lies.kind !== 'stale' && wanted(event)) {
                response.write(`${JSON.stringify({ type: event.type, object: this.full(resource, event.object) })}\n`);
            }
        };
        const since = Number(ask('resourceVersion'));
        if (since) this.objects.events.filter((event) => event.version > since).forEach(tell);
        else this.objects.list(resource.name, namespace).forEach((object) => tell({ resource: resource.name, type: 'ADDED', object }));
        this.objects.on('event', tell);
        const seconds = Number(ask('timeoutSeconds')) || 3600;
        const timer = setTimeout(() => response.end(), seconds * 1000);
        response.on('close', () => {
            clearTimeout(timer);
            this.objects.off('event', tell);
        });
    }
}

module.exports = { KubernetesApi };
