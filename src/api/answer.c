/* SPDX-License-Identifier: Apache-2.0 */
#include "api/answer.h"

#include "base/err.h"

static bool refuse(struct outcome *out, enum outcome_code code)
{
    return outcome_refuse(out, (struct outcome){.code = code});
}

static bool refuse_late(struct outcome *out, enum outcome_code code, uint64_t timeout_ms)
{
    return outcome_refuse(out, (struct outcome){.code = code, .limit = timeout_ms});
}

bool answer_of_change(int err, uint64_t timeout_ms, struct outcome *out)
{
    switch (err) {
    case 0:
        return true;
    case E_TIMEOUT:
        return refuse_late(out, OUTCOME_TIMEOUT, timeout_ms);
    case E_UNKNOWN:
        return refuse_late(out, OUTCOME_TIMEOUT_UNKNOWN, timeout_ms);
    case E_STALE:
        return refuse(out, OUTCOME_ANSWER_LOST);
    case E_AGAIN:
        return refuse(out, OUTCOME_RULES_CHANGED);
    default:
        return outcome_fail(out, err);
    }
}

static bool too_many(const struct api *a, const struct store_result *r, struct outcome *out)
{
    if (!r->number)
        return refuse(out, OUTCOME_TOO_MANY_WRITES);
    return outcome_refuse(
        out, (struct outcome){.code = OUTCOME_TOO_MANY_SIBLINGS, .number = r->number, .limit = a->siblings_max});
}

bool answer_of_key(const struct api *a, int err, const struct store_result *r, bool consistent, uint64_t timeout_ms,
                   struct outcome *out)
{
    switch (err) {
    case E_EXISTS:
        return refuse(out, consistent ? OUTCOME_CONFLICT : OUTCOME_EXISTS);
    case E_NOT_FOUND:
        return refuse(out, consistent ? OUTCOME_CONFLICT : OUTCOME_NOT_FOUND);
    case E_MODIFIED:
        return refuse(out, consistent ? OUTCOME_CONFLICT : OUTCOME_MODIFIED);
    case E_TOO_MANY:
        return too_many(a, r, out);
    case E_TOO_LARGE:
        return outcome_refuse(
            out, (struct outcome){.code = OUTCOME_TOO_LARGE, .number = r->number, .limit = a->object_size_max});
    case E_FULL: /* of this node, of the one that leads the partition, or of one that follows it */
        return refuse(out, OUTCOME_MEMORY_FULL);
    case E_CLOSED:
        return refuse(out, OUTCOME_MOVED);
    default:
        return answer_of_change(err, timeout_ms, out);
    }
}

static bool wrong_datatype(enum datatype kind, struct outcome *out)
{
    return outcome_refuse(out, (struct outcome){.code = OUTCOME_WRONG_DATATYPE, .number = kind});
}

bool answer_of_update(const struct api *a, enum datatype kind, int err, const struct store_result *r,
                      uint64_t timeout_ms, struct outcome *out)
{
    if (err == E_ABSENT)
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_NOT_PRESENT, .number = r->number});
    if (err == E_INVALID)
        return wrong_datatype(kind, out);
    return answer_of_key(a, err, r, false, timeout_ms, out);
}

bool answer_state(enum datatype kind, const struct store_result *r, struct slice *payload, bool *has_value,
                  struct outcome *out)
{
    struct slice state;
    *has_value = r->exists && r->object.live;
    return !*has_value || (object_state(&r->object, &state) && datatype_check(kind, state, payload)) ||
           wrong_datatype(kind, out);
}

bool answer_of_creation(int err, uint64_t timeout_ms, struct outcome *out)
{
    switch (err) {
    case E_EXISTS:
        return refuse(out, OUTCOME_EXISTS);
    case E_INVALID:
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_NAME, .limit = CATALOG_TYPE_NAME_MAX});
    case E_TOO_MANY:
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_TOO_MANY, .limit = CATALOG_TYPES_MAX});
    default:
        return answer_of_change(err, timeout_ms, out);
    }
}

bool answer_of_security(int err, uint64_t timeout_ms, struct outcome *out)
{
    switch (err) {
    case E_EXISTS:
        return refuse(out, OUTCOME_EXISTS);
    case E_NOT_FOUND:
        return refuse(out, OUTCOME_NOT_FOUND);
    case E_ABSENT:
        return refuse(out, OUTCOME_NOT_PRESENT);
    case E_TOO_MANY:
        return refuse(out, OUTCOME_TOO_MANY);
    default:
        return answer_of_change(err, timeout_ms, out);
    }
}
