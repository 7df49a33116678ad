/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a certificate a node's: one private extended key usage, and the incarnation that it was minted for. The
 * subject is never looked at, so that no user's name can make a node of him. */
#ifndef TLS_CERT_ROLE_H
#define TLS_CERT_ROLE_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

/* The role node: an arc of its own under 2.25, where the UUID bc59e227-eed6-44a8-a6b9-a9e6d448e8a8 as a number is
 * nobody else's. */
#define CERT_ROLE_NODE "2.25.250361564616359013793545236541830916264"

#define CERT_URN_PREFIX "urn:ephemeral-store:"
#define CERT_URN_SIZE   (sizeof CERT_URN_PREFIX + 2 * ID_SIZE) /* with its NUL */

struct x509_st;

/* The URI that names an incarnation: the prefix and 32 lower-case hex digits. */
void cert_role_urn(struct incarnation incarnation, char out[CERT_URN_SIZE]);

bool cert_role_is_node(const struct x509_st *cert);
/* Of a certificate that is a node's: false, and zeros, when it has no such URI, or more than one. */
bool cert_role_incarnation(const struct x509_st *cert, struct incarnation *out);

#endif
