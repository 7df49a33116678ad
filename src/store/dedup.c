/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dedup.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

#define CAP_FIRST 16
#define CAP_KEPT  256 /* results whose room is not given back, so that a steady load allocates nothing */

void dedup_init(struct dedup *t, struct store_memory *memory)
{
    *t = (struct dedup){.memory = memory};
}

static void free_results(struct dedup *t, struct dedup_origin *o)
{
    memory_release(t->memory, o->at);
    free(o->at);
    t->results -= o->count;
    o->at = NULL;
    o->start = o->count = o->cap = 0;
}

void dedup_fini(struct dedup *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        free_results(t, &t->origins[i]);
    memory_release(t->memory, t->origins);
    free(t->origins);
    *t = (struct dedup){.memory = t->memory};
}

/* *array with room for `cap` elements; NULL: as it was. */
static void *resized(struct dedup *t, void *array, size_t cap, size_t size)
{
    size_t old = memory_footprint(array);
    void *p = realloc(array, cap * size);
    if (!p)
        return NULL;
    t->memory->used -= old;
    memory_charge(t->memory, p);
    return p;
}

/* --- the results of one origin --- */

static struct dedup_result *first(const struct dedup_origin *o)
{
    return o->at ? o->at + o->start : NULL;
}

/* How many results have a sequence at or below this one. */
static uint32_t count_up_to(const struct dedup_origin *o, uint64_t sequence)
{
    const struct dedup_result *r = first(o);
    uint32_t low = 0, high = o->count;
    if (high == 0 || r[high - 1].sequence <= sequence)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r[middle].sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct dedup_result *find_result(const struct dedup_origin *o, uint64_t sequence)
{
    uint32_t n = count_up_to(o, sequence);
    const struct dedup_result *r = n ? first(o) + n - 1 : NULL;
    return r && r->sequence == sequence ? r : NULL;
}

static void to_front(struct dedup_origin *o)
{
    if (o->start)
        memmove(o->at, o->at + o->start, o->count * sizeof *o->at);
    o->start = 0;
}

static int resize_results(struct dedup *t, struct dedup_origin *o, uint32_t cap)
{
    struct dedup_result *at = resized(t, o->at, cap, sizeof *at);
    if (!at)
        return E_NOMEM;
    o->at = at;
    o->cap = cap;
    return 0;
}

/* Room behind the last result. Moving to the front is worth it only when half of the room is free there: so each result
 * is moved once on the average. */
static int reserve_result(struct dedup *t, struct dedup_origin *o)
{
    if (o->start + o->count < o->cap)
        return 0;
    if (o->start && o->start >= o->cap / 2) {
        to_front(o);
        return 0;
    }
    return resize_results(t, o, o->cap ? o->cap * 2 : CAP_FIRST);
}

static void raise_mark(struct dedup *t, struct dedup_origin *o, uint64_t mark)
{
    if (mark <= o->mark)
        return;
    uint32_t n = count_up_to(o, mark);
    o->mark = mark;
    o->start += n;
    o->count -= n;
    t->results -= n;
    if (o->count == 0)
        o->start = 0;
    if (o->cap > CAP_KEPT && o->count <= o->cap / 8) {
        to_front(o);
        resize_results(t, o, o->cap / 2); /* that it stays larger than it need be is no error */
    }
}

/* There is room, and no result of this sequence. */
static void insert(struct dedup *t, struct dedup_origin *o, const struct dedup_result *r)
{
    uint32_t n = count_up_to(o, r->sequence);
    struct dedup_result *p = o->at + o->start + n;
    if (n < o->count)
        memmove(p + 1, p, (o->count - n) * sizeof *p);
    *p = *r;
    o->count++;
    t->results++;
    if (o->sent >= r->sequence)
        o->sent = r->sequence - 1;
}

/* --- origins --- */

static bool is_origin(const struct dedup_origin *o, struct incarnation incarnation)
{
    return incarnation_equal(o->incarnation, incarnation);
}

static struct dedup_origin *find_origin(struct dedup *t, struct incarnation incarnation)
{
    if (t->last < t->count && is_origin(&t->origins[t->last], incarnation))
        return &t->origins[t->last];
    for (uint32_t i = 0; i < t->count; i++)
        if (is_origin(&t->origins[i], incarnation)) {
            t->last = i;
            return &t->origins[i];
        }
    return NULL;
}

/* Behind the others. */
static struct dedup_origin *add_origin(struct dedup *t, struct incarnation incarnation, uint64_t born)
{
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 4;
        struct dedup_origin *origins = resized(t, t->origins, cap, sizeof *origins);
        if (!origins)
            return NULL;
        t->origins = origins;
        t->cap = cap;
    }
    struct dedup_origin *o = &t->origins[t->count++];
    *o = (struct dedup_origin){.born = born};
    o->incarnation = incarnation;
    return o;
}

static void remove_origin(struct dedup *t, uint32_t i)
{
    free_results(t, &t->origins[i]);
    t->count--;
    memmove(t->origins + i, t->origins + i + 1, (t->count - i) * sizeof *t->origins);
}

