/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/error_reply.h"

#include "api/ask.h"
#include "api/put_content.h"
#include "base/assert.h"
#include "base/err.h"
#include "datatype/datatype.h"

#define NAME_SHOWN 256 /* bytes of a name in a text */
#define TTL_SHOWN  64

/* For "%.*s". */
#define SHOWN(slice) shown(slice), (const char *)(slice).data

typedef unsigned long long ull;

static int shown(struct slice name)
{
    return (int)(name.len < NAME_SHOWN ? name.len : NAME_SHOWN);
}

const char *refusal_cause(const struct session *s, char room[REFUSAL_CAUSE_MAX])
{
    room[0] = ';';
    room[1] = ' ';
    return ask_obstacle(&s->server->api, room + 2, REFUSAL_CAUSE_MAX - 2) ? room : "";
}

void riak_refuse_malformed(struct session *s, const char *message)
{
    s->server->metrics->frames_malformed++;
    riak_error(s, "Error processing incoming message: %s could not be decoded", message);
}

static void too_large(struct session *s, const char *what, ull size, ull size_max)
{
    riak_error(s, "{too_large,%llu}: the %s has %llu bytes, and at most %llu are taken (object-size-max)", size, what,
               size, size_max);
}

void riak_refuse_size(struct session *s, size_t size, size_t size_max)
{
    too_large(s, "message", size, size_max);
}

void riak_refuse_memory(struct session *s)
{
    struct outcome o;
    outcome_fail(&o, E_NOMEM);
    riak_refuse(s, NULL, &o);
}

/* --- texts without details --- */

static const char *const texts[OUTCOME_COUNT] = {
    [OUTCOME_NOT_LET_IN] = "Authentication failed",
    [OUTCOME_NO_TERM] = "Invalid equality query undefined",
    [OUTCOME_REGEX_OF_INTEGERS] = "Can not use term regular expression in integer query",
    [OUTCOME_BAD_CONTINUATION] = "Invalid continuation: give back the bytes that an answer to the same query held",
    [OUTCOME_EXISTS] = "match_found",
    [OUTCOME_NOT_FOUND] = "notfound",
    [OUTCOME_MODIFIED] = "modified",
    [OUTCOME_CONFLICT] = "failed", /* Riak's one text for all conditions of a consistent type */
    [OUTCOME_NOT_PRESENT] = "{precondition,not_present}",
    [OUTCOME_NO_ALLOW_MULT] = "\"Bucket must be allow_mult=true\"",
    [OUTCOME_NOT_A_COUNTER] = "\"non-counter operation on default bucket\"",
    [OUTCOME_NO_DATATYPE] = "Bucket datatype `undefined` is not a supported type",
    [OUTCOME_FIXED_TYPE] = "Invalid bucket properties: no_default_update: the type 'default' cannot be changed; set "
                           "the properties of its buckets, or create a type",
    [OUTCOME_MEMORY_FULL] = "overload: the memory of a node that keeps this key is full: delete keys, let them expire, "
                            "or give the nodes more memory",
    [OUTCOME_TOO_MANY_WRITES] = "overload: too many writes to this part of the keys are under way through this node; "
                                "this one has had no effect: try again",
    [OUTCOME_MOVED] = "unavailable: the node that serves this key has just given it up; the request has had no effect: "
                      "try again",
    [OUTCOME_RULES_CHANGED] = "unavailable: buckets or permissions were changed while this node did not serve; the "
                              "request has had no effect: try again",
};

/* --- texts with details, one group a function; false: the code is of another group --- */

static bool refuse_who(struct session *s, const struct riak_words *w, const struct outcome *o)
{
    char cause[REFUSAL_CAUSE_MAX];
    switch (o->code) {
    case OUTCOME_UNAVAILABLE:
        riak_error(s, "unavailable: %s", o->why);
        return true;
    case OUTCOME_NOT_SERVING:
        riak_error(s,
                   "unavailable: this node does not serve now, and may not know what is granted meanwhile; the "
                   "request has had no effect: try again%s",
                   refusal_cause(s, cause));
        return true;
    case OUTCOME_DENIED:
        riak_error(s, "Permission denied: User '%s' does not have '%s' on %.*s%s%.*s", s->who.user,
                   permission_name(o->permission), o->name.len ? shown(o->name) : 3,
                   o->name.len ? (const char *)o->name.data : "any", o->value.len ? "/" : "", SHOWN(o->value));
        return true;
    case OUTCOME_ADMIN_ONLY:
        riak_error(s,
                   "Permission denied: %s takes a certificate with the role of a node, and yours is a user's. "
                   "ephemeralctl mints one for this purpose when it is given --root-ca-cert, --root-ca-key and "
                   "--user",
                   w->subject);
        return true;
    default:
        return false;
    }
}

