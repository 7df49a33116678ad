// SPDX-License-Identifier: Apache-2.0
'use strict';
// F5's Marathon app, as published: what Marathon and Mesos do with it.

const path = require('path');
const { Marathon, VIP } = require('./marathon');
const { later } = require('./play');

const MANIFEST = path.join(__dirname, 'f5', 'marathon.json');
const APP = '/v2/apps/ephemeral-store';

const hosts = (marathon) => marathon.runsOf('/ephemeral-store').map(({ machine }) => machine.address);

// A cluster of five, ready; what a client of Marathon sees of it.
async function five(play, options, creation) {
    const marathon = new Marathon(play, { machines: 5, ...options });
    await marathon.open();
    await marathon.create(MANIFEST, creation);
    await play.until('five tasks run', 30000, () => marathon.runsOf('/ephemeral-store')
        .filter(({ task }) => task.state === 'TASK_RUNNING').length === 5);
    await play.ready(hosts(marathon), 120000);
    const last = Math.max(...[...marathon.runs.values()].map((run) => run.startMs));
    play.step('from the start of the last of five tasks to ready', Date.now() - last);
    play.steps.push({ what: 'of that, processor time of one node, at most',
        ms: Math.max(...[...marathon.runs.values()].map((run) => run.container.cpuMs())) });
    const { app } = await marathon.ask('GET', APP);
    play.check(app.tasksRunning === 5 && app.tasks.length === 5, `Marathon shows ${app.tasksRunning} running`);
    play.check(await play.members(hosts(marathon)[0]) === 5, 'not five members');
    return marathon;
}

async function settled(play, marathon, count, within) {
    await play.until('no deployment is under way', within, () => marathon.api.deployments.size === 0);
    await play.until(`${count} tasks`, within, () => marathon.runsOf('/ephemeral-store').length === count);
    await play.ready(hosts(marathon), within);
    await play.until(`${count} members`, within, async () => await play.members(hosts(marathon)[0]) === count);
}

const scale = (marathon, instances) => marathon.ask('PUT', APP, { instances });

// An upgrade of the published app under load, with so many machines to spare; `capacity`: minimumHealthCapacity.
function upgrade(spare, capacity) {
    return async (play) => {
        const upgradeStrategy = { minimumHealthCapacity: capacity, maximumOverCapacity: 1 };
        const marathon = await five(play, { machines: 5 + spare },
            capacity === 1 ? { form: 'line' } : { form: 'escaped', change: (app) => ({ ...app, upgradeStrategy }) });
        const load = await play.load(VIP, { words: ['--keys', '256'] });
        await later(2000);
        const begin = Date.now();
        await marathon.ask('PUT', APP, { env: { ...marathon.api.apps.get('/ephemeral-store').env, RELEASE: '2' } });
        await settled(play, marathon, 5, 300000);
        play.step(`an upgrade with ${spare} machine(s) to spare, ${capacity} of capacity kept`, Date.now() - begin);
        await later(2000);
        await play.end(load);
    };
}

// A cluster under load while the API does what it should not; then a task is killed and replaced.
function lie(text, { names = false } = {}) {
    return async (play) => {
        const marathon = await five(play, { machines: 6 });
        const load = await play.load(VIP);
        if (names) marathon.publishNames();
        play.say(`Marathon's API: ${text}`);
        marathon.api.lies.set(text);
        await later(play.scaled(30000));
        const begin = Date.now();
        const [run] = marathon.runsOf('/ephemeral-store');
        run.container.signal('SIGKILL');
        await run.container.ended;
        play.crashes.length = 0;
        await later(1000);
        play.say("Marathon's API: honest");
        marathon.api.lies.set('honest');
        await settled(play, marathon, 5, 180000);
        play.step(`a task killed while the API is ${text}, replaced and ready`, Date.now() - begin);
        await play.end(load);
    };
}

// So many machines of five are gone at once, and their tasks are replaced elsewhere. The load goes through the others alone:
// how long a key has no success is then the store's time, not that of a client whose node is gone.
function killed(count, power) {
    return async (play) => {
        const marathon = await five(play, { machines: 5 + count });
        const [gone, stay] = [marathon.runsOf('/ephemeral-store').slice(0, count), marathon.runsOf('/ephemeral-store').slice(count)];
        const load = await play.load(stay.map(({ machine }) => machine.address), { timeoutMs: 30000, words: ['--keys', '256'] });
        await later(3000);
        const begin = Date.now();
        const runs = (await Promise.all(gone.map(({ machine }) => marathon.crash(machine, power)))).flat();
        runs.forEach((run) => marathon.forget(run, 'TASK_LOST'));
        await settled(play, marathon, 5, 180000);
        play.step(`${count} killed, replaced, and all ready`, Date.now() - begin);
        await later(2000);
        // Where two were two of a partition's three, it goes on with what the third holds.
        await play.end(load, { may: count > 1, gapMs: 30000 });
    };
}

