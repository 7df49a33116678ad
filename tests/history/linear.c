/* Linearizability of one key: Wing and Gong's search (1993) with Lowe's memory of what was tried (2017). It looks for
 * an order of the operations in which each has its effect at one moment between its begin and its end, and each was
 * told what was so at that moment.
 *
 * Operations that were never answered may have had their effect or not. Where somebody read what one of them wrote, it
 * had, before that read ended. The others, here "spares", are not tried on their own: in any order that is right, each
 * may stand directly before the first operation that would otherwise not fit, or else be left out. Spares of a kind
 * whose values nobody saw are all the same, so the one that began first goes first; and what leads to no end with some
 * spares used leads to none with more.
 *
 * After a loss the key may hold any of several things (belief.h). */
#include "history/belief.h"
#include "history/check_impl.h"
#include "history/tried.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX  16  /* spares before one operation */
#define WAYS_MAX   512 /* in which one operation may fit */
#define TOLD_ORDER 8
#define FORCED     SIZE_MAX /* no way: there was no choice */

struct call {
    const struct history_op *op;
    uint64_t end;
    bool had_effect; /* it was not answered, but its value was seen */
    uint32_t leaves; /* what the key holds when a spare has written */
    bool used;       /* it stands in the order */
    size_t needs;    /* 1 + the place among must[] of who writes what it needs to find; 0: anybody, or none */
    uint64_t mark;   /* in the hash of what stands in the order; of no spare */
};

/* One way in which an operation may come next. */
struct way {
    uint32_t after; /* what the key may hold then */
    unsigned chain; /* spares before it */
    uint32_t spare[CHAIN_MAX];
};

struct frame {
    size_t call, way;
    uint32_t before;
    struct way taken;
};

struct node {
    size_t next, prev; /* places in the list; SIZE_MAX: none */
    uint64_t time;
};

struct search {
    const struct key_history *key;
    struct call *must, *spare;
    size_t musts, spares;
    struct node *node; /* 2i: the begin of must[i]; 2i + 1: its end */
    size_t first;
    struct frame *stack;
    size_t depth;
    struct beliefs beliefs;
    uint32_t belief;
    uint64_t hash;
    struct tried tried;
    uint64_t *set;      /* room for one */
    unsigned chain_max; /* longer chains of spares lead nowhere */
    size_t losses;      /* that do not stand in the order yet */
    bool limited;       /* there were more spares, or ways, than are looked at: what is not found may be there */
    size_t *best;       /* the longest order that was found */
    size_t best_count;
    uint32_t best_belief;
};

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    ASSERT(p);
    return p;
}

/* --- what is done, and what was told --- */

static uint32_t or_none(bool possible, uint32_t belief)
{
    return possible ? belief : BELIEF_NONE;
}

/* What the key may hold when this comes now and was told what it was told; BELIEF_NONE: it cannot have been. */
static uint32_t come(struct search *s, const struct call *c, uint32_t belief)
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
    if (*count == WAYS_MAX)
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
        so_far->after = come(s, c, belief);
        add_way(s, *so_far, ways, count);
        return;
    }
    for (size_t i = 0; i < s->spares && s->spare[i].op->begin <= until && *count < WAYS_MAX; i++) {
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
            add_way(s, (struct way){.after = come(s, c, saved), .chain = 1, .spare = {(uint32_t)i}}, ways, count);
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
        return !fits_alone || belief_is_open(belief);
    default:
        return false;
    }
}

static size_t find_ways(struct search *s, const struct call *c, struct way *ways)
{
    size_t count = 0;
    add_way(s, (struct way){.after = come(s, c, s->belief)}, ways, &count);
    if (c->op->kind == HISTORY_EXPIRE)
        find_rescues(s, c, ways, &count);
    if (spares_may_help(c, s->belief, count != 0))
        for (unsigned length = 1; length <= s->chain_max; length++)
            find_chains(s, c, s->belief, first_end(s), &(struct way){0}, length, ways, &count);
    return count;
}

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
    uint32_t needed = spare->op->kind == HISTORY_CAS ? spare->op->expected : spare->op->value;
    return writer && (writer->used || writer == next) && !s->losses && !belief_allows(&s->beliefs, after, needed);
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
    struct way ways[WAYS_MAX];
    size_t count = find_ways(s, &s->must[call], ways);
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
    bool tells = op->kind == HISTORY_GET || ((op->kind == HISTORY_CREATE || op->kind == HISTORY_CAS) &&
                                             !c->had_effect && op->outcome != HISTORY_OK);
    return tells && !belief_is_open(s->belief) && come(s, c, s->belief) == s->belief;
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

