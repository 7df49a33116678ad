/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "base/assert.h"
#include "base/err.h"
#include "datatype/hyperloglog.h"
#include "store/lhash.h"

#include <stdlib.h>

struct type {
    struct bucket_props props; /* resolved; its texts stand in `text` */
    struct bucket_rules rules;
    uint64_t version; /* grows with each change: overrides resolve anew */
    size_t overrides; /* buckets of this type that have some */
    void *text;
    size_t name_len;
    char name[CATALOG_TYPE_NAME_MAX];
};

/* What one bucket sets for itself. */
struct override {
    struct override *next; /* in the slot's chain */
    uint64_t hash;
    struct type *type;
    struct bucket_props fields; /* its texts stand in `text` */
    struct bucket_rules rules;
    uint64_t version; /* of the type, when the rules were resolved */
    void *text;
    size_t name_len;
    uint8_t name[];
};

struct catalog {
    struct store_memory *memory;
    struct hash_key key;
    struct type *types[CATALOG_TYPES_MAX]; /* in the order of creation, "default" first */
    size_t type_count;
    struct lhash lhash;
    struct override **slots;
    size_t slots_cap;
    size_t override_count;
};

/* --- copies of properties --- */

static size_t hooks_size(const struct commit_hooks *h)
{
    size_t size = h->count * sizeof *h->hook;
    for (size_t i = 0; i < h->count; i++)
        size += h->hook[i].modfun.module.len + h->hook[i].modfun.function.len + h->hook[i].name.len;
    return size;
}

static size_t texts_size(const struct bucket_props *p)
{
    return hooks_size(&p->precommit) + hooks_size(&p->postcommit) + p->chash_keyfun.module.len +
           p->chash_keyfun.function.len + p->linkfun.module.len + p->linkfun.function.len + p->backend.len +
           p->search_index.len + p->datatype.len + p->ttl_from.len + p->sync_on_write.len;
}

static void own(struct slice *s, uint8_t **at)
{
    if (s->len)
        memcpy(*at, s->data, s->len);
    s->data = s->data ? *at : NULL;
    *at += s->len;
}

static void own_hooks(struct commit_hooks *h, struct commit_hook *copy, uint8_t **at)
{
    for (size_t i = 0; i < h->count; i++) {
        copy[i] = h->hook[i];
        own(&copy[i].modfun.module, at);
        own(&copy[i].modfun.function, at);
        own(&copy[i].name, at);
    }
    h->hook = copy;
}

/* A deep copy: fields that are not set have no texts. One allocation, hooks in front; *text is to be freed. */
static int props_copy(const struct bucket_props *from, struct bucket_props *to, void **text)
{
    struct bucket_props p = {0};
    props_merge(&p, from);
    struct commit_hook *hooks = malloc(texts_size(&p) + 1);
    if (!hooks)
        return E_NOMEM;
    uint8_t *at = (uint8_t *)(hooks + p.precommit.count + p.postcommit.count);
    own_hooks(&p.precommit, hooks, &at);
    own_hooks(&p.postcommit, hooks + p.precommit.count, &at);
    own(&p.chash_keyfun.module, &at);
    own(&p.chash_keyfun.function, &at);
    own(&p.linkfun.module, &at);
    own(&p.linkfun.function, &at);
    own(&p.backend, &at);
    own(&p.search_index, &at);
    own(&p.datatype, &at);
    own(&p.ttl_from, &at);
    own(&p.sync_on_write, &at);
    *to = p;
    *text = hooks;
    return 0;
}

static void resolve_rules(const struct bucket_props *p, struct bucket_rules *out)
{
    *out =
        (struct bucket_rules){.n_val = p->n_val,
                              .r = p->r,
                              .pr = p->pr,
                              .w = p->w,
                              .pw = p->pw,
                              .dw = p->dw,
                              .rw = p->rw,
                              .ttl_s = p->ttl_s,
                              .ttl_from_create = slice_is(p->ttl_from, PROPS_TTL_FROM_CREATE),
                              .allow_mult = p->allow_mult,
                              .last_write_wins = p->last_write_wins,
                              .write_once = p->write_once,
                              .consistent = props_has(p, PROP_CONSISTENT) && p->consistent,
                              .notfound_ok = p->notfound_ok,
                              .datatype = props_has(p, PROP_DATATYPE) ? datatype_by_name(p->datatype) : DATATYPE_NONE,
                              .hll_precision = (uint8_t)p->hll_precision};
}

/* --- types --- */

static struct type *find_type(const struct catalog *c, struct slice name)
{
    if (name.len == 0)
        return c->types[0];
    for (size_t i = 0; i < c->type_count; i++)
        if (slice_eq(slice_make(c->types[i]->name, c->types[i]->name_len), name))
            return c->types[i];
    return NULL;
}

bool catalog_has_type(const struct catalog *c, struct slice type)
{
    return find_type(c, type) != NULL;
}

