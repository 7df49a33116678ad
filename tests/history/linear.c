/* Linearizability of one key: Wing and Gong's search (1993) with Lowe's memory of what was tried (2017). It looks for
 * an order of the operations in which each has its effect at one moment between its begin and its end, and each was
 * told what was so at that moment.
 *
 * Operations that were never answered may have had their effect or not. Where somebody read what one of them wrote, it
 * had, before that read ended. The others, here "spares", are not tried on their own: in any order that is right, each
 * may stand directly before the first operation that would otherwise not fit, or else be left out. Spares of a kind
 * whose values nobody saw are all the same, so the one that began first goes first; and what leads to no end with some
 * spares used leads to none with more. */
#include "history/check_impl.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* What a key holds, beside values: */
#define ABSENT     ((uint32_t)0)
#define SOMETHING  (UINT32_MAX - 1) /* a spare's value, which nobody saw */
#define ANYTHING   UINT32_MAX       /* after a loss */
#define CHAIN_MAX  2                /* spares before one operation: written and expired; deleted and created */
#define WAYS_MAX   64               /* in which one operation may fit */
#define TOLD_ORDER 8

struct call {
    const struct history_op *op;
    uint64_t end;
    bool had_effect; /* it was not answered, but its value was seen */
    uint32_t leaves; /* what the key holds after a spare */
    bool used;       /* of a spare: it stands in the order */
    uint64_t mark;   /* in the hash of what stands in the order; of no spare */
};

/* One way in which an operation may come next. */
struct way {
    uint32_t after; /* what the key holds then */
    unsigned chain; /* spares before it */
    size_t spare[CHAIN_MAX];
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

/* What was tried: with which operations in the order, and which state after them, which sets of spares were used. */
struct memory {
    uint64_t *hash; /* of operations and state; 0: a free slot */
    size_t *latest; /* 1 + place of the last set that was tried with them */
    size_t slots, used;
    uint64_t *set; /* `words` each, and the place of the one before */
    size_t *before;
    size_t sets, sets_cap, words;
};

struct search {
    const struct key_history *key;
    struct call *must, *spare;
    size_t musts, spares;
    struct node *node; /* 2i: the begin of must[i]; 2i + 1: its end */
    size_t first;
    struct frame *stack;
    size_t depth;
    uint32_t state;
    uint64_t hash;
    struct memory memory;
    uint64_t *set; /* room for one */
    size_t *best;  /* the longest order that was found */
    size_t best_count;
    uint32_t best_state;
};

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    ASSERT(p);
    return p;
}

static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

/* --- what is done, and what was told --- */

static const struct history_op *writer_of(const struct search *s, uint32_t value)
{
    for (size_t i = 0; i < s->musts; i++)
        if (history_writes(s->must[i].op) && s->must[i].op->value == value)
            return s->must[i].op;
    return NULL;
}

static bool may_be(const struct search *s, uint32_t value, uint64_t by)
{
    const struct history_op *w = writer_of(s, value);
    return w && w->begin <= by;
}

static bool fits_create(const struct call *c, enum history_outcome outcome, uint32_t state, uint32_t *after)
{
    *after = outcome == HISTORY_OK ? c->op->value : state;
    return state == ANYTHING || (outcome == HISTORY_OK) == (state == ABSENT);
}

static bool fits_cas(const struct search *s, const struct call *c, enum history_outcome outcome, uint32_t state,
                     uint32_t *after)
{
    *after = outcome == HISTORY_OK ? c->op->value : outcome == HISTORY_ABSENT ? ABSENT : state;
    if (state == ANYTHING)
        return outcome != HISTORY_OK || may_be(s, c->op->expected, c->end);
    if (outcome == HISTORY_OK)
        return state == c->op->expected;
    return outcome == HISTORY_ABSENT ? state == ABSENT : state != ABSENT && state != c->op->expected;
}

static bool fits_get(const struct search *s, const struct call *c, uint32_t state, uint32_t *after)
{
    *after = c->op->outcome == HISTORY_OK ? c->op->value : ABSENT;
    return state == *after || (state == ANYTHING && (*after == ABSENT || may_be(s, *after, c->end)));
}

/* Whether it may come now, with what was told; then what the key holds. */
static bool fits(const struct search *s, const struct call *c, uint32_t state, uint32_t *after)
{
    enum history_outcome outcome = c->had_effect ? HISTORY_OK : c->op->outcome;
    switch (c->op->kind) {
    case HISTORY_PUT:
        *after = c->op->value;
        return true;
    case HISTORY_DELETE:
        *after = ABSENT;
        return true;
    case HISTORY_CREATE:
        return fits_create(c, outcome, state, after);
    case HISTORY_CAS:
        return fits_cas(s, c, outcome, state, after);
    case HISTORY_GET:
        return fits_get(s, c, state, after);
    default: /* expire; of lose, that nothing was lost */
        *after = c->op->kind == HISTORY_EXPIRE && state == c->op->value ? ABSENT : state;
        return true;
    }
}

