/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: every add has its effect once, and whoever is told a count is told that of one moment between the begin and
 * the end of what it asked. What is checked follows from that, and costs little; it is no search for an order:
 *
 * - no two adds are told the same count;
 * - a count is above that of an add, and not under that of a read, that had ended before;
 * - between two that are told, one after the other, lie as many adds as their counts say: at least those that were
 *   asked and answered between, and at most those that may have had their effect then.
 *
 * Over a loss nothing is compared: a stretch is what lies between two of them. */
#include "history/check_impl.h"

#include "base/assert.h"

#include <stdlib.h>

struct stretch {
    const struct key_history *key;
    const struct history_op **told; /* what was told a count, by its end */
    size_t count;
    bool fresh; /* nothing was lost before: it begins at 0 */
};

static bool is_told(const struct history_op *op)
{
    bool is_read = op->kind == HISTORY_COUNT && (op->outcome == HISTORY_OK || op->outcome == HISTORY_ABSENT);
    return op->end != HISTORY_NEVER && (is_read || (op->kind == HISTORY_ADD && op->outcome == HISTORY_OK && op->value));
}

static bool may_add(const struct history_op *op)
{
    return op->kind == HISTORY_ADD && op->outcome != HISTORY_FAILED;
}

static bool tell(const struct stretch *s, struct check_report *r, const char *what, const struct history_op *a,
                 const struct history_op *b)
{
    check_tell(r, "%s:\n", what);
    if (a)
        check_tell_op(r, s->key->history, "first:", a);
    check_tell_op(r, s->key->history, "then: ", b);
    return false;
}

/* The adds that certainly, and that perhaps, had their effect between a and b; a NULL: the beginning. */
static void count_adds(const struct stretch *s, const struct history_op *a, const struct history_op *b, uint64_t *least,
                       uint64_t *most)
{
    *least = b->kind == HISTORY_ADD;
    *most = *least;
    for (size_t i = 0; i < s->key->count; i++) {
        const struct history_op *op = s->key->op[i];
        if (!may_add(op) || op == a || op == b)
            continue;
        *most += op->begin <= b->end && (!a || op->end >= a->begin);
        *least += op->outcome == HISTORY_OK && op->end < b->begin && (!a || op->begin > a->end);
    }
}

static bool judge_pair(const struct stretch *s, const struct history_op *a, const struct history_op *b,
                       struct check_report *r)
{
    uint64_t least, most, from = a ? a->value : 0;
    count_adds(s, a, b, &least, &most);
    if (b->value < from + least)
        return tell(s, r, "a count is too low: an add that was answered is missing", a, b);
    if (b->value > from + most)
        return tell(s, r, "a count is too high: an add has counted twice", a, b);
    return true;
}

static int by_value(const void *pa, const void *pb)
{
    const struct history_op *a = *(const struct history_op *const *)pa, *b = *(const struct history_op *const *)pb;
    return (a->value > b->value) - (a->value < b->value);
}

static bool judge_distinct(const struct stretch *s, struct check_report *r)
{
    const struct history_op **adds = malloc((s->count + 1) * sizeof(const struct history_op *));
    size_t n = 0;
    bool right = true;
    ASSERT(adds);
    for (size_t i = 0; i < s->count; i++)
        if (s->told[i]->kind == HISTORY_ADD)
            adds[n++] = s->told[i];
    qsort(adds, n, sizeof(const struct history_op *), by_value);
    for (size_t i = 1; right && i < n; i++)
        if (adds[i - 1]->value == adds[i]->value)
            right = tell(s, r, "two adds came to the same count", adds[i - 1], adds[i]);
    free(adds);
    return right;
}

/* Each against the greatest count that was told before it began, the last that was told then, and the first of all. */
static bool judge_stretch(const struct stretch *s, struct check_report *r)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct history_op *b = s->told[i], *greatest = NULL, *last = NULL, *first = NULL;
        for (size_t k = 0; k < i && s->told[k]->end < b->begin; k++) {
            last = s->told[k];
            first = first ? first : last;
            greatest = greatest && greatest->value >= last->value ? greatest : last;
        }
        if (greatest && b->value < greatest->value + (b->kind == HISTORY_ADD))
            return tell(s, r, "a count went back, or stayed where it was with an add", greatest, b);
        if ((last && !judge_pair(s, last, b, r)) || (first && !judge_pair(s, first, b, r)) ||
            (s->fresh && !judge_pair(s, NULL, b, r)))
            return false;
    }
    return judge_distinct(s, r);
}

static int by_end(const void *pa, const void *pb)
{
    const struct history_op *a = *(const struct history_op *const *)pa, *b = *(const struct history_op *const *)pb;
    return (a->end > b->end) - (a->end < b->end);
}

/* How many losses were over before it began; SIZE_MAX: one may fall into it. */
static size_t stretch_of(const struct key_history *k, const struct history_op *op)
{
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *loss = k->op[i];
        if (loss->kind != HISTORY_LOSE)
            continue;
        if (loss->begin <= op->end && loss->end >= op->begin)
            return SIZE_MAX;
        n += loss->end < op->begin;
    }
    return n;
}

bool check_counts(const struct key_history *k, struct check_report *r)
{
    const struct history_op **told = malloc((k->count + 1) * sizeof(const struct history_op *));
    size_t *of = malloc((k->count + 1) * sizeof *of), stretches = 1;
    bool right = true;
    ASSERT(told && of);
    for (size_t i = 0; i < k->count; i++) {
        of[i] = is_told(k->op[i]) ? stretch_of(k, k->op[i]) : SIZE_MAX;
        stretches += k->op[i]->kind == HISTORY_LOSE;
    }
    for (size_t n = 0; right && n < stretches; n++) {
        struct stretch s = {.key = k, .told = told, .fresh = n == 0};
        for (size_t i = 0; i < k->count; i++)
            if (of[i] == n)
                told[s.count++] = k->op[i];
        qsort(told, s.count, sizeof(const struct history_op *), by_end);
        right = judge_stretch(&s, r);
    }
    free(told);
    free(of);
    return right;
}
