/* SPDX-License-Identifier: Apache-2.0 */
/* How a request ended. The code says the cause, and with it what is certain about the effect:
 *
 *   EFFECT_NONE      the request was not applied and never will be
 *   EFFECT_DONE      it was applied
 *   EFFECT_UNKNOWN   it may be applied once, possibly later, or not at all: read before trying again
 *
 * `retryable`: the same request may succeed later although nobody changes it. */
#ifndef API_OUTCOME_H
#define API_OUTCOME_H

#include "base/slice.h"
#include "security/permission.h"

/* X(NAME, name for logs and programs, effect, retryable); the details that are filled in stand on the right. */
#define OUTCOME_TABLE(X)                                                                                               \
    X(OK, "ok", DONE, false)                                                                                           \
    /* The node */                                                                                                     \
    X(UNAVAILABLE, "unavailable", NONE, true) /* it is in no cluster yet: why */                                       \
    X(NOT_SERVING, "not_serving", NONE, true) /* it may not know what the user is granted meanwhile */                 \
    X(NO_MEMORY, "no_memory", NONE, true)     /* the process got no memory for the request */                          \
    X(OVERLOAD, "overload", NONE, true)       /* the requests' memory is taken */                                      \
    X(TOO_MANY_CONNECTIONS, "too_many_connections", NONE, true) /* of this node: another has room */                   \
    /* Who asks */                                                                                                     \
    X(NOT_LET_IN, "not_let_in", NONE, false) /* why: for the log, not for the client */                                \
    X(DENIED, "denied", NONE, false)         /* permission, name: type, value: bucket; empty: any */                   \
    X(ADMIN_ONLY, "admin_only", NONE, false) /* it takes a certificate with the role of a node */                      \
    /* What is named */                                                                                                \
    X(NAME_EMPTY, "name_empty", NONE, false)       /* part */                                                          \
    X(NAME_TOO_LONG, "name_too_long", NONE, false) /* part; number: its bytes; limit */                                \
    X(NO_TYPE, "no_type", NONE, false)             /* name: of the bucket type that does not exist */                  \
    X(BAD_N_VAL, "bad_n_val", NONE, false)         /* number: what was asked for, over the bucket's n_val, or 0 */     \
    X(BAD_QUORUM, "bad_quorum", NONE, false)       /* limit: the n_val that a quorum of the request passes */          \
    X(BAD_VCLOCK, "bad_vclock", NONE, false)       /* number: its bytes; it is none of this store's */                 \
    /* Contents */                                                                                                     \
    X(TOO_LARGE, "too_large", NONE, false)                 /* number: bytes; limit */                                  \
    X(TOO_MANY_SIBLINGS, "too_many_siblings", NONE, false) /* number: as many as there would be; limit */              \
    X(TOO_MANY_INDEXES, "too_many_indexes", NONE, false)   /* number; limit */                                         \
    X(BAD_TTL, "bad_ttl", NONE, false)                     /* value: the text; limit: seconds */                       \
    X(BAD_INDEX_FIELD, "bad_index_field", NONE, false)     /* name: ends in neither _bin nor _int */                   \
    X(BAD_INDEX_VALUE, "bad_index_value", NONE, false)     /* name, value: no whole number */                          \
    /* Lists and queries of indexes */                                                                                 \
    X(BAD_FIELD, "bad_field", NONE, false) /* name: of the index, which ends in neither _bin nor _int */               \
    X(NO_TERM, "no_term", NONE, false)     /* none to look for */                                                      \
    X(BAD_RANGE, "bad_range", NONE, false) /* the least term or the greatest one is missing */                         \
    X(BAD_TERM, "bad_term", NONE, false)   /* name: of the index, value: no whole number */                            \
    X(BAD_REGEX, "bad_regex", NONE, false) /* value; why */                                                            \
    X(REGEX_OF_INTEGERS, "regex_of_integers", NONE, false) /* whole numbers are not matched */                         \
    X(BAD_CONTINUATION, "bad_continuation", NONE, false)   /* this store has never given it out */                     \
    X(SCAN_TOO_LARGE, "scan_too_large", NONE, false)       /* gathered in one answer: stream it, or ask for pages */   \
    X(SCAN_LATE, "scan_late", NONE, true)                  /* limit: ms that the client gave for the whole */          \
    X(SCAN_STALLED, "scan_stalled", NONE, true)            /* limit: ms in which a step was not answered */            \
    X(SCAN_FAILED, "scan_failed", NONE, true)              /* err */                                                   \
    /* The key's state */                                                                                              \
    X(EXISTS, "exists", NONE, false)                 /* a key (or a user, a type) that must not exist does */          \
    X(NOT_FOUND, "not_found", NONE, false)           /* one that must exist does not */                                \
    X(MODIFIED, "modified", NONE, false)             /* it was changed after the vclock that was given */              \
    X(CONFLICT, "conflict", NONE, false)             /* any of these three, in a consistent bucket */                  \
    X(NOT_PRESENT, "not_present", NONE, false)       /* what is to be removed is not there; number: which removal */   \
    X(WRONG_DATATYPE, "wrong_datatype", NONE, false) /* the object is none; number: enum datatype */                   \
    X(NO_ALLOW_MULT, "no_allow_mult", NONE, false)   /* the bucket's allow_mult is false; a data type needs true */    \
    X(NO_DATATYPE, "no_datatype", NONE, false)       /* the bucket has no data type */                                 \
    X(OTHER_DATATYPE, "other_datatype", NONE, false) /* the bucket has another; number: the request's, limit: its */   \
    X(NOT_A_COUNTER, "not_a_counter", NONE, false)   /* the default type has counters alone */                         \
    X(BAD_OPERATION, "bad_operation", NONE, false)   /* malformed, or nested too deep */                               \
    X(LONG_OPERATION, "long_operation", NONE, false) /* limit: elements and fields of one update */                    \
    /* Properties and users */                                                                                         \
    X(BAD_PROPERTIES, "bad_properties", NONE, false) /* why */                                                         \
    X(BAD_NAME, "bad_name", NONE, false)             /* reserved, or too long: limit */                                \
    X(TOO_MANY, "too_many", NONE, false)     /* there are as many as there may be: limit, 0: of several kinds */       \
    X(FIXED_TYPE, "fixed_type", NONE, false) /* the type "default" cannot be changed */                                \
    X(BAD_CHANGE, "bad_change", NONE, false) /* why; of users and groups */                                            \
    /* On the way */                                                                                                   \
    X(MEMORY_FULL, "memory_full", NONE, true)             /* of a node that keeps the key */                           \
    X(TOO_MANY_WRITES, "too_many_writes", NONE, true)     /* that this node has under way to that partition */         \
    X(MOVED, "moved", NONE, true)                         /* the node that led the key has just given it up */         \
    X(RULES_CHANGED, "rules_changed", NONE, true)         /* buckets or permissions, while this node did not serve */  \
    X(TIMEOUT, "timeout", NONE, true)                     /* limit: ms that it had */                                  \
    X(TIMEOUT_UNKNOWN, "timeout_unknown", UNKNOWN, false) /* limit: ms that it had */                                  \
    X(ANSWER_LOST, "answer_lost", UNKNOWN, false)         /* between the nodes */                                      \
    X(FAILED, "failed", NONE, false)                      /* err: the cause, E_... of base/err.h */

enum outcome_code {
#define X(NAME, name, effect, retryable) OUTCOME_##NAME,
    OUTCOME_TABLE(X)
#undef X
        OUTCOME_COUNT
};

enum outcome_effect { EFFECT_NONE, EFFECT_DONE, EFFECT_UNKNOWN };

/* Which of a key's names. */
enum name_part { PART_TYPE, PART_BUCKET, PART_KEY };

/* The details that the code's row names; others are zero. */
struct outcome {
    enum outcome_code code;
    enum permission permission;
    enum name_part part;
    int err;
    uint64_t number, limit;
    struct slice name, value; /* borrowed from the request */
    const char *why;          /* static, or borrowed from the request */
};

const char *outcome_name(enum outcome_code code); /* "too_large"; static */
enum outcome_effect outcome_effect(enum outcome_code code);
bool outcome_retryable(enum outcome_code code);

/* Fills it in; always false, for functions that refuse. */
static inline bool outcome_refuse(struct outcome *out, struct outcome value)
{
    *out = value;
    return false;
}

/* The same for a cause that has no code of its own: E_NOMEM is NO_MEMORY, anything else FAILED. */
bool outcome_fail(struct outcome *out, int err);

#endif
