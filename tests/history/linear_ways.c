/* SPDX-License-Identifier: Apache-2.0 */
/* In which ways an operation may come next: as it is, or with operations before it that were never answered. */
#include "history/linear_impl.h"

/* --- what is done, and what was told --- */

static uint32_t or_none(bool possible, uint32_t belief)
{
    return possible ? belief : BELIEF_NONE;
}

/* What the key may hold when this comes now and was told what it was told; BELIEF_NONE: it cannot have been. */
uint32_t linear_come(struct search *s, const struct call *c, uint32_t belief)
{
    const struct history_op *op = c->op;
    struct beliefs *b = &s->beliefs;
    enum history_outcome outcome = c->had_effect ? HISTORY_OK : op->outcome;
    switch (op->kind) {
    case HISTORY_PUT:
        return op->value;
    case HISTORY_DELETE:
        return BELIEF_ABSENT;
    case HISTORY_CREATE:
        return outcome == HISTORY_OK ? or_none(belief_allows(b, belief, BELIEF_ABSENT), op->value)
                                     : belief_without(b, belief, BELIEF_ABSENT);
    case HISTORY_CAS:
        if (outcome == HISTORY_MODIFIED)
            return belief_without(b, belief_without(b, belief, BELIEF_ABSENT), op->expected);
        return outcome == HISTORY_OK ? or_none(belief_allows(b, belief, op->expected), op->value)
                                     : or_none(belief_allows(b, belief, BELIEF_ABSENT), BELIEF_ABSENT);
    case HISTORY_GET:
        return outcome == HISTORY_OK ? or_none(belief_allows(b, belief, op->value), op->value)
                                     : or_none(belief_allows(b, belief, BELIEF_ABSENT), BELIEF_ABSENT);
    case HISTORY_LIST:
        return outcome == HISTORY_OK ? belief_without(b, belief, BELIEF_ABSENT)
                                     : or_none(belief_allows(b, belief, BELIEF_ABSENT), BELIEF_ABSENT);
    case HISTORY_EXPIRE:
        return belief_move(b, belief, op->value, BELIEF_ABSENT);
    default:
        return belief_lose(b, belief, op->end);
    }
}

/* What the key may hold after a spare; the same: it changes nothing. */
static uint32_t come_unseen(struct search *s, const struct call *c, uint32_t belief)
{
    struct beliefs *b = &s->beliefs;
    switch (c->op->kind) {
    case HISTORY_PUT:
        return c->leaves;
    case HISTORY_DELETE:
        return BELIEF_ABSENT;
    case HISTORY_CREATE:
        return belief_move(b, belief, BELIEF_ABSENT, c->leaves);
    case HISTORY_CAS:
        return belief_move(b, belief, c->op->expected, c->leaves);
    default: /* expire */
        return belief_move(b, belief, c->op->value, BELIEF_ABSENT);
    }
}

/* --- ways --- */

static uint64_t first_end(const struct search *s)
{
    size_t i = s->first;
    while (i != SIZE_MAX && i % 2 == 0)
        i = s->node[i].next;
    return i == SIZE_MAX ? HISTORY_NEVER : s->node[i].time;
}

static void add_way(struct search *s, struct way way, struct way *ways, size_t *count)
{
    if (way.after == BELIEF_NONE)
        return;
    if (*count == LINEAR_WAYS_MAX)
        s->limited = true;
    else
        ways[(*count)++] = way;
}

/* What it does, it does whatever was there: nothing need stand before it. */
static bool is_blind(const struct call *c)
{
    return c->op->kind == HISTORY_PUT || c->op->kind == HISTORY_DELETE;
}

/* An earlier spare, not used, does the same. */
static bool is_double(const struct search *s, size_t spare)
{
    const struct call *c = &s->spare[spare];
    if (c->op->kind == HISTORY_EXPIRE || (c->op->kind != HISTORY_DELETE && c->leaves != BELIEF_UNSEEN))
        return false;
    for (size_t i = 0; i < spare; i++) {
        const struct call *o = &s->spare[i];
        if (!o->used && o->op->kind == c->op->kind && o->leaves == c->leaves && o->op->expected == c->op->expected)
            return true;
    }
    return false;
}

static void find_chains(struct search *s, const struct call *c, uint32_t belief, uint64_t until, struct way *so_far,
                        unsigned length, struct way *ways, size_t *count)
{
    if (so_far->chain == length) {
        so_far->after = linear_come(s, c, belief);
        add_way(s, *so_far, ways, count);
        return;
    }
    for (size_t i = 0; i < s->spares && s->spare[i].op->begin <= until && *count < LINEAR_WAYS_MAX; i++) {
        uint32_t after = s->spare[i].used ? belief : come_unseen(s, &s->spare[i], belief);
        if (after == belief || (so_far->chain && is_blind(&s->spare[i])) || is_double(s, i))
            continue;
        s->spare[i].used = true;
        so_far->spare[so_far->chain++] = (uint32_t)i;
        find_chains(s, c, after, until, so_far, length, ways, count);
        so_far->chain--;
        s->spare[i].used = false;
    }
}

/* What would expire may have been changed just before, and so be saved. */
static void find_rescues(struct search *s, const struct call *c, struct way *ways, size_t *count)
{
    uint64_t until = first_end(s);
    for (size_t i = 0; i < s->spares && s->spare[i].op->begin <= until; i++) {
        const struct call *spare = &s->spare[i];
        if (spare->used || spare->op->kind != HISTORY_CAS || spare->op->expected != c->op->value || is_double(s, i))
            continue;
        uint32_t saved = come_unseen(s, spare, s->belief);
        if (saved != s->belief)
            add_way(s, (struct way){.after = linear_come(s, c, saved), .chain = 1, .spare = {(uint32_t)i}}, ways,
                    count);
    }
}

/* Spares make a key absent, or leave what nobody saw: never a value that somebody did. What fits whatever there is
 * needs none, nor does what fits the one thing that there is. */
static bool spares_may_help(const struct call *c, uint32_t belief, bool fits_alone)
{
    bool ok = c->had_effect || c->op->outcome == HISTORY_OK;
    switch (c->op->kind) {
    case HISTORY_GET:
    case HISTORY_CAS:
        return !ok && (!fits_alone || belief_is_open(belief));
    case HISTORY_CREATE:
    case HISTORY_LIST:
        return !fits_alone || belief_is_open(belief);
    default:
        return false;
    }
}

size_t linear_find_ways(struct search *s, const struct call *c, struct way ways[LINEAR_WAYS_MAX])
{
    size_t count = 0;
    add_way(s, (struct way){.after = linear_come(s, c, s->belief)}, ways, &count);
    if (c->op->kind == HISTORY_EXPIRE)
        find_rescues(s, c, ways, &count);
    if (spares_may_help(c, s->belief, count != 0))
        for (unsigned length = 1; length <= s->chain_max; length++)
            find_chains(s, c, s->belief, first_end(s), &(struct way){0}, length, ways, &count);
    return count;
}
