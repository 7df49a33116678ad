#include "server/refusal.h"

#include "base/err.h"

bool refusal_late(struct session *s, int err, const char *advice)
{
    unsigned long long ms = s->request.router.timeout_ms;
    if (err == E_TIMEOUT)
        session_error(s, "timeout: the request's time of %llu ms is over, and it has had no effect: try again", ms);
    else if (err == E_UNKNOWN)
        session_error(s, "timeout: the request's time of %llu ms is over, and it is not known whether %s", ms, advice);
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
        session_error(s, "{too_many_siblings,%llu}", (unsigned long long)r->number);
    else
        session_error(s, "overload: too many writes to this part of the keys are under way through this node; this one "
                         "has had no effect: try again");
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
        session_error(s, "{too_large,%llu}", (unsigned long long)r->number);
    else if (err == E_FULL) /* this one, the one that leads the partition, or one that follows it */
        session_error(s, "overload: the memory of a node that keeps this key is full: delete keys, let them expire, or "
                         "give the nodes more memory");
    else if (err == E_CLOSED)
        session_error(s, "unavailable: the node that serves this key has just given it up; the request has had no "
                         "effect: try again");
    else
        session_error(s, "%s", err_text(err));
}