static const char *part_name(enum name_part part)
{
    static const char *const names[] = {[PART_TYPE] = "Type", [PART_BUCKET] = "Bucket", [PART_KEY] = "Key"};
    return names[part];
}

static bool refuse_names(struct session *s, const struct riak_words *w, const struct outcome *o)
{
    switch (o->code) {
    case OUTCOME_NAME_EMPTY:
        riak_error(s, "%s cannot be zero-length", part_name(o->part));
        return true;
    case OUTCOME_NAME_TOO_LONG:
        riak_error(s, "%s cannot be longer than %llu bytes, this one has %llu", part_name(o->part), (ull)o->limit,
                   (ull)o->number);
        return true;
    case OUTCOME_NO_TYPE:
        riak_error(s, "%s%.*s%s: " REFUSAL_NO_TYPE_ADVICE,
                   w->no_type_before ? w->no_type_before : "no_type: there is no bucket type '", SHOWN(o->name),
                   w->no_type_after ? w->no_type_after : "'");
        return true;
    case OUTCOME_BAD_N_VAL:
        riak_error(s, "{n_val_violation,%llu}", (ull)o->number);
        return true;
    case OUTCOME_BAD_QUORUM:
        riak_error(s, "{n_val_violation,%llu}", (ull)o->limit);
        return true;
    case OUTCOME_BAD_VCLOCK:
        riak_error(s, "Invalid vclock of %llu bytes: give back the bytes that an answer of this store held",
                   (ull)o->number);
        return true;
    default:
        return false;
    }
}

static bool refuse_content(struct session *s, const struct outcome *o)
{
    switch (o->code) {
    case OUTCOME_TOO_LARGE:
        too_large(s, "object", o->number, o->limit);
        return true;
    case OUTCOME_TOO_MANY_SIBLINGS:
        riak_error(s,
                   "{too_many_siblings,%llu}: an object has at most %llu (siblings-max): get it, and put one value "
                   "with the vclock of the answer",
                   (ull)o->number, (ull)o->limit);
        return true;
    case OUTCOME_TOO_MANY_INDEXES:
        riak_error(s, "{precommit_fail,[{too_many_indexes,%llu}]}", (ull)o->number);
        return true;
    case OUTCOME_BAD_TTL:
        riak_error(s, "Invalid " PUT_TTL_KEY " '%.*s': give whole seconds from 1 to %llu, or 0 for ever",
                   (int)(o->value.len < TTL_SHOWN ? o->value.len : TTL_SHOWN), (const char *)o->value.data,
                   (ull)o->limit);
        return true;
    case OUTCOME_BAD_INDEX_FIELD:
        riak_error(s, "{precommit_fail,[{unknown_field_type,<<\"%.*s\">>}]}", SHOWN(o->name));
        return true;
    case OUTCOME_BAD_INDEX_VALUE:
        riak_error(s,
                   o->value.len ? "{precommit_fail,[{field_parsing_failed,{<<\"%.*s\">>,<<\"%.*s\">>}}]}"
                                : "{precommit_fail,[{field_parsing_failed,{<<\"%.*s\">>,<<%.*s>>}}]}",
                   SHOWN(o->name), SHOWN(o->value));
        return true;
    default:
        return false;
    }
}

static bool refuse_query(struct session *s, const struct outcome *o)
{
    switch (o->code) {
    case OUTCOME_BAD_FIELD:
        riak_error(s,
                   "Invalid index '%.*s': give a field that ends in _bin or _int, or one of the special ones $key "
                   "and $bucket",
                   SHOWN(o->name));
        return true;
    case OUTCOME_BAD_TERM:
        riak_error(s, "Invalid integer in the query of '%.*s': '%.*s'", SHOWN(o->name), SHOWN(o->value));
        return true;
    case OUTCOME_BAD_REGEX:
        riak_error(s, "Invalid term regular expression <<\"%.*s\">> : %s", SHOWN(o->value), o->why);
        return true;
    default:
        return false;
    }
}

