// SPDX-License-Identifier: Apache-2.0
'use strict';
// How an API may fail or lie. One object for each fake API; set() changes it while it runs.
//
//   honest           answers with what is
//   stale            answers with what was when the lie began, whatever changes
//   slow MS          answers that much later
//   silent           takes connections and requests, and never answers
//   gone             nothing listens: connections are refused
//   empty            answers that nothing exists: lists are empty, a workload has no instances
//   forbidden        answers 403 to everyone
//   unauthorized     answers 401 to everyone
//   broken           ends the connection in the middle of an answer

const KINDS = ['honest', 'stale', 'slow', 'silent', 'gone', 'empty', 'forbidden', 'unauthorized', 'broken'];

class Lies {
    constructor() {
        this.kind = 'honest';
        this.delayMs = 0;
        this.listeners = [];
    }

    // `text`: one of the words above, with its number where it has one.
    set(text) {
        const [kind, number] = text.trim().split(/\s+/);
        if (!KINDS.includes(kind)) throw new Error(`no such lie: ${text}`);
        this.kind = kind;
        this.delayMs = kind === 'slow' ? Number(number || 5000) : 0;
        for (const listener of this.listeners) listener(kind);
    }

    // Calls `listener` with the kind of now, and again after each change.
    watch(listener) {
        this.listeners.push(listener);
        listener(this.kind);
    }
}

module.exports = { Lies };
