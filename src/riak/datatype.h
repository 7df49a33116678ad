/* SPDX-License-Identifier: Apache-2.0 */
/* What data types (datatype.c) and the counters of Riak 1.4 (counter.c) have in common: an update and a read of a state
 * at the router. */
#ifndef RIAK_DATATYPE_H
#define RIAK_DATATYPE_H

#include "riak/kv.h"

#define RIAK_COUNTER_NEEDS_ALLOW_MULT "\"Counters require bucket property 'allow_mult=true'\""

/* What a client asks of an update, beside its names. */
struct update {
    enum datatype kind;
    struct slice op; /* datatype/operation.h */
    struct slice context;
    uint64_t timeout_ms;
};

/* Asks the router; `done` answers. The session's request says of which kind, and what is to be returned. */
void update_ask(struct session *s, const struct update *u, const struct target *t, router_done done);
/* Answers an update or a read that came to nothing. */
void update_refuse(struct session *s, const struct outcome *o);
/* What the router said: true when there is an answer to give, else it was refused. *payload: of the state, *has_value:
 * there is one. */
bool state_take(struct session *s, int err, const struct store_result *r, struct slice *payload, bool *has_value);

#endif