bool dedup_keeps(int err)
{
    return err == 0 || err == E_EXISTS || err == E_NOT_FOUND || err == E_MODIFIED || err == E_TOO_MANY ||
           err == E_TOO_LARGE || err == E_ABSENT || err == E_INVALID || err == E_MALFORMED;
}

static int admit_new(struct dedup *t, struct dedup_origin *known, const struct store_origin *from, uint64_t seq)
{
    struct dedup_origin *o = known;
    if (!o && t->count >= STORE_ORIGINS_MAX)
        return E_TOO_MANY;
    if (!o)
        o = add_origin(t, from->incarnation, seq);
    if (!o)
        return E_NOMEM;
    t->last = (uint32_t)(o - t->origins);
    raise_mark(t, o, from->acknowledged);
    return o->count >= STORE_RESULTS_MAX ? E_TOO_MANY : reserve_result(t, o);
}

int dedup_admit(struct dedup *t, const struct store_origin *from, uint64_t seq, const struct dedup_result **known)
{
    struct dedup_origin *o = find_origin(t, from->incarnation);
    *known = NULL;
    if (from->sequence <= from->acknowledged || (o && from->sequence <= o->mark))
        return E_STALE;
    if (o && find_result(o, from->sequence)) {
        raise_mark(t, o, from->acknowledged);
        *known = find_result(o, from->sequence);
        return 0;
    }
    return admit_new(t, o, from, seq);
}

void dedup_record(struct dedup *t, const struct store_origin *from, int err, uint64_t number)
{
    struct dedup_origin *o = &t->origins[t->last];
    ASSERT(t->last < t->count && is_origin(o, from->incarnation) && dedup_keeps(err));
    insert(t, o, &(struct dedup_result){from->sequence, number, err});
}

void dedup_forget(struct dedup *t, struct incarnation incarnation)
{
    struct dedup_origin *o = find_origin(t, incarnation);
    if (o)
        remove_origin(t, (uint32_t)(o - t->origins));
}

/* --- the copy --- */

void dedup_rewind(struct dedup *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        t->origins[i].sent = 0;
}

const struct dedup_result *dedup_unsent(const struct dedup_origin *o, size_t *n)
{
    uint32_t sent = count_up_to(o, o->sent);
    *n = o->count - sent;
    return *n ? first(o) + sent : NULL;
}

/* Exchanges two origins: those in front of i are in their places already. */
static void place_origin(struct dedup *t, struct dedup_origin *o, uint32_t i)
{
    struct dedup_origin moved = *o;
    *o = t->origins[i];
    t->origins[i] = moved;
}

int dedup_restore_origin(struct dedup *t, uint32_t i, const struct dedup_origin *sent)
{
    ASSERT(i <= t->count);
    struct dedup_origin *o = find_origin(t, sent->incarnation);
    if (!o)
        o = add_origin(t, sent->incarnation, sent->born);
    if (!o)
        return E_NOMEM;
    if (o - t->origins < (ptrdiff_t)i)
        return E_MALFORMED;
    if (o->born != sent->born) {
        free_results(t, o);
        o->born = sent->born;
        o->mark = 0;
    }
    if (sent->mark < o->mark)
        return E_MALFORMED;
    raise_mark(t, o, sent->mark);
    place_origin(t, o, i);
    return 0;
}

void dedup_restored(struct dedup *t, uint32_t count)
{
    while (t->count > count)
        remove_origin(t, t->count - 1);
}

int dedup_restore_result(struct dedup *t, uint32_t i, const struct dedup_result *r)
{
    struct dedup_origin *o = i < t->count ? &t->origins[i] : NULL;
    if (!o || r->sequence <= o->mark || !dedup_keeps(r->err))
        return E_MALFORMED;
    const struct dedup_result *held = find_result(o, r->sequence);
    if (held)
        return held->err == r->err && held->number == r->number ? 0 : E_MALFORMED;
    int err = o->count >= STORE_RESULTS_MAX ? E_MALFORMED : reserve_result(t, o);
    if (!err)
        insert(t, o, r);
    return err;
}

static void check_origin(const struct dedup *t, uint32_t i)
{
    const struct dedup_origin *o = &t->origins[i];
    ASSERT(o->start + o->count <= o->cap && o->count <= STORE_RESULTS_MAX);
    for (uint32_t j = 0; j < o->count; j++) {
        const struct dedup_result *r = first(o) + j;
        ASSERT(r->sequence > (j ? r[-1].sequence : o->mark) && dedup_keeps(r->err));
    }
    for (uint32_t j = 0; j < i; j++)
        ASSERT(!is_origin(&t->origins[j], o->incarnation));
}

void dedup_check(const struct dedup *t)
{
    uint64_t results = 0;
    ASSERT(t->count <= STORE_ORIGINS_MAX && t->count <= t->cap);
    for (uint32_t i = 0; i < t->count; i++) {
        check_origin(t, i);
        results += t->origins[i].count;
    }
    ASSERT(results == t->results);
}
