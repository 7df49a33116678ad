/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include "base/err.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const types[] = {"", "t"};
static const char *const buckets[] = {"b", "c", "d"};

#define TERM_MAX 3

/* One byte for the index and the term's length, then the term: its bytes, or its digits. */
bool model_next_term(struct slice *meta, struct store_term *out)
{
    static const char *const numbers[] = {"-10", "-9", "-1", "0", "1", "2", "9", "10", "11", "100"};
    if (meta->len < 1 + TERM_MAX)
        return false;
    bool integer = meta->data[0] & 4;
    size_t len = meta->data[0] % (TERM_MAX + 1);
    *out = (struct store_term){slice_str(integer ? "n_int" : "a_bin"), slice_make(meta->data + 1, len), integer};
    if (integer)
        out->term = slice_str(numbers[meta->data[1] % 10]);
    *meta = slice_skip(*meta, 1 + len);
    return true;
}

static bool is_key(const struct model_object *o, const struct store_key *k)
{
    return slice_is(k->type, o->type) && slice_is(k->bucket, o->bucket) && slice_is(k->key, o->key);
}

static void free_sibling(struct model_sibling *s)
{
    free(s->value);
    free(s->meta);
}

static void free_object(struct model_object *o)
{
    for (size_t i = 0; i < o->count; i++)
        free_sibling(&o->siblings[i]);
    free(o->siblings);
}

void model_fini(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        free_object(&m->objects[i]);
    free(m->objects);
    free(m->ends);
}

static void remove_object(struct model *m, size_t i)
{
    free_object(&m->objects[i]);
    m->objects[i] = m->objects[--m->count];
}

static void drop_due(struct model *m)
{
    for (size_t i = 0; i < m->count;)
        if (m->objects[i].due_ms <= m->stamp_ms)
            remove_object(m, i);
        else
            i++;
}

const struct model_object *model_find(const struct model *m, const struct store_key *k)
{
    for (size_t i = 0; i < m->count; i++)
        if (is_key(&m->objects[i], k))
            return &m->objects[i];
    return NULL;
}

/* An object older than the epoch, or the generation, has its base revision. */
static struct revision present(const struct model *m, struct revision r)
{
    return revision_cmp(r, m->base) < 0 ? m->base : r;
}

struct revision model_revision(const struct model *m, const struct model_object *o)
{
    struct revision newest = {0};
    for (size_t i = 0; i < o->count; i++)
        if (revision_cmp(o->siblings[i].revision, newest) > 0)
            newest = o->siblings[i].revision;
    return present(m, newest);
}

static bool is_live(const struct model_object *o)
{
    for (size_t i = 0; o && i < o->count; i++)
        if (!o->siblings[i].tombstone)
            return true;
    return false;
}

static bool is_replaced(const struct model *m, const struct model_sibling *s, const struct store_command *c)
{
    if (!c->rules.allow_mult)
        return true;
    if (c->context.kind == CONTEXT_NONE)
        return c->op == STORE_DELETE;
    if (c->context.kind == CONTEXT_FOREIGN || c->context.seen.epoch != m->base.epoch)
        return false;
    return revision_cmp(present(m, s->revision), c->context.seen) <= 0;
}

static uint8_t *copy_of(struct slice s)
{
    uint8_t *p = malloc(s.len + 1);
    if (s.len)
        memcpy(p, s.data, s.len);
    return p;
}

static struct model_object *obtain(struct model *m, const struct store_key *k)
{
    for (size_t i = 0; i < m->count; i++)
        if (is_key(&m->objects[i], k))
            return &m->objects[i];
    m->objects = realloc(m->objects, (m->count + 1) * sizeof *m->objects);
    struct model_object *o = &m->objects[m->count++];
    *o = (struct model_object){0};
    memcpy(o->type, k->type.data ? (const char *)k->type.data : "", k->type.len);
    memcpy(o->bucket, k->bucket.data, k->bucket.len);
    memcpy(o->key, k->key.data, k->key.len);
    return o;
}

