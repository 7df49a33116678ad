// SPDX-License-Identifier: Apache-2.0
'use strict';
// Marathon's API (1.3 and 1.4), as far as its clients and the store ask it. It keeps apps, tasks and deployments; what to
// do about a change is its controller's, which listens for 'deploy' and 'kill'. python3-marathon proves it in prove.js.
//
//   'deploy' (plan)    plan: { id, kind: start|scale|replace|stop, app, before }: the controller calls finish(plan.id)
//   'kill'   (tasks, { scale })

const crypto = require('crypto');
const { EventEmitter } = require('events');
const { Lies } = require('./lies');
const { Server } = require('./server');

const now = () => new Date().toISOString();
const LOCKED = "App is locked by one or more deployments. Override with the option '?force=true'. View details at "
    + "'/v2/deployments/<DEPLOYMENT_ID>'.";
// What an update may say without being an update of the tasks.
const SCALING = new Set(['id', 'instances', 'version', 'versionInfo']);
const READ_ONLY = ['version', 'versionInfo', 'tasks', 'deployments', 'tasksStaged', 'tasksRunning', 'tasksHealthy',
    'tasksUnhealthy', 'lastTaskFailure'];

const DEFAULTS = {
    cmd: null, args: null, user: null, env: {}, instances: 1, cpus: 1, mem: 128, disk: 0, gpus: 0, executor: '',
    constraints: [], uris: [], fetch: [], storeUrls: [], backoffSeconds: 1, backoffFactor: 1.15, maxLaunchDelaySeconds: 3600,
    container: null, healthChecks: [], readinessChecks: [], dependencies: [],
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 }, labels: {}, ipAddress: null, residency: null,
    secrets: {}, taskKillGracePeriodSeconds: null, portDefinitions: [], requirePorts: false,
};

const appId = (text) => `/${decodeURIComponent(text).replace(/^\/+|\/+$/g, '')}`;

class MarathonApi extends EventEmitter {
    // credentials: the value of the Authorization header that is asked for; null: none.
    constructor({ tls = null, credentials = null } = {}) {
        super();
        this.apps = new Map();
        this.tasks = new Map();
        this.deployments = new Map();
        this.failures = new Map(); // of an app: the last task that failed
        this.credentials = credentials;
        this.lies = new Lies();
        this.server = new Server({ tls, lies: this.lies, handle: (...all) => this.handle(...all) });
        this.then = null;
        this.lies.watch((kind) => {
            const { apps, tasks, deployments, failures } = this;
            this.then = kind === 'stale' ? structuredClone({ apps, tasks, deployments, failures }) : null;
        });
    }

    async listen(host, port) {
        const got = await this.server.listen(host, port);
        if (this.server.addresses.length === 1) this.server.obey();
        return got;
    }

    view() {
        return this.then || this;
    }

    // --- for the controller ---

    finish(id) {
        this.deployments.delete(id);
    }

    // tasks[].state is Mesos' word. A task that ended is off the list at once.
    addTask(task) {
        this.tasks.set(task.id, task);
    }

    endTask(id, state, message) {
        const task = this.tasks.get(id);
        this.tasks.delete(id);
        if (task && state !== 'TASK_KILLED') {
            this.failures.set(task.appId, { appId: task.appId, host: task.host, message, state, taskId: id,
                timestamp: now(), version: task.version, slaveId: task.slaveId });
        }
    }

    // --- what is answered ---

