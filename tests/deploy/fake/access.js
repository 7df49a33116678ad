// SPDX-License-Identifier: Apache-2.0
'use strict';
// Who asks, and what its roles let it do: bearer tokens, Roles and RoleBindings, as RBAC has them.

class Access {
    constructor(objects) {
        this.objects = objects;
        this.tokens = new Map(); // token: user
    }

    allow(token, user) {
        this.tokens.set(token, user);
    }

    forget(token) {
        this.tokens.delete(token);
    }

    // The user, or null. `system:admin` may do everything.
    user(request) {
        const match = /^Bearer (.+)$/.exec(request.headers.authorization || '');
        return (match && this.tokens.get(match[1])) || null;
    }

    static names(subject, user, namespace) {
        if (subject.kind === 'User') return subject.name === user;
        if (subject.kind === 'Group') return subject.name === `system:serviceaccounts:${namespace}`;
        return user === `system:serviceaccount:${subject.namespace || namespace}:${subject.name}`;
    }

    static covers(rule, { verb, resource, subresource, name }) {
        const has = (list, wanted) => (list || []).some((one) => one === '*' || one === wanted);
        const what = subresource ? `${resource.name}/${subresource}` : resource.name;
        return has(rule.verbs, verb) && has(rule.apiGroups, resource.group) && has(rule.resources, what)
            && (!rule.resourceNames || !rule.resourceNames.length || rule.resourceNames.includes(name));
    }

    // asked: { verb, resource, subresource, namespace, name }
    may(user, asked) {
        if (user === 'system:admin') return true;
        if (!asked.namespace) return false;
        return this.objects.list('rolebindings', asked.namespace)
            .filter((binding) => (binding.subjects || []).some((one) => Access.names(one, user, asked.namespace)))
            .map((binding) => this.objects.get('roles', asked.namespace, binding.roleRef.name))
            .some((role) => role && (role.rules || []).some((rule) => Access.covers(rule, asked)));
    }
}

module.exports = { Access };
