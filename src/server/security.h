/* Who may come in: the users by certificate. A connection is let in when the certificate's one common name and the name
 * in RpbAuthReq are both the name of one configured user, compared without case (deployment.md). */
#ifndef SERVER_SECURITY_H
#define SERVER_SECURITY_H

#include "server/server.h"

/* What the transport knows about the peer after the TLS handshake. */
struct session_peer {
    size_t cn_count; /* common names in its certificate's subject; 0 also without a certificate */
    char cn[256];    /* the first */
};

/* NULL: let in; otherwise why not, for the log (the client is told no more than that it failed). `name`: as in
 * RpbAuthReq. */
const char *security_check(const struct server *s, const struct session_peer *peer, struct slice name);

#endif