static void write_object(struct model *m, const struct store_command *c)
{
    struct model_object *o = obtain(m, &c->key);
    uint64_t end = is_live(o) ? o->due_ms : UINT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++)
        if (is_replaced(m, &o->siblings[i], c))
            free_sibling(&o->siblings[i]);
        else
            o->siblings[kept++] = o->siblings[i];
    o->siblings = realloc(o->siblings, (kept + 1) * sizeof *o->siblings);
    bool put = c->op == STORE_PUT;
    o->siblings[kept] = (struct model_sibling){.revision = c->revision,
                                               .stamp_ms = m->stamp_ms,
                                               .tombstone = !put || c->tombstone,
                                               .value_len = put ? c->value.bytes.len : 0,
                                               .meta_len = put ? c->meta.bytes.len : 0};
    o->siblings[kept].value = copy_of(put ? c->value.bytes : slice_make(NULL, 0));
    o->siblings[kept].meta = copy_of(put ? c->meta.bytes : slice_make(NULL, 0));
    o->count = kept + 1;
    uint64_t life = is_live(o) ? c->rules.ttl_ms : c->rules.reap_ms == STORE_REAP_NEVER ? 0 : c->rules.reap_ms;
    o->due_ms = life ? m->stamp_ms + life : UINT64_MAX;
    bool keeps = c->op == STORE_DELETE || (c->rules.ttl_from_create && end < o->due_ms);
    if (is_live(o) && keeps)
        o->due_ms = end;
    if (!is_live(o) && c->rules.reap_ms == 0)
        remove_object(m, (size_t)(o - m->objects));
}

static size_t count_after(const struct model *m, const struct model_object *o, const struct store_command *c)
{
    size_t n = 1;
    for (size_t i = 0; o && i < o->count; i++)
        n += !is_replaced(m, &o->siblings[i], c);
    return n;
}

static int write_key(struct model *m, const struct store_command *c)
{
    const struct model_object *o = model_find(m, &c->key);
    if (c->condition == STORE_IF_ABSENT && is_live(o))
        return E_EXISTS;
    bool as_read = o && c->context.kind == CONTEXT_SEEN && revision_cmp(model_revision(m, o), c->context.seen) == 0;
    if (c->condition == STORE_IF_UNMODIFIED && !as_read)
        return is_live(o) ? E_MODIFIED : E_NOT_FOUND;
    if (c->op == STORE_DELETE && !o)
        return 0;
    m->last.number = count_after(m, o, c);
    if (c->op == STORE_PUT && m->last.number > c->rules.siblings_max)
        return E_TOO_MANY;
    write_object(m, c);
    return 0;
}

/* --- R-RETRY: a list of all that has ended and was not acknowledged --- */

static void drop_ends(struct model *m, uint8_t origin, uint64_t up_to)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->end_count; i++)
        if (m->ends[i].origin != origin || m->ends[i].sequence > up_to)
            m->ends[kept++] = m->ends[i];
    m->end_count = kept;
}

static const struct model_end *find_end(const struct model *m, const struct store_origin *o)
{
    for (size_t i = 0; i < m->end_count; i++)
        if (m->ends[i].origin == o->incarnation.b[0] && m->ends[i].sequence == o->sequence)
            return &m->ends[i];
    return NULL;
}

static void add_end(struct model *m, const struct store_command *c)
{
    m->last.origin = c->origin.incarnation.b[0];
    m->last.sequence = c->origin.sequence;
    m->ends = realloc(m->ends, (m->end_count + 1) * sizeof *m->ends);
    m->ends[m->end_count++] = m->last;
}

static int write_once(struct model *m, const struct store_command *c)
{
    uint64_t *mark = &m->marks[c->origin.incarnation.b[0]], acknowledged = c->origin.acknowledged;
    if (c->origin.sequence <= *mark)
        return E_STALE;
    if (acknowledged > *mark)
        *mark = acknowledged;
    drop_ends(m, c->origin.incarnation.b[0], *mark);
    const struct model_end *end = find_end(m, &c->origin);
    m->repeated = end != NULL;
    if (end) {
        m->last = *end;
        return end->err;
    }
    m->last.err = write_key(m, c);
    add_end(m, c);
    return m->last.err;
}

int model_apply(struct model *m, const struct store_command *c)
{
    if (c->stamp_ms > m->stamp_ms)
        m->stamp_ms = c->stamp_ms;
    m->base = (struct revision){c->revision.epoch, c->revision.generation, 1};
    m->last = (struct model_end){.revision = c->revision};
    m->repeated = false;
    drop_due(m);
    if (c->op == STORE_FORGET) {
        drop_ends(m, c->origin.incarnation.b[0], UINT64_MAX);
        m->marks[c->origin.incarnation.b[0]] = 0;
    }
    if (c->op >= STORE_TICK)
        return 0;
    return c->origin.sequence ? write_once(m, c) : write_key(m, c);
}