    async handle(request, url, response, send) {
        const say = (status, body) => send(response, status, body);
        if (this.lies.kind === 'unauthorized' || (this.credentials && request.headers.authorization !== this.credentials)) {
            response.setHeader('WWW-Authenticate', 'Basic realm="Mesosphere"');
            return say(401, { message: 'Invalid username or password.' });
        }
        if (this.lies.kind === 'forbidden') return say(403, { message: 'Not Authorized to perform this action!' });
        const path = url.pathname.replace(/\/+$/, '');
        if (path === '/ping') return response.end('pong\n');
        if (path === '/v2/info') return say(200, this.info());
        if (path === '/v2/leader') return say(200, { leader: this.host(request) });
        if (path === '/v2/queue') return say(200, { queue: [] });
        if (path.startsWith('/v2/deployments')) return this.serveDeployments(request, path, say);
        if (path === '/v2/tasks') return this.serveTasks(request, url, response, say);
        if (path === '/v2/tasks/delete' && request.method === 'POST') return this.killIds(request, url, say);
        if (path === '/v2/apps') return this.serveApps(request, say);
        if (path.startsWith('/v2/apps/')) return this.serveApp(request, url, path, say);
        return say(404, { message: 'HTTP 404 Not Found' });
    }

    host(request) {
        return request.headers.host || 'marathon.mesos:8080';
    }

    info() {
        return { name: 'marathon', version: '1.4.9', buildref: 'unknown', elected: true, leader: 'marathon.mesos:8080',
            frameworkId: 'fake-0000', marathon_config: { master: 'zk://leader.mesos:2181/mesos', ha: true,
                task_launch_timeout: 300000 }, zookeeper_config: {}, event_subscriber: null, http_config: { http_port: 8080 } };
    }

    tasksOf(id) {
        return this.lies.kind === 'empty' ? [] : [...this.view().tasks.values()].filter((task) => task.appId === id);
    }

    // As `show` answers: tasks and counts are always embedded.
    describe(app) {
        const tasks = this.tasksOf(app.id);
        const count = (states) => tasks.filter((task) => states.includes(task.state)).length;
        const failure = this.view().failures.get(app.id);
        return { ...app,
            ...(this.lies.kind === 'empty' && { instances: 0 }),
            ports: app.portDefinitions.map((definition) => definition.port),
            tasksStaged: count(['TASK_STAGING', 'TASK_STARTING']), tasksRunning: count(['TASK_RUNNING']),
            tasksHealthy: 0, tasksUnhealthy: 0,
            deployments: [...this.view().deployments.values()].filter((one) => one.app === app.id).map(({ id }) => ({ id })),
            tasks, ...(failure && { lastTaskFailure: failure }) };
    }

    serveApps(request, say) {
        if (request.method === 'GET') {
            return say(200, { apps: [...this.view().apps.values()].map((app) => this.describe(app)) });
        }
        if (request.method !== 'POST') return say(405, { message: 'HTTP 405 Method Not Allowed' });
        const body = JSON.parse(request.body);
        const id = appId(body.id || '');
        if (this.apps.has(id)) return say(409, { message: `An app with id [${id}] already exists.` });
        const version = now();
        const app = { ...DEFAULTS, ...this.writable(body), id, version,
            versionInfo: { lastScalingAt: version, lastConfigChangeAt: version } };
        this.apps.set(id, app);
        this.deploy('start', app, null);
        return say(201, this.describe(app));
    }

    writable(body) {
        return Object.fromEntries(Object.entries(body).filter(([name, value]) => !READ_ONLY.includes(name) && value !== null));
    }

    deploy(kind, app, before) {
        const id = crypto.randomUUID();
        this.deployments.set(id, { id, app: app.id, version: app.version, kind });
        this.emit('deploy', { id, kind, app, before });
        return id;
    }

    serveApp(request, url, path, say) {
        const [, rest, word = '', task = ''] = /^\/v2\/apps\/(.*?)(?:\/(tasks|versions|restart)(?:\/([^/]+))?)?$/.exec(path);
        const id = appId(rest);
        const app = this.view().apps.get(id);
        if (!app) return say(404, { message: `App '${id}' does not exist` });
        switch (`${request.method} ${word}`) {
        case 'GET ':
            return say(200, { app: this.describe(app) });
        case 'GET tasks':
            return say(200, { tasks: this.tasksOf(id) });
        case 'GET versions':
            return say(200, { versions: [app.version] });
        case 'DELETE tasks':
            return this.killSome(app, task, url, say);
        case 'PUT ':
            return this.update(app, JSON.parse(request.body), url, say);
        case 'POST restart':
            return this.unlocked(app, url, say) && this.replace(app, {}, say);
        case 'DELETE ':
            this.apps.delete(id);
            return say(200, { version: now(), deploymentId: this.deploy('stop', { ...app, instances: 0 }, app) });
        default:
            return say(405, { message: 'HTTP 405 Method Not Allowed' });
        }
    }

