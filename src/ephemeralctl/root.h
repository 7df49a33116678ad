/* SPDX-License-Identifier: Apache-2.0 */
/* The root's certificate and key, from which ephemeralctl mints a certificate of its own: what a node's container holds
 * (F5's manifests give it no user's certificate), and what commands need that only the role of a node may do. */
#ifndef EPHEMERALCTL_ROOT_H
#define EPHEMERALCTL_ROOT_H

#include "ephemeralctl/options.h"

/* Where F5's manifests for Kubernetes mount them. */
#define ROOT_KUBERNETES_CERT "/riak-bootstrap/ca-certs/tls.crt"
#define ROOT_KUBERNETES_KEY  "/riak-bootstrap/ca-certs/tls.key"

/* After options_parse(): settles whether a certificate is minted. The first of these counts:
 *   1. --root-ca-cert and --root-ca-key
 *   2. unless `needed`: a user's certificate that is given (--certs, EPHEMERAL_CERTS, --cert, --key): none is minted
 *   3. EPHEMERAL_STORE_ROOT_CA_CERT and _KEY
 *   4. the two files above, where both can be read
 * With the root and without --user, the user is the first that EPHEMERAL_STORE_USER names; NULL where there is none. */
void root_choose(struct options *o, bool needed);

#endif