/* --- comparing --- */

static void compare_object(const struct model *m, const struct model_object *want, const struct object *got)
{
    struct object_cursor cursor = {0};
    struct object_sibling s;
    size_t n = 0;
    assert_int_equal(revision_cmp(got->revision, model_revision(m, want)), 0);
    assert_int_equal(got->live, is_live(want));
    for (; object_next(got, &cursor, &s); n++) {
        assert_true(n < want->count);
        const struct model_sibling *w = &want->siblings[n];
        assert_slice_equal(s.value, slice_make(w->value, w->value_len));
        assert_slice_equal(s.meta, slice_make(w->meta, w->meta_len));
        assert_int_equal(s.stamp_ms, w->stamp_ms);
        assert_int_equal(s.tombstone, w->tombstone);
    }
    assert_int_equal(n, want->count);
}

void model_compare_key(const struct model *m, const struct store *s, const struct store_key *k)
{
    struct object got;
    const struct model_object *want = model_find(m, k);
    int err = store_get(s, k, 0, &got);
    assert_int_equal(err, want ? 0 : E_NOT_FOUND);
    if (want)
        compare_object(m, want, &got);
}

void model_compare_result(const struct model *m, const struct store_command *c, const struct store_result *got)
{
    bool too_many = got->err == E_TOO_MANY;
    assert_int_equal(got->repeated, m->repeated);
    if (too_many)
        assert_int_equal(got->number, m->last.number);
    if (!too_many || !m->repeated)
        assert_int_equal(revision_cmp(got->revision, present(m, m->last.revision)), 0);
    if (c->op >= STORE_TICK)
        return;
    const struct model_object *o = model_find(m, &c->key);
    assert_int_equal(got->exists, o != NULL);
    if (o)
        compare_object(m, o, &got->object);
}

struct tally {
    const struct model *model;
    const char *type, *bucket;
    size_t count;
};

static void on_key(void *arg, struct slice name)
{
    struct tally *t = arg;
    struct store_key k = {slice_str(t->type), slice_str(t->bucket), name, 0, 0};
    assert_true(is_live(model_find(t->model, &k)));
    t->count++;
}

static void on_bucket(void *arg, struct slice name)
{
    struct tally *t = arg;
    size_t live = 0;
    for (size_t i = 0; i < t->model->count; i++)
        live += !strcmp(t->model->objects[i].type, t->type) && slice_is(name, t->model->objects[i].bucket);
    (void)live; /* what is due but not freed may keep a bucket in the list for a moment */
    t->count++;
}

static void compare_listing(const struct model *m, const struct store *s, const char *type, const char *bucket)
{
    struct tally t = {m, type, bucket, 0};
    size_t want = 0;
    uint64_t cursor = 0;
    for (size_t i = 0; i < m->count; i++)
        want += !strcmp(m->objects[i].type, type) && !strcmp(m->objects[i].bucket, bucket) && is_live(&m->objects[i]);
    while (store_list_keys(s, slice_str(type), slice_str(bucket), &cursor, on_key, &t))
        continue;
    assert_int_equal(t.count, want);
    if (want)
        assert_true(store_has_bucket(s, slice_str(type), slice_str(bucket)));
}

void model_compare(const struct model *m, const struct store *s, const struct hash_key *key)
{
    for (size_t i = 0; i < m->count; i++) {
        struct store_key k;
        const struct model_object *o = &m->objects[i];
        store_key_init(&k, key, slice_str(o->type), slice_str(o->bucket), slice_str(o->key));
        model_compare_key(m, s, &k);
    }
    for (size_t t = 0; t < 2; t++) {
        struct tally tally = {m, types[t], "", 0};
        uint64_t cursor = 0;
        for (size_t b = 0; b < 3; b++)
            compare_listing(m, s, types[t], buckets[b]);
        while (store_list_buckets(s, slice_str(types[t]), &cursor, on_bucket, &tally))
            continue;
        assert_true(tally.count <= 3);
    }
}

/* --- random commands --- */