module.exports = {
    'marathon-five': {
        what: 'five tasks of the published app form a cluster',
        play: async (play) => {
            const marathon = await five(play);
            await play.end(await play.load(VIP));
            await play.idle([...marathon.runs.values()].map((run) => run.container), marathon.api.server, 0.15);
        },
    },
    'marathon-short': {
        what: 'five form, seven, five again, under load: what CTest plays',
        play: async (play) => {
            const marathon = await five(play, { machines: 7 });
            const load = await play.load(VIP, { paceMs: 40 });
            await scale(marathon, 7);
            await settled(play, marathon, 7, 120000);
            await scale(marathon, 5);
            await settled(play, marathon, 5, 120000);
            await play.end(load);
        },
    },
    'marathon-scale': {
        what: 'scaled to seven and back to five, under load, with Riak clients',
        play: async (play) => {
            const marathon = await five(play, { machines: 7 });
            const load = await play.load(VIP);
            const history = await play.history(VIP);
            for (const count of [7, 5]) {
                const begin = Date.now();
                await scale(marathon, count);
                await settled(play, marathon, count, 180000);
                play.step(`scaled to ${count}`, Date.now() - begin);
                await later(2000);
            }
            await play.end(load);
            await play.end(history);
        },
    },
    'marathon-upgrade-1': { what: 'an upgrade as published (1.0), one machine to spare', play: upgrade(1, 1) },
    'marathon-upgrade-3': { what: 'an upgrade as published (1.0), three machines to spare: three end at once', play: upgrade(3, 1) },
    'marathon-upgrade-0.8': { what: 'an upgrade at minimumHealthCapacity 0.8, none to spare', play: upgrade(0, 0.8) },
    'marathon-three': {
        what: 'eight members with 50 MB; three are killed at once for good (SIGTERM, and SIGKILL 5 s later), under load',
        play: async (play) => {
            const marathon = await five(play, { machines: 8 });
            await scale(marathon, 8);
            await settled(play, marathon, 8, 120000);
            await play.fill(VIP, 500);
            const load = await play.load(VIP);
            const ids = marathon.runsOf('/ephemeral-store').slice(0, 3).map(({ task }) => task.id);
            const begin = Date.now();
            await marathon.ask('POST', '/v2/tasks/delete?scale=true', { ids });
            await settled(play, marathon, 5, 180000);
            play.step('three of eight have ended, and the others are ready', Date.now() - begin);
            await play.end(load);
            await play.checkFilled(hosts(marathon), 500);
        },
    },
    'marathon-lost': {
        what: "a machine is cut off, its task replaced after Mesos' time, and it comes back with the old one",
        play: async (play) => {
            const marathon = await five(play, { machines: 6 });
            const load = await play.load(VIP, { timeoutMs: 3000 });
            const { machine } = marathon.runsOf('/ephemeral-store')[0];
            await marathon.cut(machine, play.scaled(75000));
            await settled(play, marathon, 5, 180000);
            marathon.heal(machine);
            await later(8000);
            await settled(play, marathon, 5, 60000);
            await play.end(load);
        },
    },
    'marathon-one-killed': { what: 'the task of one machine is killed, and replaced elsewhere', play: killed(1, false) },
    'marathon-two-killed': { what: 'the tasks of two machines are killed at once, and replaced elsewhere', play: killed(2, false) },
    'marathon-two-power': { what: 'two machines lose power at once, and their tasks are replaced elsewhere', play: killed(2, true) },
    'marathon-all': {
        what: 'all tasks are killed at once: an empty cluster, of a higher epoch, without a human',
        play: async (play) => {
            const marathon = await five(play);
            const { epoch } = await play.status(hosts(marathon)[0]);
            const begin = Date.now();
            await marathon.ask('DELETE', `${APP}/tasks`);
            await play.until('the old have ended', 20000, () => play.stops.length === 5);
            await settled(play, marathon, 5, 180000);
            play.step('all killed and ready again', Date.now() - begin);
            const after = await play.status(hosts(marathon)[0]);
            play.check(after && after.epoch > epoch, `the epoch is ${after && after.epoch}, and was ${epoch}`);
            const load = await play.load(VIP);
            await play.end(load);
        },
    },
    'marathon-loopback-names': {
        what: "each machine's own name is 127.0.1.1 in its /etc/hosts, as Debian's installer leaves it",
        play: async (play) => {
            const marathon = await five(play, { loopbackNames: true });
            await play.end(await play.load(VIP));
        },
    },
    'marathon-mesos-dns': {
        what: "Marathon's API is gone from the beginning: five form by Mesos-DNS alone",
        play: async (play) => {
            const marathon = new Marathon(play, { machines: 5, named: false, mesosDnsMs: play.scaled(60000) });
            await marathon.open();
            await marathon.create(MANIFEST);
            marathon.api.lies.set('gone');
            await play.until('five tasks run', 30000, () => marathon.runsOf('/ephemeral-store')
                .filter(({ task }) => task.state === 'TASK_RUNNING').length === 5);
            const begin = Date.now();
            await play.ready(hosts(marathon), 180000);
            play.step('by Mesos-DNS alone, to ready', Date.now() - begin);
            play.check(await play.members(hosts(marathon)[0]) === 5, 'not five members');
        },
    },
    'marathon-stale': { what: "Marathon's API is stale while a task dies", play: lie('stale') },
    'marathon-slow': { what: "Marathon's API answers after 8 s", play: lie('slow 8000') },
    'marathon-silent': { what: "Marathon's API takes requests and never answers", play: lie('silent') },
    'marathon-gone': { what: "Marathon's API refuses connections", play: lie('gone') },
    'marathon-empty': { what: "Marathon's API says that nothing runs, and that nothing should", play: lie('empty') },
    'marathon-unauthorized': { what: "Marathon's API answers 401", play: lie('unauthorized') },
};
