// SPDX-License-Identifier: Apache-2.0
'use strict';
// Label and field selectors of the Kubernetes API.

function requirement(text) {
    let match = /^\s*([^\s=!,()]+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(text);
    if (match) {
        const values = match[3].split(',').map((value) => value.trim());
        return (labels) => values.includes(labels[match[1]]) === (match[2] === 'in');
    }
    match = /^\s*([^\s=!]+)\s*(==|=|!=)\s*(\S*)\s*$/.exec(text);
    if (match) return (labels) => (labels[match[1]] === match[3]) === (match[2] !== '!=');
    match = /^\s*(!?)\s*([^\s=!,()]+)\s*$/.exec(text);
    if (match) return (labels) => match[2] in labels === !match[1];
    return null;
}

// Returns a function of an object's labels, or null where the text is no selector.
function labelSelector(text) {
    if (!text) return () => true;
    const parts = text.split(/,(?![^(]*\))/).map(requirement);
    return parts.includes(null) ? null : (labels) => parts.every((part) => part(labels || {}));
}

const FIELDS = {
    'metadata.name': (object) => object.metadata.name,
    'metadata.namespace': (object) => object.metadata.namespace,
    'spec.nodeName': (object) => (object.spec && object.spec.nodeName) || '',
    'status.phase': (object) => (object.status && object.status.phase) || '',
};

// Returns a function of an object, or null.
function fieldSelector(text) {
    if (!text) return () => true;
    const parts = text.split(',').map((part) => /^([^=!]+)(==|=|!=)(.*)$/.exec(part));
    if (parts.some((part) => !part || !FIELDS[part[1]])) return null;
    return (object) => parts.every(([, field, how, value]) => (FIELDS[field](object) === value) === (how !== '!='));
}

module.exports = { labelSelector, fieldSelector };
