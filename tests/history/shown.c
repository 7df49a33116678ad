/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of any replica (get1), against what the same client was told before: over one connection it is shown nothing
 * that is older. Its requests follow each other, and what each was told may not be older than the last: so only the
 * last before a read is looked at. */
#include "history/check_impl.h"

static bool is_answered(const struct history_op *op)
{
    return op->end != HISTORY_NEVER && (op->outcome == HISTORY_OK || op->outcome == HISTORY_ABSENT);
}

/* It has told its client what is there. */
static bool shows(const struct history_op *op)
{
    bool is_state = history_writes(op) || op->kind == HISTORY_GET || op->kind == HISTORY_GET1;
    return is_answered(op) && (is_state || op->kind == HISTORY_DELETE);
}

static bool shows_nothing(const struct history_op *op)
{
    return op->kind == HISTORY_DELETE || op->outcome == HISTORY_ABSENT;
}

static const struct history_op *shown_before(const struct key_history *k, size_t i)
{
    const struct history_op *op = k->op[i];
    while (i-- > 0)
        if (k->op[i]->client == op->client && k->op[i]->end <= op->begin && shows(k->op[i]))
            return k->op[i];
    return NULL;
}

static const struct history_op *write_of(const struct key_history *k, uint32_t value)
{
    for (size_t i = 0; i < k->count; i++)
        if (history_wrote(k->op[i]) && k->op[i]->value == value)
            return k->op[i];
    return NULL;
}

/* Something that was going on within that time may have made it absent, or, if it was lost, anything that it was. */
static bool may_have_gone(const struct key_history *k, uint64_t from, uint64_t until, bool lost)
{
    for (size_t i = 0; i < k->count && k->op[i]->begin <= until; i++) {
        const struct history_op *op = k->op[i];
        bool goes = op->kind == HISTORY_LOSE || (!lost && (op->kind == HISTORY_DELETE || op->kind == HISTORY_EXPIRE));
        if (goes && op->outcome != HISTORY_FAILED && op->end >= from)
            return true;
    }
    return false;
}

/* The value was gone already. What a read of any replica did not find may not have been written yet. */
static bool is_back(const struct key_history *k, const struct history_op *before, const struct history_op *op)
{
    const struct history_op *write = write_of(k, op->value);
    return before->kind != HISTORY_GET1 && write && write->end < before->begin &&
           !may_have_gone(k, before->begin, op->end, true);
}

static bool is_older(const struct key_history *k, const struct history_op *before, const struct history_op *op)
{
    if (op->outcome == HISTORY_OK && shows_nothing(before))
        return is_back(k, before, op);
    if (op->outcome == HISTORY_OK)
        return op->revision_len && before->revision_len && check_compare_revisions(op, before) < 0;
    if (shows_nothing(before))
        return false;
    const struct history_op *write = write_of(k, before->value);
    return write && !may_have_gone(k, write->begin, op->end, false);
}

bool check_shown(const struct key_history *k, struct check_report *r)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        const struct history_op *before = op->kind == HISTORY_GET1 && is_answered(op) ? shown_before(k, i) : NULL;
        if (!before || !is_older(k, before, op))
            continue;
        check_tell(r, "a client was shown something older than before:\n");
        check_tell_op(r, k->history, "first:", before);
        check_tell_op(r, k->history, "then: ", op);
        return false;
    }
    return true;
}