    // False, and said so, when another deployment holds the app.
    unlocked(app, url, say) {
        const held = [...this.deployments.values()].filter((one) => one.app === app.id);
        if (!held.length || url.searchParams.get('force') === 'true') {
            held.forEach(({ id }) => this.deployments.delete(id));
            return true;
        }
        say(409, { message: LOCKED, deployments: held.map(({ id }) => ({ id })) });
        return false;
    }

    update(app, body, url, say) {
        if (!this.unlocked(app, url, say)) return undefined;
        const change = this.writable(body);
        const replaces = Object.keys(change).some((name) =>
            !SCALING.has(name) && JSON.stringify(change[name]) !== JSON.stringify(app[name]));
        if (replaces) return this.replace(app, change, say);
        const version = now();
        const after = { ...app, instances: change.instances === undefined ? app.instances : change.instances, version,
            versionInfo: { ...app.versionInfo, lastScalingAt: version } };
        this.apps.set(app.id, after);
        return say(200, { version, deploymentId: this.deploy('scale', after, app) });
    }

    replace(app, change, say) {
        const version = now();
        const after = { ...app, ...change, id: app.id, version,
            versionInfo: { lastScalingAt: version, lastConfigChangeAt: version } };
        this.apps.set(app.id, after);
        return say(200, { version, deploymentId: this.deploy('replace', after, app) });
    }

    serveDeployments(request, path, say) {
        const id = path.split('/')[3];
        if (request.method === 'DELETE') {
            if (!this.deployments.delete(id)) return say(404, { message: `DeploymentPlan ${id} does not exist` });
            return say(200, { version: now(), deploymentId: id });
        }
        return say(200, [...this.view().deployments.values()].map((one) => ({ id: one.id, version: one.version,
            affectedApps: [one.app], steps: [], currentActions: [], currentStep: 1, totalSteps: 1 })));
    }

    // Text for those that do not ask for JSON, as Marathon does it.
    serveTasks(request, url, response, say) {
        const wanted = url.searchParams.getAll('status');
        const tasks = this.lies.kind === 'empty' ? [] : [...this.view().tasks.values()].filter((task) =>
            !wanted.length || wanted.includes(task.state === 'TASK_RUNNING' ? 'running' : 'staging'));
        if (/json/.test(request.headers.accept || '')) return say(200, { tasks });
        response.setHeader('Content-Type', 'text/plain');
        return response.end(tasks.map((task) => `${task.appId.slice(1)}\t${task.ports[0]}\t${task.host}:${task.ports[0]}\n`).join(''));
    }

    killSome(app, task, url, say) {
        const host = url.searchParams.get('host');
        const tasks = this.tasksOf(app.id).filter((one) => (!task || one.id === task) && (!host || one.host === host));
        if (task && !tasks.length) return say(404, { message: `Task '${task}' does not exist` });
        this.kill(tasks, url);
        return say(200, task ? { task: tasks[0] } : { tasks });
    }

    killIds(request, url, say) {
        const { ids } = JSON.parse(request.body);
        const tasks = [...this.tasks.values()].filter((task) => ids.includes(task.id));
        this.kill(tasks, url);
        return say(200, { tasks });
    }

    kill(tasks, url) {
        this.emit('kill', tasks, { scale: url.searchParams.get('scale') === 'true' });
    }
}

module.exports = { MarathonApi };