static void free_charged(struct catalog *c, void *p)
{
    memory_release(c->memory, p);
    free(p);
}

/* Replaces the type's properties by `props`. */
static int type_assign(struct catalog *c, struct type *t, const struct bucket_props *props)
{
    struct bucket_props copy;
    void *text;
    int err = props_copy(props, &copy, &text);
    if (err)
        return err;
    free_charged(c, t->text);
    memory_charge(c->memory, text);
    t->props = copy;
    t->text = text;
    t->version++;
    resolve_rules(&t->props, &t->rules);
    return 0;
}

static int type_add(struct catalog *c, struct slice name, const struct bucket_props *props)
{
    struct type *t = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    int err = type_assign(c, t, props);
    if (err) {
        free(t);
        return err;
    }
    memory_charge(c->memory, t);
    t->name_len = name.len;
    memcpy(t->name, name.data, name.len);
    c->types[c->type_count++] = t;
    return 0;
}

int catalog_create_type(struct catalog *c, struct slice type, const struct bucket_props *props)
{
    struct bucket_props all;
    if (type.len == 0 || type.len > CATALOG_TYPE_NAME_MAX || slice_is(type, "any"))
        return E_INVALID;
    if (find_type(c, type))
        return E_EXISTS;
    if (c->type_count == CATALOG_TYPES_MAX)
        return E_TOO_MANY;
    if (!memory_has_room(c->memory, sizeof(struct type) + texts_size(props)))
        return E_FULL;
    props_defaults(true, &all);
    props_merge(&all, props);
    if (slice_is(all.datatype, "hll") && !props_has(&all, PROP_HLL_PRECISION)) {
        all.set |= PROP_BIT(PROP_HLL_PRECISION);
        all.hll_precision = HLL_PRECISION_DEFAULT;
    }
    return type_add(c, type, &all);
}

int catalog_get_type(const struct catalog *c, struct slice type, struct bucket_props *out)
{
    const struct type *t = find_type(c, type);
    if (!t)
        return E_NOT_FOUND;
    *out = t->props;
    return 0;
}

int catalog_set_type(struct catalog *c, struct slice type, const struct bucket_props *fields)
{
    struct type *t = find_type(c, type);
    if (!t)
        return E_NOT_FOUND;
    if (!memory_has_room(c->memory, texts_size(fields)))
        return E_FULL;
    struct bucket_props all = t->props;
    props_merge(&all, fields);
    return type_assign(c, t, &all);
}

void catalog_each_type(const struct catalog *c, void (*f)(void *arg, struct slice type), void *arg)
{
    for (size_t i = 0; i < c->type_count; i++)
        f(arg, slice_make(c->types[i]->name, c->types[i]->name_len));
}

/* --- overrides --- */

static uint64_t override_hash(const struct catalog *c, const struct type *t, struct slice bucket)
{
    struct hash_key k = {c->key.k0 ^ hash_bytes(&c->key, slice_make(t->name, t->name_len)), c->key.k1};
    return hash_bytes(&k, bucket);
}

static struct override *find_override(const struct catalog *c, const struct type *t, struct slice bucket)
{
    if (t->overrides == 0)
        return NULL;
    uint64_t hash = override_hash(c, t, bucket);
    struct override *o = c->slots[lhash_slot(&c->lhash, hash)];
    while (o && !(o->hash == hash && o->type == t && slice_eq(slice_make(o->name, o->name_len), bucket)))
        o = o->next;
    return o;
}

static void refresh(struct override *o)
{
    if (o->version == o->type->version)
        return;
    struct bucket_props all = o->type->props;
    props_merge(&all, &o->fields);
    resolve_rules(&all, &o->rules);
    o->version = o->type->version;
}

const struct bucket_rules *catalog_rules(const struct catalog *c, struct slice type, struct slice bucket)
{
    const struct type *t = find_type(c, type);
    if (!t)
        return NULL;
    struct override *o = find_override(c, t, bucket);
    if (!o)
        return &t->rules;
    refresh(o);
    return &o->rules;
}

int catalog_get_bucket(const struct catalog *c, struct slice type, struct slice bucket, struct bucket_props *out)
{
    const struct type *t = find_type(c, type);
    if (!t)
        return E_NOT_FOUND;
    *out = t->props;
    const struct override *o = find_override(c, t, bucket);
    if (o)
        props_merge(out, &o->fields);
    return 0;
}

/* Hangs one slot's chain where its entries belong now. */
static void rehang(struct catalog *c, size_t slot)
{
    struct override *o = c->slots[slot];
    c->slots[slot] = NULL;
    while (o) {
        struct override *next = o->next, **to = &c->slots[lhash_slot(&c->lhash, o->hash)];
        o->next = *to;
        *to = o;
        o = next;
    }
}

