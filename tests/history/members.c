/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of a set, each by itself: included, excluded by one who has seen an answer that shows it, and looked for. An
 * exclusion takes away what that answer has shown, and no inclusion that it has not; whoever looks sees the set of one
 * moment between the begin and the end of what he asked. What is checked follows from that:
 *
 * - who finds the element sees an inclusion that had begun, and was not certainly taken away before he asked: by an
 *   exclusion whose answer was asked for when the inclusion had ended;
 * - who does not find it sees, for each inclusion that had ended before he asked, an exclusion that may have taken it
 *   away: one whose answer had not ended when the inclusion began.
 *
 * A loss may take it away, or bring it back. */
#include "history/check_impl.h"

#include "base/assert.h"

#include <stdlib.h>

struct element {
    const struct key_history *key;
    const struct history_op **shown; /* by the place of an exclusion: the answer that it goes by; NULL: unknown */
    const struct history_op **loss;
    size_t losses;
    /* By the place of an inclusion: when the first that may take it away began, and the first that certainly does, if
     * nothing is lost, had ended; HISTORY_NEVER: none does. */
    uint64_t *may_go_at, *gone_at;
};

static bool has_happened(const struct history_op *op)
{
    return op->outcome == HISTORY_OK && op->end != HISTORY_NEVER;
}

static bool may_have_happened(const struct history_op *op)
{
    return op->outcome == HISTORY_OK || op->outcome == HISTORY_UNKNOWN;
}

static bool is_lost_between(const struct element *e, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < e->losses; i++)
        if (e->loss[i]->begin <= to && e->loss[i]->end >= from)
            return true;
    return false;
}

static bool certainly_takes(const struct element *e, size_t exclusion, const struct history_op *inclusion)
{
    const struct history_op *shown = e->shown[exclusion];
    return has_happened(e->key->op[exclusion]) && shown && shown->begin > inclusion->end;
}

static bool may_take(const struct element *e, size_t exclusion, const struct history_op *inclusion)
{
    const struct history_op *shown = e->shown[exclusion];
    return may_have_happened(e->key->op[exclusion]) && (!shown || shown->end >= inclusion->begin);
}

/* For who looks between begin and end. */
static bool is_certainly_gone(const struct element *e, size_t inclusion, uint64_t begin, uint64_t end)
{
    const struct key_history *k = e->key;
    if (e->gone_at[inclusion] >= begin)
        return false;
    for (size_t i = 0; i < k->count; i++)
        if (k->op[i]->kind == HISTORY_EXCLUDE && k->op[i]->end < begin && certainly_takes(e, i, k->op[inclusion]) &&
            !is_lost_between(e, k->op[i]->begin, end))
            return true;
    return false;
}

/* The latest first: it is found at once, mostly. */
static bool may_be_found(const struct element *e, const struct history_op *look)
{
    const struct key_history *k = e->key;
    for (size_t i = k->count; i-- > 0;) {
        const struct history_op *op = k->op[i];
        if (op->kind == HISTORY_INCLUDE && op->begin <= look->end && may_have_happened(op) &&
            !is_certainly_gone(e, i, look->begin, look->end))
            return true;
    }
    return false;
}

/* An inclusion that must be seen by who looks, and is not; NULL: there is none. */
static const struct history_op *missing(const struct element *e, const struct history_op *look)
{
    const struct key_history *k = e->key;
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        if (op->kind == HISTORY_INCLUDE && has_happened(op) && op->end < look->begin && e->may_go_at[i] > look->end &&
            !is_lost_between(e, op->begin, look->end))
            return op;
    }
    return NULL;
}

static bool judge(const struct element *e, const struct history_op *look, struct check_report *r)
{
    const struct history_op *lost = look->outcome == HISTORY_ABSENT ? missing(e, look) : NULL;
    if (!lost && (look->outcome != HISTORY_OK || may_be_found(e, look)))
        return true;
    check_tell(r, "%s:\n",
               lost ? "an element is missing that nobody has excluded" : "an element was excluded, and is there");
    if (lost)
        check_tell_op(r, e->key->history, "first:", lost);
    check_tell_op(r, e->key->history, "then: ", look);
    return false;
}

static const struct history_op *answer_of(const struct key_history *k, const struct history_op *exclusion)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->op[i]->kind == HISTORY_MEMBER && k->op[i]->value == exclusion->expected)
            return k->op[i];
    return NULL;
}

static void find_takers(struct element *e, size_t inclusion)
{
    const struct key_history *k = e->key;
    e->may_go_at[inclusion] = e->gone_at[inclusion] = HISTORY_NEVER;
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        if (op->kind != HISTORY_EXCLUDE)
            continue;
        if (op->begin < e->may_go_at[inclusion] && may_take(e, i, k->op[inclusion]))
            e->may_go_at[inclusion] = op->begin;
        if (op->end < e->gone_at[inclusion] && certainly_takes(e, i, k->op[inclusion]))
            e->gone_at[inclusion] = op->end;
    }
}

static void prepare(struct element *e)
{
    const struct key_history *k = e->key;
    for (size_t i = 0; i < k->count; i++)
        if (k->op[i]->kind == HISTORY_EXCLUDE)
            e->shown[i] = answer_of(k, k->op[i]);
        else if (k->op[i]->kind == HISTORY_LOSE)
            e->loss[e->losses++] = k->op[i];
    for (size_t i = 0; i < k->count; i++)
        if (k->op[i]->kind == HISTORY_INCLUDE)
            find_takers(e, i);
}

bool check_members(const struct key_history *k, struct check_report *r)
{
    size_t n = k->count + 1;
    struct element e = {.key = k,
                        .shown = calloc(n, sizeof(const struct history_op *)),
                        .loss = calloc(n, sizeof(const struct history_op *)),
                        .may_go_at = calloc(n, sizeof(uint64_t)),
                        .gone_at = calloc(n, sizeof(uint64_t))};
    bool right = true;
    ASSERT(e.shown && e.loss && e.may_go_at && e.gone_at);
    prepare(&e);
    for (size_t i = 0; right && i < k->count; i++)
        if (k->op[i]->kind == HISTORY_MEMBER && k->op[i]->end != HISTORY_NEVER)
            right = judge(&e, k->op[i], r);
    free(e.shown);
    free(e.loss);
    free(e.may_go_at);
    free(e.gone_at);
    return right;
}
