/* SPDX-License-Identifier: Apache-2.0 */
/* Linearizability of one key: Wing and Gong's search (1993) with Lowe's memory of what was tried (2017). It looks for
 * an order of the operations in which each has its effect at one moment between its begin and its end, and each was
 * told what was so at that moment.
 *
 * Operations that were never answered may have had their effect or not. Where somebody read what one of them wrote, it
 * had, before that read ended. The others, here "spares", are not tried on their own: in any order that is right, each
 * may stand directly before the first operation that would otherwise not fit, or else be left out. Spares of a kind
 * whose values nobody saw are all the same, so the one that began first goes first; and what leads to no end with some
 * spares used leads to none with more. What only tells what is so comes at once.
 *
 * After a loss the key may hold any of several things (belief.h). */
#include "history/linear_impl.h"

#include <string.h>

#define FORCED SIZE_MAX /* no way: there was no choice */

/* --- what was tried --- */

static void mark_spares(struct search *s, const struct way *w, bool used)
{
    for (unsigned i = 0; i < w->chain; i++)
        s->spare[w->spare[i]].used = used;
}

/* It will never find any more what it needs to find: what is written once is over once. */
static bool is_over(const struct search *s, const struct call *spare, const struct call *next, uint32_t after)
{
    const struct call *writer = spare->needs ? &s->must[spare->needs - 1] : NULL;
    return writer && (writer->used || writer == next) && !s->losses &&
           !belief_allows(&s->beliefs, after, linear_needed(spare->op));
}

/* Of the spares, only those are looked at that may still be of use. */
static bool is_new(struct search *s, const struct call *c, const struct way *w)
{
    uint64_t *set = s->set;
    mark_spares(s, w, true);
    memset(set, 0, s->tried.words * sizeof *set);
    for (size_t i = 0; i < s->spares; i++)
        if (s->spare[i].used && !is_over(s, &s->spare[i], c, w->after))
            set[i / 64] |= UINT64_C(1) << i % 64;
    mark_spares(s, w, false);
    return tried_add(&s->tried, s->hash ^ c->mark, w->after, set);
}

/* --- the search --- */

static void unlink_node(struct search *s, size_t i)
{
    struct node *n = &s->node[i];
    if (n->prev == SIZE_MAX)
        s->first = n->next;
    else
        s->node[n->prev].next = n->next;
    if (n->next != SIZE_MAX)
        s->node[n->next].prev = n->prev;
}

static void relink_node(struct search *s, size_t i)
{
    struct node *n = &s->node[i];
    if (n->prev == SIZE_MAX)
        s->first = i;
    else
        s->node[n->prev].next = i;
    if (n->next != SIZE_MAX)
        s->node[n->next].prev = i;
}

static void put_next(struct search *s, size_t call, size_t number, const struct way *w)
{
    s->stack[s->depth++] = (struct frame){call, number, s->belief, *w};
    s->hash ^= s->must[call].mark;
    s->must[call].used = true;
    s->losses -= s->must[call].op->kind == HISTORY_LOSE;
    s->belief = w->after;
    mark_spares(s, w, true);
    unlink_node(s, 2 * call);
    unlink_node(s, 2 * call + 1);
}

static struct frame take_back(struct search *s)
{
    struct frame f = s->stack[--s->depth];
    relink_node(s, 2 * f.call + 1);
    relink_node(s, 2 * f.call);
    mark_spares(s, &f.taken, false);
    s->belief = f.before;
    s->hash ^= s->must[f.call].mark;
    s->must[f.call].used = false;
    s->losses += s->must[f.call].op->kind == HISTORY_LOSE;
    return f;
}

static void keep_best(struct search *s)
{
    if (s->depth <= s->best_count && s->best_count)
        return;
    for (size_t i = 0; i < s->depth; i++)
        s->best[i] = s->stack[i].call;
    s->best_count = s->depth;
    s->best_belief = s->belief;
}

/* Puts operation `call` next, in the first way from `from` on that was not tried. False: there is none. */
static bool try_next(struct search *s, size_t call, size_t from)
{
    struct way ways[LINEAR_WAYS_MAX];
    size_t count = linear_find_ways(s, &s->must[call], ways);
    for (size_t i = from; i < count; i++)
        if (is_new(s, &s->must[call], &ways[i])) {
            put_next(s, call, i, &ways[i]);
            return true;
        }
    return false;
}

/* It was told what is so now, and changes nothing, or will never change anything: whatever comes later, it may as well
 * come now. */
static bool may_as_well_come(struct search *s, const struct call *c)
{
    const struct history_op *op = c->op;
    if (op->kind == HISTORY_EXPIRE)
        return is_over(s, c, NULL, s->belief);
    bool tells = history_reads(op) || ((op->kind == HISTORY_CREATE || op->kind == HISTORY_CAS) && !c->had_effect &&
                                       op->outcome != HISTORY_OK);
    return tells && !belief_is_open(s->belief) && linear_come(s, c, s->belief) == s->belief;
}

static bool take_what_may_as_well_come(struct search *s)
{
    for (size_t i = s->first; i != SIZE_MAX && i % 2 == 0; i = s->node[i].next)
        if (may_as_well_come(s, &s->must[i / 2])) {
            put_next(s, i / 2, FORCED, &(struct way){.after = s->belief});
            return true;
        }
    return false;
}

static enum check_verdict run(struct search *s)
{
    size_t at = s->first, from = 0;
    while (s->depth < s->musts) {
        if (s->tried.sets > CHECK_STEPS_MAX)
            return CHECK_UNDECIDED;
        if (at == s->first && from == 0 && take_what_may_as_well_come(s)) {
            at = s->first;
            continue;
        }
        if (at != SIZE_MAX && at % 2 == 0) {
            bool fitted = try_next(s, at / 2, from);
            at = fitted ? s->first : s->node[at].next;
            from = 0;
            continue;
        }
        keep_best(s);
        struct frame f = {.way = FORCED};
        while (f.way == FORCED && s->depth)
            f = take_back(s);
        if (f.way == FORCED)
            return s->limited ? CHECK_UNDECIDED : CHECK_WRONG;
        at = 2 * f.call;
        from = f.way + 1;
    }
    return CHECK_RIGHT;
}

enum check_verdict check_linear(const struct key_history *k, struct check_report *r)
{
    struct search s;
    linear_init(&s, k);
    enum check_verdict v = run(&s);
    r->steps += s.tried.sets;
    if (v == CHECK_WRONG)
        check_tell(r, "no order of the operations of this key explains what they were told\n");
    if (v == CHECK_UNDECIDED)
        check_tell(r, "given up after %zu steps%s: a key with %zu operations and %zu that were never answered\n",
                   s.tried.sets, s.limited ? ", some ways not tried" : "", s.musts, s.spares);
    if (v != CHECK_RIGHT)
        linear_tell(&s, r);
    linear_fini(&s);
    return v;
}
