/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what the router and the stores refuse; clients know Riak's by heart (riak-pb.md sections 1 and 5). */
#ifndef SERVER_ERROR_REPLY_H
#define SERVER_ERROR_REPLY_H

#include "server/session.h"

/* A read or a write of a key that came to nothing, with what the router said of it. */
void refusal_answer(struct session *s, int err, const struct store_result *r);

/* What can become of any request at the router: true, and answered, when `err` is of that kind. `advice`: what to do
 * when nobody knows whether it has had its effect. */
bool refusal_late(struct session *s, int err, const char *advice);

/* "; " and why requests may find no answer now, in `room`; "": nothing is known that stands in their way. For the end
 * of a text. */
#define REFUSAL_CAUSE_MAX 256
const char *refusal_cause(const struct session *s, char room[REFUSAL_CAUSE_MAX]);

/* The bucket type that a request names is not there. Riak has four texts for it, by message: `begin` and `end` are what
 * it says before and after the name. */
void refusal_no_type(struct session *s, const char *begin, struct slice type, const char *end);
/* Of an object or a message of so many bytes. */
void refusal_too_large(struct session *s, const char *what, unsigned long long size, unsigned long long size_max);

/* The advice that follows after Riak's words. */
#define REFUSAL_NO_TYPE_ADVICE "create it with ephemeralctl type-create, or configure it in bucket-types"

#endif
