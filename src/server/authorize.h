/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request may be served: looked up with each one, so that what is revoked counts on open connections too
 * (riak-pb.md section 15). */
#ifndef SERVER_AUTHORIZE_H
#define SERVER_AUTHORIZE_H

#include "server/session.h"

/* Whether the session's user may do this with a bucket; with a type, where `bucket` is empty; in general, where `type`
 * is too (the type "default" is named by its name). False: answered. A connection of a node may do everything. */
bool authorize(struct session *s, enum permission what, struct slice type, struct slice bucket);
/* The same of a message whose type may be left out, or empty, for "default". */
bool authorize_in(struct session *s, enum permission what, struct slice type, struct slice bucket);
/* The same of one place at least, whatever it is. */
bool authorize_somewhere(struct session *s, enum permission what);
/* Whether it is a connection of a node, which holds the root's key; a user's certificate is not enough. `what`: for the
 * answer that says no. */
bool authorize_admin(struct session *s, const char *what);

#endif
