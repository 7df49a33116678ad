/* SPDX-License-Identifier: Apache-2.0 */
/* Service links: environment variables that Kubernetes (and Docker with --link) sets in every container for each
 * service of the namespace. A service named "ephemeral-store" or "ephemeral-store-proto" brings variables whose names
 * begin with EPHEMERAL_STORE_, and one may be spelled like an option of ours:
 *
 *   EPHEMERAL_STORE_PROTO_PORT=tcp://10.96.0.7:8087
 *
 * Such a variable is foreign: it is not a value of the option, and not a misspelled option. */
#ifndef BASE_SERVICE_LINK_H
#define BASE_SERVICE_LINK_H

#include <stdbool.h>

/* True for the forms that Kubernetes makes of a service's name X (of a port P named N):
 *   X_SERVICE_HOST, X_SERVICE_PORT, X_SERVICE_PORT_N         by the name alone
 *   X_PORT_8087_TCP and that with _PROTO, _PORT or _ADDR     by the name alone; also UDP and SCTP
 *   X_PORT                                                   only if the value is a URL such as tcp://10.96.0.7:8087
 * X is not looked at: the caller asks about names of its own prefix. Both are NUL-terminated and borrowed. */
bool service_link_is(const char *name, const char *value);

#endif
