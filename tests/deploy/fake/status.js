// SPDX-License-Identifier: Apache-2.0
'use strict';
// The Status objects with which the Kubernetes API says no.

const status = (code, reason, message, details) => ({
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details && { details }), code,
});

const qualified = (resource) => (resource.group ? `${resource.name}.${resource.group}` : resource.name);

const details = (resource, name) => ({
    ...(name && { name }), ...(resource.group && { group: resource.group }), kind: resource.name,
});

module.exports = {
    notFound: (resource, name) =>
        status(404, 'NotFound', `${qualified(resource)} "${name}" not found`, details(resource, name)),
    noSuchPath: () =>
        status(404, 'NotFound', 'the server could not find the requested resource', {}),
    exists: (resource, name) =>
        status(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, details(resource, name)),
    unauthorized: () => status(401, 'Unauthorized', 'Unauthorized'),
    expired: () =>
        status(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result. You can '
            + 'start a new list without the continue parameter, or use the continue token in this response to retrieve the '
            + 'remainder of the results.'),
    badRequest: (message) => status(400, 'BadRequest', message),
    unsupported: () => status(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format'),
    tooManyDisruptions: (name) => status(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's "
        + 'disruption budget.', { causes: [{ reason: 'DisruptionBudget',
        message: `The disruption budget ${name} does not allow any further disruption now` }] }),
    success: (resource, object) => ({
        kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success',
        details: { ...details(resource, object.metadata.name), uid: object.metadata.uid },
    }),
    forbidden(user, verb, resource, subresource, namespace, name) {
        const what = subresource ? `${resource.name}/${subresource}` : resource.name;
        const where = namespace ? ` in the namespace "${namespace}"` : ' at the cluster scope';
        return status(403, 'Forbidden', `${qualified(resource)}${name ? ` "${name}"` : ''} is forbidden: User "${user}" `
            + `cannot ${verb} resource "${what}" in API group "${resource.group}"${where}`, details(resource, name));
    },
};