/* Whether a spare changes what the key holds; then to what. */
static bool changes(const struct call *c, uint32_t state, uint32_t *after)
{
    *after = c->leaves;
    switch (c->op->kind) {
    case HISTORY_PUT:
    case HISTORY_DELETE:
        return state != *after;
    case HISTORY_CREATE:
        return state == ABSENT || state == ANYTHING;
    case HISTORY_CAS:
        return state == c->op->expected || state == ANYTHING;
    default:
        return state == c->op->value;
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

/* What was tried of those that are all the same, in one place of a chain. */
struct tried {
    bool put, create, delete;
};

/* An earlier one, not used, has done the same; else it is noted. */
static bool is_double(struct tried *t, const struct call *c)
{
    bool *flag = c->op->kind == HISTORY_DELETE                             ? &t->delete
                 : c->op->kind == HISTORY_PUT && c->leaves == SOMETHING    ? &t->put
                 : c->op->kind == HISTORY_CREATE && c->leaves == SOMETHING ? &t->create
                                                                           : NULL;
    bool was = flag && *flag;
    if (flag)
        *flag = true;
    return was;
}

static void find_chains(struct search *s, const struct call *c, uint32_t state, uint64_t until, struct way *so_far,
                        unsigned length, struct way *ways, size_t *count)
{
    struct tried tried = {0};
    if (so_far->chain == length) {
        struct way way = *so_far;
        if (fits(s, c, state, &way.after) && *count < WAYS_MAX)
            ways[(*count)++] = way;
        return;
    }
    for (size_t i = 0; i < s->spares && s->spare[i].op->begin <= until; i++) {
        uint32_t after;
        if (s->spare[i].used || !changes(&s->spare[i], state, &after) || is_double(&tried, &s->spare[i]))
            continue;
        s->spare[i].used = true;
        so_far->spare[so_far->chain++] = i;
        find_chains(s, c, after, until, so_far, length, ways, count);
        so_far->chain--;
        s->spare[i].used = false;
    }
}

/* Spares make a key absent, or leave what nobody saw: never a value that somebody did. */
static bool spares_may_help(const struct call *c)
{
    bool needs_value = c->op->kind == HISTORY_GET || c->op->kind == HISTORY_CAS;
    return !(needs_value && (c->had_effect || c->op->outcome == HISTORY_OK));
}

static size_t find_ways(struct search *s, const struct call *c, struct way *ways)
{
    size_t count = 0;
    struct way way = {0};
    if (fits(s, c, s->state, &way.after))
        ways[count++] = way;
    if (c->op->kind == HISTORY_LOSE)
        ways[count++] = (struct way){.after = ANYTHING};
    bool fits_alone = count != 0;
    for (unsigned length = 1; length <= CHAIN_MAX && !fits_alone && spares_may_help(c); length++)
        find_chains(s, c, s->state, first_end(s), &way, length, ways, &count);
    return count;
}

/* --- what was tried --- */

static size_t find_slot(const struct memory *m, uint64_t hash)
{
    size_t i = hash & (m->slots - 1);
    while (m->hash[i] && m->hash[i] != hash)
        i = (i + 1) & (m->slots - 1);
    return i;
}

static void grow_slots(struct memory *m)
{
    struct memory old = *m;
    m->slots = old.slots ? 2 * old.slots : 1024;
    m->hash = allocate(m->slots, sizeof *m->hash);
    m->latest = allocate(m->slots, sizeof *m->latest);
    for (size_t i = 0; i < old.slots; i++)
        if (old.hash[i]) {
            size_t at = find_slot(m, old.hash[i]);
            m->hash[at] = old.hash[i];
            m->latest[at] = old.latest[i];
        }
    free(old.hash);
    free(old.latest);
}

static void add_set(struct memory *m, size_t slot, const uint64_t *set)
{
    if (m->sets == m->sets_cap) {
        m->sets_cap = m->sets_cap ? 2 * m->sets_cap : 1024;
        m->set = realloc(m->set, m->sets_cap * m->words * sizeof *m->set);
        m->before = realloc(m->before, m->sets_cap * sizeof *m->before);
        ASSERT(m->set && m->before);
    }
    memcpy(m->set + m->sets * m->words, set, m->words * sizeof *set);
    m->before[m->sets] = m->latest[slot];
    m->latest[slot] = ++m->sets;
}

static bool is_subset(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] & ~b[i])
            return false;
    return true;
}

