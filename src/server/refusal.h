/* The words for what the router and the stores refuse; clients know Riak's by heart (riak-pb.md sections 1 and 5). */
#ifndef SERVER_REFUSAL_H
#define SERVER_REFUSAL_H

#include "server/session.h"

/* A read or a write of a key that came to nothing, with what the router said of it. */
void refusal_answer(struct session *s, int err, const struct store_result *r);

/* What can become of any request at the router: true, and answered, when `err` is of that kind. `advice`: what to do
 * when nobody knows whether it has had its effect. */
bool refusal_late(struct session *s, int err, const char *advice);

#endif
