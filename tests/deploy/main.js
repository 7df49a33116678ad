// SPDX-License-Identifier: Apache-2.0
'use strict';
// The words of tests/deploy/run. Each play gets a process of its own in namespaces of its own: nothing of one is left for
// the next.

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const { Play } = require('./play');

const SCALE = 5; // unless a play is about the times themselves
const PLAYS = { ...require('./plays_marathon'), ...require('./plays_kubernetes') };

async function one(name, build, scale) {
    const play = new Play({ name, build, certs: process.env.EPHEMERAL_DEPLOY_DIR, scale });
    let failed = null;
    try {
        await PLAYS[name].play(play);
        if (play.errors.length) throw play.errors[0];
        play.check(PLAYS[name].mayCrash || !play.crashes.length, `a node ended by itself: ${play.crashes.join(', ')}`);
    } catch (error) {
        failed = error;
    }
    if (failed) {
        play.showLogs();
        console.log(`FAILED: ${name}: ${failed.message}`);
    }
    play.steps.forEach(({ what, ms }) => console.log(`  ${String(ms).padStart(8)} ms  ${what}`));
    if (process.env.EPHEMERAL_DEPLOY_KEEP) {
        fs.cpSync(play.dir, path.join(process.env.EPHEMERAL_DEPLOY_KEEP, name), { recursive: true,
            filter: (file) => !/root-/.test(file) });
    }
    if (!failed) console.log(`${name}: passed`);
    process.exit(failed ? 1 : 0);
}

const apart = (words) => new Promise((resolve) => {
    const child = spawn('unshare', ['--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc', 'sh', '-c',
        'mount -t tmpfs tmpfs /run/netns && ip link set lo up && exec node "$@"', 'sh', __filename, ...words],
    { stdio: 'inherit' });
    child.on('exit', resolve);
});

async function main([build, ...words]) {
    let scale = 0;
    if (words[0] === '--scale') [scale, words] = [Number(words[1]), words.slice(2)];
    if (words[0] === '--alone') return one(words[1], build, scale);
    if (words[0] === 'list') {
        Object.entries(PLAYS).forEach(([name, { what }]) => console.log(`${name.padEnd(24)} ${what}`));
        return process.exit(0);
    }
    // The short ones are parts of others.
    const names = words[0] === 'all' ? Object.keys(PLAYS).filter((name) => !name.endsWith('-short')) : words;
    const strange = names.find((name) => !PLAYS[name]);
    if (strange || !names.length || !(scale >= 0)) {
        console.error(`${strange || 'no play'}: the plays are ${Object.keys(PLAYS).join(' ')}`);
        return process.exit(64);
    }
    const failed = [];
    for (const name of names) {
        const by = scale || PLAYS[name].scale || SCALE;
        console.log(`== ${name}: ${PLAYS[name].what}${by === 1 ? '' : ` (an orchestrator's delays and periods divided by ${by})`}`);
        const code = await apart([fs.realpathSync(build), '--scale', String(by), '--alone', name]);
        if (code) failed.push(name);
    }
    console.log(`${names.length - failed.length} passed, ${failed.length} failed${failed.length ? `: ${failed.join(' ')}` : ''}`);
    return process.exit(failed.length ? 1 : 0);
}

process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => process.exit(130));
main(process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