/* False: the same operations have led to the same state before, with these spares or fewer, and to no end. */
static bool remember(struct memory *m, uint64_t marks, uint32_t state, const uint64_t *set)
{
    uint64_t hash = marks ^ scatter(state ^ 0x9e3779b97f4a7c15ULL); /* apart from all marks */
    hash = hash ? hash : 1;
    if (2 * (m->used + 1) > m->slots)
        grow_slots(m);
    size_t slot = find_slot(m, hash);
    for (size_t i = m->latest[slot]; i; i = m->before[i - 1])
        if (is_subset(m->set + (i - 1) * m->words, set, m->words))
            return false;
    m->used += !m->hash[slot];
    m->hash[slot] = hash;
    add_set(m, slot, set);
    return true;
}

static bool is_new(struct search *s, const struct call *c, const struct way *w)
{
    uint64_t *set = s->set;
    memset(set, 0, s->memory.words * sizeof *set);
    for (size_t i = 0; i < s->spares; i++)
        if (s->spare[i].used)
            set[i / 64] |= UINT64_C(1) << i % 64;
    for (unsigned i = 0; i < w->chain; i++)
        set[w->spare[i] / 64] |= UINT64_C(1) << w->spare[i] % 64;
    return remember(&s->memory, s->hash ^ c->mark, w->after, set);
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

static void mark_spares(struct search *s, const struct way *w, bool used)
{
    for (unsigned i = 0; i < w->chain; i++)
        s->spare[w->spare[i]].used = used;
}

static void put_next(struct search *s, size_t call, size_t number, const struct way *w)
{
    s->stack[s->depth++] = (struct frame){call, number, s->state, *w};
    s->hash ^= s->must[call].mark;
    s->state = w->after;
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
    s->state = f.before;
    s->hash ^= s->must[f.call].mark;
    return f;
}

static void keep_best(struct search *s)
{
    if (s->depth <= s->best_count && s->best_count)
        return;
    for (size_t i = 0; i < s->depth; i++)
        s->best[i] = s->stack[i].call;
    s->best_count = s->depth;
    s->best_state = s->state;
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

static enum check_verdict run(struct search *s)
{
    size_t at = s->first, from = 0;
    while (s->depth < s->musts) {
        if (s->memory.sets > CHECK_STEPS_MAX)
            return CHECK_UNDECIDED;
        if (at != SIZE_MAX && at % 2 == 0) {
            bool fitted = try_next(s, at / 2, from);
            at = fitted ? s->first : s->node[at].next;
            from = 0;
            continue;
        }
        keep_best(s);
        if (s->depth == 0)
            return CHECK_WRONG;
        struct frame f = take_back(s);
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
    while (i < k->count && !(history_writes(k->op[i]) && k->op[i]->value == value && counts(k->op[i])))
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
    struct call *c = end == HISTORY_NEVER ? &s->spare[s->spares++] : &s->must[s->musts++];
    *c = (struct call){.op = op,
                       .end = end,
                       .had_effect = !is_answered(op),
                       .leaves = !history_writes(op)        ? ABSENT
                                 : is_anonymous(s->key, op) ? SOMETHING
                                                            : op->value,
                       .mark = scatter((uint64_t)(op - s->key->history->op) + 1)};
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
    s->node = allocate(2 * s->musts, sizeof *s->node);
    s->stack = allocate(s->musts, sizeof *s->stack);
    s->best = allocate(s->musts, sizeof *s->best);
    s->memory.words = s->spares / 64 + 1;
    s->set = allocate(s->memory.words, sizeof *s->set);
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
    free(s->memory.hash);
    free(s->memory.latest);
    free(s->memory.set);
    free(s->memory.before);
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
    if (s->best_state == ABSENT) {
        check_tell(r, "then the key is absent, and none of these can come next:\n");
    } else if (s->best_state >= SOMETHING) {
        check_tell(r, "then the key holds something, and none of these can come next:\n");
    } else {
        struct history_op shown = {.key = s->key->key, .value = s->best_state};
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
    r->steps += s.memory.sets;
    if (v == CHECK_WRONG)
        tell_wrong(&s, r);
    if (v == CHECK_UNDECIDED)
        check_tell(r, "given up after %zu steps: a key with %zu operations and %zu that were never answered\n",
                   s.memory.sets, s.musts, s.spares);
    search_fini(&s);
    return v;
}
