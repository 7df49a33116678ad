/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks. A door keeps one for each connection (or for each request, where the protocol authenticates each), fills in
 * what the transport knows, and lets login.h fill in the user. Constant while a request of it is under way. */
#ifndef API_PRINCIPAL_H
#define API_PRINCIPAL_H

#include "security/change.h"

#define PRINCIPAL_NAME_SIZE 256 /* of a common name, with the NUL */

struct principal {
    /* From the transport. */
    const char *address; /* the peer's, "host:port" or "host"; borrowed */
    size_t name_count;   /* common names in the peer's certificate; 0: it has shown no certificate */
    char certificate_name[PRINCIPAL_NAME_SIZE]; /* the first of them; "" without a certificate */
    int64_t not_after; /* when the certificate ends, seconds since the epoch; 0: not known, or no certificate */
    bool is_node;      /* the certificate has the role of a node: its owner can make any certificate, and may do
                          everything */
    /* From the login. */
    char user[SECURITY_NAME_SIZE]; /* in small letters; of a login that failed: the name that was tried */
    bool configured;               /* the configuration names the user: all permissions until somebody changes them */
};

#endif