static bool refuse_scan(struct session *s, const struct outcome *o)
{
    char cause[REFUSAL_CAUSE_MAX];
    switch (o->code) {
    case OUTCOME_SCAN_TOO_LARGE:
        riak_error(s, "out of memory for %.*s: ask for it streamed, in pages (max_results), or of a smaller bucket",
                   SHOWN(o->name));
        return true;
    case OUTCOME_SCAN_LATE:
        riak_error(s,
                   "timeout: %.*s was not complete within its %llu ms: give it more time, or ask of a smaller bucket%s",
                   SHOWN(o->name), (ull)o->limit, refusal_cause(s, cause));
        return true;
    case OUTCOME_SCAN_STALLED:
        riak_error(s, "timeout: %.*s made no progress for %llu ms: ask for it again%s", SHOWN(o->name), (ull)o->limit,
                   refusal_cause(s, cause));
        return true;
    case OUTCOME_SCAN_FAILED:
        riak_error(s, "%.*s could not be completed: %s: ask for it again", SHOWN(o->name), err_text(o->err));
        return true;
    default:
        return false;
    }
}

static bool refuse_datatype(struct session *s, const struct outcome *o)
{
    switch (o->code) {
    case OUTCOME_WRONG_DATATYPE:
        riak_error(s,
                   "the object under this key is no %s: it was put as a plain object, or has siblings: delete it first",
                   datatype_name((enum datatype)o->number));
        return true;
    case OUTCOME_OTHER_DATATYPE:
        riak_error(s, "Operation type is `%s` but  bucket type is `%s`.", datatype_name((enum datatype)o->number),
                   datatype_name((enum datatype)o->limit));
        return true;
    case OUTCOME_LONG_OPERATION:
        riak_error(s, "Invalid operation: it names more than %llu elements and fields: make several updates of it",
                   (ull)o->limit);
        return true;
    case OUTCOME_BAD_OPERATION:
        riak_error(s,
                   "Invalid operation: give one of counter_op, set_op, map_op, hll_op and gset_op, and with each "
                   "field of a map the one operation of its type, nested %d deep at most",
                   DATATYPE_DEPTH_MAX);
        return true;
    default:
        return false;
    }
}

static bool refuse_late(struct session *s, const struct riak_words *w, const struct outcome *o)
{
    const char *unknown = w->unknown ? w->unknown : "the write has had its effect: read the key before writing again";
    char cause[REFUSAL_CAUSE_MAX];
    switch (o->code) {
    case OUTCOME_TIMEOUT:
        riak_error(s, "timeout: the request's time of %llu ms is over, and it has had no effect: try again%s",
                   (ull)o->limit, refusal_cause(s, cause));
        return true;
    case OUTCOME_TIMEOUT_UNKNOWN:
        riak_error(s, "timeout: the request's time of %llu ms is over, and it is not known whether %s%s", (ull)o->limit,
                   unknown, refusal_cause(s, cause));
        return true;
    case OUTCOME_ANSWER_LOST:
        riak_error(s, "the answer was lost on its way between the nodes, and it is not known whether %s", unknown);
        return true;
    default:
        return false;
    }
}

static void refuse_other(struct session *s, const struct riak_words *w, const struct outcome *o)
{
    const char *prefix = w->prefix ? w->prefix : "";
    if (o->code == OUTCOME_BAD_PROPERTIES)
        riak_error(s, "Invalid bucket properties: %s", o->why);
    else
        riak_error(s, "%s%s", prefix, o->why ? o->why : err_text(o->err));
}

void riak_refuse(struct session *s, const struct riak_words *words, const struct outcome *o)
{
    static const struct riak_words usual = {0};
    const struct riak_words *w = words ? words : &usual;
    const char *text = w->text[o->code] ? w->text[o->code] : texts[o->code];
    ASSERT(o->code != OUTCOME_OK);
    if (text)
        riak_error(s, "%s", text);
    else if (!refuse_who(s, w, o) && !refuse_names(s, w, o) && !refuse_content(s, o) && !refuse_query(s, o) &&
             !refuse_scan(s, o) && !refuse_datatype(s, o) && !refuse_late(s, w, o))
        refuse_other(s, w, o);
}
