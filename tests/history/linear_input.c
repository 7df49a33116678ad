/* SPDX-License-Identifier: Apache-2.0 */
/* What the search has to order: what certainly happened and by when, and the spares. */
#include "history/linear_impl.h"

#include "base/assert.h"

#include <stdlib.h>

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    ASSERT(p);
    return p;
}

static bool is_answered(const struct history_op *op)
{
    return op->end != HISTORY_NEVER && op->outcome != HISTORY_UNKNOWN;
}

static bool counts(const struct history_op *op)
{
    return op->outcome != HISTORY_FAILED && op->kind != HISTORY_GET1 && (!history_reads(op) || is_answered(op));
}

/* Who wrote it, as a place in k->op; k->count: nobody. */
static size_t find_writer(const struct key_history *k, uint32_t value)
{
    size_t i = 0;
    while (i < k->count && !(k->op[i]->value == value && history_wrote(k->op[i])))
        i++;
    return i;
}

/* By when each had its effect, if it had one; HISTORY_NEVER: perhaps it never will. */
static void find_ends(const struct key_history *k, uint64_t *end)
{
    for (size_t i = 0; i < k->count; i++)
        end[i] = is_answered(k->op[i]) ? k->op[i]->end : HISTORY_NEVER;
    for (bool more = true; more;) { /* what was seen had been written; who changed it had seen it */
        more = false;
        for (size_t i = 0; i < k->count; i++) {
            const struct history_op *op = k->op[i];
            bool effective = op->outcome == HISTORY_OK || (op->outcome == HISTORY_UNKNOWN && end[i] != HISTORY_NEVER);
            uint32_t saw = op->kind == HISTORY_GET ? op->value : op->kind == HISTORY_CAS ? op->expected : 0;
            size_t w = saw && effective && counts(op) ? find_writer(k, saw) : k->count;
            if (w < k->count && !is_answered(k->op[w]) && end[i] < end[w]) {
                end[w] = end[i];
                more = true;
            }
        }
    }
    for (size_t i = 0; i < k->count;
         i++) /* what nobody knows to have been written may expire, or there was nothing to */
        if (k->op[i]->kind == HISTORY_EXPIRE) {
            size_t w = find_writer(k, k->op[i]->value);
            if (w == k->count || end[w] == HISTORY_NEVER)
                end[i] = HISTORY_NEVER;
        }
}

/* Nobody can tell it from another that nobody saw: it neither expires nor is expected. */
static bool is_anonymous(const struct key_history *k, const struct history_op *op)
{
    for (size_t i = 0; i < k->count; i++)
        if ((k->op[i]->kind == HISTORY_EXPIRE && k->op[i]->value == op->value) ||
            (k->op[i]->kind == HISTORY_CAS && k->op[i]->expected == op->value))
            return false;
    return true;
}

static void add_call(struct search *s, const struct history_op *op, uint64_t end)
{
    bool is_spare = end == HISTORY_NEVER && op->kind != HISTORY_LOSE;
    struct call *c = is_spare ? &s->spare[s->spares++] : &s->must[s->musts++];
    *c = (struct call){.op = op,
                       .end = end,
                       .had_effect = !is_answered(op),
                       .leaves = !history_writes(op)        ? BELIEF_ABSENT
                                 : is_anonymous(s->key, op) ? BELIEF_UNSEEN
                                                            : op->value,
                       .mark = tried_mark((uint64_t)(op - s->key->history->op) + 1)};
    if (history_wrote(op))
        belief_add(&s->beliefs, is_spare ? c->leaves : op->value, op->begin);
}

struct event {
    uint64_t time;
    size_t node;
};

/* What begins when another ends is at the same time as that. */
static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->node % 2 != y->node % 2)
        return x->node % 2 ? 1 : -1;
    return (x->node > y->node) - (x->node < y->node);
}

static void link_events(struct search *s)
{
    struct event *event = allocate(2 * s->musts, sizeof *event);
    for (size_t i = 0; i < s->musts; i++) {
        uint64_t begin = s->must[i].op->begin, end = s->must[i].end;
        event[2 * i] = (struct event){begin, 2 * i};
        event[2 * i + 1] = (struct event){end > begin ? end : begin, 2 * i + 1};
    }
    qsort(event, 2 * s->musts, sizeof *event, by_time);
    for (size_t i = 0; i < 2 * s->musts; i++)
        s->node[event[i].node] = (struct node){.prev = i ? event[i - 1].node : SIZE_MAX,
                                               .next = i + 1 < 2 * s->musts ? event[i + 1].node : SIZE_MAX,
                                               .time = event[i].time};
    s->first = s->musts ? event[0].node : SIZE_MAX;
    free(event);
}

static const struct call *find_spare_writer(const struct search *s, uint32_t value)
{
    for (size_t i = 0; i < s->spares; i++)
        if (history_writes(s->spare[i].op) && s->spare[i].op->value == value)
            return &s->spare[i];
    return NULL;
}

/* Spares may write and expire, delete and create; and each that expects what another has written makes that longer. */
static unsigned longest_chain(const struct search *s)
{
    unsigned longest = 0;
    for (size_t i = 0; i < s->spares; i++) {
        unsigned links = 0; /* no more than there are, also where each expects what another leaves */
        const struct call *c = &s->spare[i];
        while (links < s->spares && c->op->kind == HISTORY_CAS && (c = find_spare_writer(s, c->op->expected)))
            links++;
        longest = links > longest ? links : longest;
    }
    return 2 + longest;
}

static size_t find_needed(const struct search *s, const struct history_op *op)
{
    size_t i = 0;
    uint32_t needed = linear_needed(op);
    while (needed && i < s->musts && !(history_wrote(s->must[i].op) && s->must[i].op->value == needed))
        i++;
    return needed && i < s->musts ? i + 1 : 0;
}

void linear_init(struct search *s, const struct key_history *k)
{
    *s = (struct search){.key = k};
    s->must = allocate(k->count, sizeof *s->must);
    s->spare = allocate(k->count, sizeof *s->spare);
    uint64_t *end = allocate(k->count, sizeof *end);
    find_ends(k, end);
    for (size_t i = 0; i < k->count; i++)
        if (counts(k->op[i]))
            add_call(s, k->op[i], end[i]);
    free(end);
    for (size_t i = 0; i < s->musts; i++) {
        s->losses += s->must[i].op->kind == HISTORY_LOSE;
        s->must[i].needs = find_needed(s, s->must[i].op);
    }
    for (size_t i = 0; i < s->spares; i++)
        s->spare[i].needs = find_needed(s, s->spare[i].op);
    s->chain_max = longest_chain(s);
    if (s->chain_max > LINEAR_CHAIN_MAX) {
        s->chain_max = LINEAR_CHAIN_MAX;
        s->limited = true;
    }
    s->node = allocate(2 * s->musts, sizeof *s->node);
    s->stack = allocate(s->musts, sizeof *s->stack);
    s->best = allocate(s->musts, sizeof *s->best);
    s->tried.words = s->spares / 64 + 1;
    s->set = allocate(s->tried.words, sizeof *s->set);
    link_events(s);
}

void linear_fini(struct search *s)
{
    free(s->must);
    free(s->spare);
    free(s->node);
    free(s->stack);
    free(s->best);
    free(s->set);
    belief_fini(&s->beliefs);
    tried_fini(&s->tried);
}
