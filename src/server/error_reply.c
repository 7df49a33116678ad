/* SPDX-License-Identifier: Apache-2.0 */
#include "server/error_reply.h"

#include "base/err.h"

#define NAME_SHOWN 256 /* bytes of a name in a text */

const char *refusal_cause(const struct session *s, char room[REFUSAL_CAUSE_MAX])
{
    room[0] = ';';
    room[1] = ' ';
    return router_obstacle(s->server->router, room + 2, REFUSAL_CAUSE_MAX - 2) ? room : "";
}

bool refusal_late(struct session *s, int err, const char *advice)
{
    unsigned long long ms = s->request.router.timeout_ms;
    char cause[REFUSAL_CAUSE_MAX];
    if (err == E_TIMEOUT)
        session_error(s, "timeout: the request's time of %llu ms is over, and it has had no effect: try again%s", ms,
                      refusal_cause(s, cause));
    else if (err == E_UNKNOWN)
        session_error(s, "timeout: the request's time of %llu ms is over, and it is not known whether %s%s", ms, advice,
                      refusal_cause(s, cause));
    else if (err == E_STALE)
        session_error(s, "the answer was lost on its way between the nodes, and it is not known whether %s", advice);
    else if (err == E_AGAIN)
        session_error(s,
                      "unavailable: buckets or permissions were changed while this node did not serve; the request has "
                      "had no effect: try again");
    return err == E_TIMEOUT || err == E_UNKNOWN || err == E_STALE || err == E_AGAIN;
}

static void answer_too_many(struct session *s, const struct store_result *r)
{
    if (r->number)
        session_error(
            s,
            "{too_many_siblings,%llu}: an object has at most %u (siblings-max): get it, and put one value with "
            "the vclock of the answer",
            (unsigned long long)r->number, s->server->config.siblings_max);
    else
        session_error(s, "overload: too many writes to this part of the keys are under way through this node; this one "
                         "has had no effect: try again");
}

void refusal_no_type(struct session *s, const char *begin, struct slice type, const char *end)
{
    session_error(s, "%s%.*s%s: " REFUSAL_NO_TYPE_ADVICE, begin, (int)(type.len < NAME_SHOWN ? type.len : NAME_SHOWN),
                  (const char *)type.data, end);
}

void refusal_too_large(struct session *s, const char *what, unsigned long long size, unsigned long long size_max)
{
    session_error(s, "{too_large,%llu}: the %s has %llu bytes, and at most %llu are taken (object-size-max)", size,
                  what, size, size_max);
}

void refusal_answer(struct session *s, int err, const struct store_result *r)
{
    if (refusal_late(s, err, "the write has had its effect: read the key before writing again"))
        return;
    if (err == E_EXISTS)
        session_error(s, "match_found");
    else if (err == E_NOT_FOUND)
        session_error(s, "notfound");
    else if (err == E_MODIFIED)
        session_error(s, "modified");
    else if (err == E_TOO_MANY)
        answer_too_many(s, r);
    else if (err == E_TOO_LARGE)
        refusal_too_large(s, "object", (unsigned long long)r->number, s->server->config.object_size_max);
    else if (err == E_FULL) /* this one, the one that leads the partition, or one that follows it */
        session_error(s, "overload: the memory of a node that keeps this key is full: delete keys, let them expire, or "
                         "give the nodes more memory");
    else if (err == E_CLOSED)
        session_error(s, "unavailable: the node that serves this key has just given it up; the request has had no "
                         "effect: try again");
    else
        session_error(s, "%s", err_text(err));
}
