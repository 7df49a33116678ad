/* Who may come in: the users by certificate. A connection is let in when the certificate's one common name and the name
 * in RpbAuthReq are both the name of one configured user, compared without case (deployment.md). */
#ifndef SERVER_SECURITY_H
#define SERVER_SECURITY_H

#include "io/stream.h"
#include "server/server.h"

/* NULL: let in; otherwise why not, for the log (the client is told no more than that it failed). `name`: as in
 * RpbAuthReq. */
const char *security_check(const struct server *s, const struct stream_peer *peer, struct slice name);

#endif
