/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes in Riak's words: the one place where a refusal becomes the text of an RpbErrorResp. Clients know many of
 * these texts by heart (docs/riak-protocol.md). */
#ifndef RIAK_ERROR_REPLY_H
#define RIAK_ERROR_REPLY_H

#include "api/outcome.h"
#include "riak/riak.h"

/* What is particular to one message. All of it may be left out. */
struct riak_words {
    const char *subject;             /* of ADMIN_ONLY: "to change users" */
    const char *no_type_before;      /* of NO_TYPE: what stands before the type's name, */
    const char *no_type_after;       /* and after it */
    const char *unknown;             /* of an unknown effect, after "it is not known whether" */
    const char *prefix;              /* of causes that have no text of Riak's: "Security change refused: " */
    const char *text[OUTCOME_COUNT]; /* whole texts, in place of the usual ones */
};

/* Answers with RpbErrorResp. `words` may be NULL. */
void riak_refuse(struct session *s, const struct riak_words *words, const struct outcome *o);

/* A message that is no protobuf message of its kind. */
void riak_refuse_malformed(struct session *s, const char *message);
/* The heap failed. */
void riak_refuse_memory(struct session *s);
/* A message of so many bytes. */
void riak_refuse_size(struct session *s, size_t size, size_t size_max);

/* "; " and why requests may find no answer now, in `room`; "": nothing is known that stands in their way. For the end
 * of a text. */
#define REFUSAL_CAUSE_MAX 256
const char *refusal_cause(const struct session *s, char room[REFUSAL_CAUSE_MAX]);

/* The advice that follows after Riak's words. */
#define REFUSAL_NO_TYPE_ADVICE "create it with ephemeralctl type-create, or configure it in bucket-types"

#endif
