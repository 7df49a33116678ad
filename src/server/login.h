/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: mutual TLS has checked that the root has signed the certificate, if there is one; here the rest
 * (riak-pb.md section 15). */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/session.h"

/* The name as it is kept; false: it is too long to be anybody's. */
bool security_name(struct slice given, char out[SECURITY_NAME_SIZE]);
/* Whether this node's configuration names that user. */
bool security_is_configured(const struct server *s, const char *name);
/* Whether one from that address may be without a certificate: only where an operator has added a source for him. */
bool security_takes_bare(const struct server *s, const char *address);

/* How the session's user, who gives this name, is let in: METHOD_CERTIFICATE and METHOD_TRUST at once, METHOD_PASSWORD
 * if he has given that of *password. 0: not at all, *why is for the log; static. */
uint32_t security_judge(const struct session *s, const char *name, const struct password **password, const char **why);

#endif
