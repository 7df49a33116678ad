// SPDX-License-Identifier: Apache-2.0
'use strict';
// Merge patches (RFC 7386), and strategic ones as far as kubectl uses them here: lists of named things are merged by name.

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isNamed = (list) => Array.isArray(list) && list.length > 0 && list.every((one) => isObject(one) && 'name' in one);

function mergeNamed(target, patch) {
    const merged = [...target];
    for (const one of patch) {
        const at = merged.findIndex((old) => old.name === one.name);
        if (one.$patch === 'delete') {
            if (at >= 0) merged.splice(at, 1);
        } else if (at >= 0) {
            merged[at] = merge(merged[at], one, true);
        } else {
            merged.push(one);
        }
    }
    return merged;
}

function merge(target, patch, strategic) {
    if (!isObject(patch)) return patch;
    const merged = isObject(target) ? { ...target } : {};
    for (const [name, value] of Object.entries(patch)) {
        if (name.startsWith('$')) continue;
        if (value === null) delete merged[name];
        else if (strategic && isNamed(value) && isNamed(merged[name])) merged[name] = mergeNamed(merged[name], value);
        else merged[name] = merge(merged[name], value, strategic);
    }
    return merged;
}

module.exports = { merge };