static int grow(struct catalog *c)
{
    size_t slots = lhash_slots(&c->lhash);
    if (c->override_count < slots)
        return 0;
    if (slots + 1 > c->slots_cap) {
        size_t cap = slots + slots / 8 + 16, old = memory_footprint(c->slots);
        struct override **p = realloc(c->slots, cap * sizeof(struct override *));
        if (!p)
            return E_NOMEM;
        memset(p + c->slots_cap, 0, (cap - c->slots_cap) * sizeof(struct override *));
        c->memory->used -= old;
        memory_charge(c->memory, p);
        c->slots = p;
        c->slots_cap = cap;
    }
    rehang(c, lhash_grow(&c->lhash));
    return 0;
}

static int override_add(struct catalog *c, struct type *t, struct slice bucket, const struct bucket_props *fields)
{
    struct override *o = calloc(1, sizeof *o + bucket.len);
    int err = o ? grow(c) : E_NOMEM;
    if (!err)
        err = props_copy(fields, &o->fields, &o->text);
    if (err) {
        free(o);
        return err;
    }
    o->type = t;
    o->hash = override_hash(c, t, bucket);
    o->name_len = bucket.len;
    if (bucket.len)
        memcpy(o->name, bucket.data, bucket.len);
    memory_charge(c->memory, o);
    memory_charge(c->memory, o->text);
    struct override **slot = &c->slots[lhash_slot(&c->lhash, o->hash)];
    o->next = *slot;
    *slot = o;
    c->override_count++;
    t->overrides++;
    refresh(o);
    return 0;
}

static int override_change(struct catalog *c, struct override *o, const struct bucket_props *fields)
{
    struct bucket_props all = o->fields;
    void *text;
    props_merge(&all, fields);
    int err = props_copy(&all, &all, &text);
    if (err)
        return err;
    free_charged(c, o->text);
    memory_charge(c->memory, text);
    o->fields = all;
    o->text = text;
    o->version = 0; /* of no type: they begin at 1 */
    return 0;
}

int catalog_set_bucket(struct catalog *c, struct slice type, struct slice bucket, const struct bucket_props *fields)
{
    struct type *t = find_type(c, type);
    if (!t)
        return E_NOT_FOUND;
    if (bucket.len > CATALOG_BUCKET_MAX)
        return E_INVALID;
    if (!memory_has_room(c->memory, sizeof(struct override) + bucket.len + texts_size(fields)))
        return E_FULL;
    struct override *o = find_override(c, t, bucket);
    if (o)
        return override_change(c, o, fields);
    return fields->set ? override_add(c, t, bucket, fields) : 0;
}

static void override_free(struct catalog *c, struct override *o)
{
    free_charged(c, o->text);
    free_charged(c, o);
}

static void shrink(struct catalog *c)
{
    size_t slots = lhash_slots(&c->lhash);
    if (slots == 1 || c->override_count > slots / 4)
        return;
    lhash_shrink(&c->lhash);
    rehang(c, slots - 1);
}

void catalog_reset_bucket(struct catalog *c, struct slice type, struct slice bucket)
{
    struct type *t = find_type(c, type);
    struct override *o = t ? find_override(c, t, bucket) : NULL;
    if (!o)
        return;
    struct override **link = &c->slots[lhash_slot(&c->lhash, o->hash)];
    while (*link != o)
        link = &(*link)->next;
    *link = o->next;
    t->overrides--;
    c->override_count--;
    override_free(c, o);
    shrink(c);
}

void catalog_each_override(const struct catalog *c, catalog_override_f f, void *arg)
{
    for (size_t i = 0; i < lhash_slots(&c->lhash); i++)
        for (const struct override *o = c->slots[i]; o; o = o->next)
            f(arg, slice_make(o->type->name, o->type == c->types[0] ? 0 : o->type->name_len),
              slice_make(o->name, o->name_len), &o->fields);
}

/* --- life --- */

int catalog_create(struct store_memory *memory, const struct hash_key *key, struct catalog **out)
{
    struct bucket_props defaults;
    struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return E_NOMEM;
    memory_charge(memory, c);
    c->memory = memory;
    c->key = *key;
    props_defaults(false, &defaults);
    c->slots = calloc(1, sizeof(struct override *));
    c->slots_cap = 1;
    memory_charge(memory, c->slots);
    int err = c->slots ? type_add(c, slice_str("default"), &defaults) : E_NOMEM;
    if (err) {
        catalog_destroy(&c);
        return err;
    }
    *out = c;
    return 0;
}

void catalog_destroy(struct catalog **cp)
{
    struct catalog *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    for (size_t i = 0; c->slots && i < lhash_slots(&c->lhash); i++)
        for (struct override *o = c->slots[i], *next; o; o = next) {
            next = o->next;
            override_free(c, o);
        }
    for (size_t i = 0; i < c->type_count; i++) {
        free_charged(c, c->types[i]->text);
        free_charged(c, c->types[i]);
    }
    free_charged(c, c->slots);
    memory_release(c->memory, c);
    free(c);
}