/* --- what is searched --- */

static bool is_answered(const struct history_op *op)
{
    return op->end != HISTORY_NEVER && op->outcome != HISTORY_UNKNOWN;
}

static bool counts(const struct history_op *op)
{
    return op->outcome != HISTORY_FAILED && op->kind != HISTORY_GET1 && (op->kind != HISTORY_GET || is_answered(op));
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
    if (op->kind != HISTORY_CAS && op->kind != HISTORY_EXPIRE)
        return 0;
    uint32_t needed = op->kind == HISTORY_CAS ? op->expected : op->value;
    while (i < s->musts && !(history_wrote(s->must[i].op) && s->must[i].op->value == needed))
        i++;
    return i < s->musts ? i + 1 : 0;
}

static void search_init(struct search *s, const struct key_history *k)
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
    if (s->chain_max > CHAIN_MAX) {
        s->chain_max = CHAIN_MAX;
        s->limited = true;
    }
    s->node = allocate(2 * s->musts, sizeof *s->node);
    s->stack = allocate(s->musts, sizeof *s->stack);
    s->best = allocate(s->musts, sizeof *s->best);
    s->tried.words = s->spares / 64 + 1;
    s->set = allocate(s->tried.words, sizeof *s->set);
    link_events(s);
}

static void search_fini(struct search *s)
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

/* --- the story --- */

static bool is_in_best(const struct search *s, size_t call)
{
    for (size_t i = 0; i < s->best_count; i++)
        if (s->best[i] == call)
            return true;
    return false;
}

static void tell_state(const struct search *s, struct check_report *r)
{
    char line[512];
    if (s->best_belief == BELIEF_ABSENT) {
        check_tell(r, "then the key is absent, and none of these can come next:\n");
    } else if (s->best_belief >= BELIEF_NONE) {
        check_tell(r, "then the key holds %s, and none of these can come next:\n",
                   belief_is_open(s->best_belief) ? "what a loss has left" : "what nobody saw");
    } else {
        struct history_op shown = {.key = s->key->key, .value = s->best_belief};
        history_text(s->key->history, &shown, line, sizeof line);
        check_tell(r, "then the key holds the value of '%s', and none of these can come next:\n", line);
    }
}

static void tell_wrong(const struct search *s, struct check_report *r)
{
    size_t from = s->best_count > TOLD_ORDER ? s->best_count - TOLD_ORDER : 0, told = 0;
    uint64_t bound = HISTORY_NEVER;
    check_tell(
        r,
        "no order of the operations of this key explains what they were told. %zu of %zu can be ordered, the last "
        "of them:\n",
        s->best_count, s->musts);
    for (size_t i = from; i < s->best_count; i++)
        check_tell_op(r, s->key->history, "", s->must[s->best[i]].op);
    tell_state(s, r);
    for (size_t i = 0; i < s->musts; i++)
        if (!is_in_best(s, i) && s->must[i].end < bound)
            bound = s->must[i].end;
    for (size_t i = 0; i < s->musts && told < 2 * TOLD_ORDER; i++)
        if (!is_in_best(s, i) && s->must[i].op->begin <= bound) {
            check_tell_op(r, s->key->history, "", s->must[i].op);
            told++;
        }
    if (s->spares)
        check_tell(r, "(%zu more were never answered, and could have come before one of these)\n", s->spares);
}

enum check_verdict check_linear(const struct key_history *k, struct check_report *r)
{
    struct search s;
    search_init(&s, k);
    enum check_verdict v = run(&s);
    r->steps += s.tried.sets;
    if (v == CHECK_WRONG)
        tell_wrong(&s, r);
    if (v == CHECK_UNDECIDED) {
        tell_wrong(&s, r);
        check_tell(r, "given up after %zu steps%s: a key with %zu operations and %zu that were never answered\n",
                   s.tried.sets, s.limited ? ", some ways not tried" : "", s.musts, s.spares);
    }
    search_fini(&s);
    return v;
}