void script_init(struct script *s, uint64_t seed, unsigned keys)
{
    *s = (struct script){.now_ms = 1700000000000, .epoch = 5, .generation = 1, .index = 1, .keys = keys};
    rng_seed(&s->rng, seed);
    s->hash_key = (struct hash_key){rng_next(&s->rng), rng_next(&s->rng)};
    rng_fill(&s->rng, s->value, sizeof s->value);
}

static uint64_t below(struct script *s, uint64_t n)
{
    return rng_below(&s->rng, n);
}

static struct slice random_value(struct script *s)
{
    static const size_t sizes[] = {0, 1, 20, 100, 300, 512, 513, 3000};
    size_t len = sizes[below(s, sizeof sizes / sizeof sizes[0])];
    return slice_make(s->value + below(s, sizeof s->value - len), len);
}

static struct store_context random_context(struct script *s, const struct model *m, const struct store_key *k)
{
    const struct model_object *o = model_find(m, k);
    switch (below(s, 6)) {
    case 0:
        return (struct store_context){CONTEXT_FOREIGN, {1, 1, 1}};
    case 1:
        return (struct store_context){CONTEXT_SEEN,
                                      {s->epoch, s->generation - (uint32_t)below(s, 2), 1 + below(s, s->index + 1)}};
    case 2:
    case 3:
        if (o)
            return (struct store_context){CONTEXT_SEEN, model_revision(m, o)};
        return (struct store_context){0};
    default:
        return (struct store_context){0};
    }
}

static struct store_rules random_rules(struct script *s)
{
    static const uint64_t reaps[] = {0, 50, 3000, STORE_REAP_NEVER};
    return (struct store_rules){.allow_mult = below(s, 2) != 0,
                                .siblings_max = 6,
                                .size_max = UINT64_MAX,
                                .ttl_ms = below(s, 3) ? 0 : 1 + below(s, 500),
                                .ttl_from_create = below(s, 3) == 0,
                                .reap_ms = reaps[below(s, 4)]};
}

/* Mostly the next sequence, or one a little further, which leaves a gap; sometimes one that was there or is in a gap.
 */
static struct store_origin random_origin(struct script *s)
{
    size_t i = below(s, 3);
    struct store_origin o = {.incarnation = {{(uint8_t)(i + 1)}}};
    if (below(s, 4) == 0)
        return (struct store_origin){0};
    bool again = s->next[i] > 40 && below(s, 3) == 0;
    o.sequence = again ? s->next[i] - below(s, 40) : (s->next[i] += 1 + below(s, 8) / 6);
    uint64_t answered = s->next[i] - below(s, s->next[i] < 60 ? s->next[i] : 60);
    o.acknowledged = answered < o.sequence ? answered : below(s, o.sequence);
    if (below(s, 3))
        o.acknowledged = o.acknowledged > 50 ? o.acknowledged - 50 : 0;
    return o;
}

/* A new epoch or generation: the log begins again. */
static void restart_log(struct script *s)
{
    bool reformed = below(s, 2);
    s->epoch += reformed;
    s->generation = reformed ? 1 + (uint32_t)below(s, 3) : s->generation + 1;
    s->index = 1;
}

void script_next(struct script *s, const struct model *m, struct store_command *out)
{
    s->now_ms += below(s, 20);
    if (below(s, 2000) == 0)
        restart_log(s);
    *out = (struct store_command){.stamp_ms = s->now_ms - below(s, 3),
                                  .revision = {s->epoch, s->generation, ++s->index},
                                  .origin = random_origin(s)};
    snprintf(s->key, sizeof s->key, "k%llu", (unsigned long long)below(s, s->keys));
    store_key_init(&out->key, &s->hash_key, slice_str(types[below(s, 2)]), slice_str(buckets[below(s, 3)]),
                   slice_str(s->key));
    uint64_t what = below(s, 20);
    out->op = what == 0 ? (below(s, 20) ? STORE_TICK : STORE_FORGET) : what < 6 ? STORE_DELETE : STORE_PUT;
    out->rules = random_rules(s);
    out->context = random_context(s, m, &out->key);
    if (out->op == STORE_PUT) {
        out->condition = (enum store_condition)(below(s, 3) ? 0 : below(s, 3));
        out->value.bytes = random_value(s);
        out->meta.bytes = below(s, 2) ? random_value(s) : slice_make(NULL, 0);
        out->tombstone = below(s, 20) == 0;
    }
}
