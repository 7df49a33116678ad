/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: what a checker lets pass, a catalog takes; and its rules are what its properties say. Input: a script of
 * changes, one byte for what is done, one for where, then the properties. */
#include "fuzz.h"
#include "base/err.h"
#include "store/catalog.h"
#include "store/props_check.h"

#include <stdlib.h>

#define STEPS_MAX 64

static uint32_t choose_number(struct slice *in)
{
    static const uint32_t values[] = {0,
                                      1,
                                      3,
                                      4,
                                      14,
                                      16,
                                      17,
                                      PROPS_N_VAL_MAX,
                                      UINT32_MAX,
                                      PROPS_N_VAL_MAX + 1,
                                      QUORUM_ONE,
                                      QUORUM_QUORUM,
                                      QUORUM_ALL,
                                      QUORUM_DEFAULT,
                                      PROPS_TTL_MAX_S,
                                      PROPS_TTL_MAX_S + 1};
    uint8_t which = fuzz_byte(in);
    return which < 0x80 ? values[which % 16] : (uint32_t)fuzz_number(in, 4);
}

static bool choose_flag(struct slice *in)
{
    return fuzz_byte(in) & 1;
}

static struct slice choose_text(struct slice *in)
{
    static const char *const values[] = {"", "counter", "set", "gset", "map", "hll", "nosuch", "%s%n\"\n"};
    uint8_t which = fuzz_byte(in);
    return which >= 0x80   ? fuzz_take(in, which & 0x7f)
           : which == 0x7f ? slice_str(PROPS_TTL_FROM_CREATE)
                           : slice_str(values[which % 8]);
}

static struct mod_fun choose_modfun(struct slice *in)
{
    struct slice module = choose_text(in);
    return (struct mod_fun){module, choose_text(in)};
}

static struct commit_hooks choose_hooks(struct slice *in, struct commit_hook hooks[PROPS_HOOKS_MAX])
{
    size_t count = fuzz_byte(in) % (PROPS_HOOKS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        hooks[i] = (struct commit_hook){.has_modfun = choose_flag(in)};
        if (hooks[i].has_modfun)
            hooks[i].modfun = choose_modfun(in);
        hooks[i].name = choose_text(in);
    }
    return (struct commit_hooks){count, hooks};
}

struct chosen {
    struct bucket_props props;
    struct commit_hook precommit[PROPS_HOOKS_MAX], postcommit[PROPS_HOOKS_MAX];
};

static void choose_one(struct slice *in, enum bucket_prop p, struct chosen *c)
{
    struct bucket_props *out = &c->props;
    uint32_t *const numbers[PROP_COUNT] = {[PROP_N_VAL] = &out->n_val,
                                           [PROP_OLD_VCLOCK] = &out->old_vclock,
                                           [PROP_YOUNG_VCLOCK] = &out->young_vclock,
                                           [PROP_BIG_VCLOCK] = &out->big_vclock,
                                           [PROP_SMALL_VCLOCK] = &out->small_vclock,
                                           [PROP_PR] = &out->pr,
                                           [PROP_R] = &out->r,
                                           [PROP_W] = &out->w,
                                           [PROP_PW] = &out->pw,
                                           [PROP_DW] = &out->dw,
                                           [PROP_RW] = &out->rw,
                                           [PROP_REPL] = &out->repl,
                                           [PROP_HLL_PRECISION] = &out->hll_precision,
                                           [PROP_TTL] = &out->ttl_s,
                                           [PROP_NODE_CONFIRMS] = &out->node_confirms};
    bool *const flags[PROP_COUNT] = {[PROP_ALLOW_MULT] = &out->allow_mult,
                                     [PROP_LAST_WRITE_WINS] = &out->last_write_wins,
                                     [PROP_BASIC_QUORUM] = &out->basic_quorum,
                                     [PROP_NOTFOUND_OK] = &out->notfound_ok,
                                     [PROP_SEARCH] = &out->search,
                                     [PROP_CONSISTENT] = &out->consistent,
                                     [PROP_WRITE_ONCE] = &out->write_once,
                                     [PROP_DVV_ENABLED] = &out->dvv_enabled};
    struct slice *const texts[PROP_COUNT] = {[PROP_BACKEND] = &out->backend,
                                             [PROP_SEARCH_INDEX] = &out->search_index,
                                             [PROP_DATATYPE] = &out->datatype,
                                             [PROP_TTL_FROM] = &out->ttl_from,
                                             [PROP_SYNC_ON_WRITE] = &out->sync_on_write};
    if (numbers[p])
        *numbers[p] = choose_number(in);
    else if (flags[p])
        *flags[p] = choose_flag(in);
    else if (texts[p])
        *texts[p] = choose_text(in);
    else if (p == PROP_CHASH_KEYFUN)
        out->chash_keyfun = choose_modfun(in);
    else if (p == PROP_LINKFUN)
        out->linkfun = choose_modfun(in);
    else if (p == PROP_PRECOMMIT)
        out->precommit = choose_hooks(in, c->precommit);
    else
        out->postcommit = choose_hooks(in, c->postcommit);
    out->set |= PROP_BIT(p);
}

static void choose_props(struct slice *in, struct chosen *c)
{
    size_t count = fuzz_byte(in) % (PROP_COUNT + 1);
    *c = (struct chosen){0};
    while (count--)
        choose_one(in, (enum bucket_prop)(fuzz_byte(in) % PROP_COUNT), c);
}

/* A refusal has a text that fits and ends, whatever room there is. */
typedef bool (*checker)(const struct bucket_props *type, const struct bucket_props *fields, char *text, size_t size);

static bool check_type(const struct bucket_props *type, const struct bucket_props *fields, char *text, size_t size)
{
    (void)type;
    return props_check_type(fields, text, size);
}

static bool check_bucket(const struct bucket_props *type, const struct bucket_props *fields, char *text, size_t size)
{
    return props_check_bucket(type, false, fields, text, size);
}

static bool check_typed_bucket(const struct bucket_props *type, const struct bucket_props *fields, char *text,
                               size_t size)
{
    return props_check_bucket(type, true, fields, text, size);
}

static bool may_set(checker f, const struct bucket_props *type, const struct bucket_props *fields)
{
    static const size_t sizes[] = {1, 2, 7, 64, 300, 2048};
    bool first = false;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = malloc(sizes[i]);
        ASSERT(text);
        bool ok = f(type, fields, text, sizes[i]);
        ASSERT(ok || memchr(text, '\0', sizes[i]));
        ASSERT(i == 0 || ok == first);
        first = ok;
        free(text);
    }
    return first;
}

struct rig {
    struct store_memory memory;
    struct catalog *catalog;
};

static struct slice choose_name(struct slice *in, bool type)
{
    static const char *const names[] = {"", "a", "b", "c"};
    static const char *const types[] = {"", "t1", "t2", "default"};
    uint8_t which = fuzz_byte(in);
    if (which & 0x80)
        return fuzz_take(in, which & 0x7f);
    return slice_str(type ? types[which % 4] : names[which % 4]);
}

/* What the hot path reads is what the properties say. */
static void check_rules(const struct rig *r, struct slice type, struct slice bucket)
{
    struct bucket_props p;
    const struct bucket_rules *rules = catalog_rules(r->catalog, type, bucket);
    int err = catalog_get_bucket(r->catalog, type, bucket, &p);
    ASSERT((err == 0) == (rules != NULL) && (err == 0) == catalog_has_type(r->catalog, type));
    if (err)
        return;
    ASSERT(rules->n_val == p.n_val && rules->ttl_s == (props_has(&p, PROP_TTL) ? p.ttl_s : 0));
    ASSERT(rules->ttl_from_create == slice_is(p.ttl_from, "create"));
    ASSERT(rules->r == p.r && rules->pr == p.pr && rules->w == p.w && rules->pw == p.pw);
    ASSERT(rules->dw == p.dw && rules->rw == p.rw && rules->notfound_ok == p.notfound_ok);
    ASSERT(rules->allow_mult == p.allow_mult && rules->last_write_wins == p.last_write_wins);
    ASSERT(rules->write_once == p.write_once && (rules->datatype != DATATYPE_NONE) <= props_has(&p, PROP_DATATYPE));
    ASSERT(rules->n_val >= 1 && rules->n_val <= PROPS_N_VAL_MAX && rules->ttl_s <= PROPS_TTL_MAX_S);
}

static void create_type(struct rig *r, struct slice type, const struct bucket_props *props)
{
    if (may_set(check_type, NULL, props)) {
        int err = catalog_create_type(r->catalog, type, props);
        ASSERT(err == 0 || err == E_EXISTS || err == E_INVALID || err == E_FULL);
    }
}

static void set_type(struct rig *r, struct slice type, const struct bucket_props *fields)
{
    struct bucket_props now;
    if (catalog_get_type(r->catalog, type, &now) == 0 && may_set(props_check_type_update, &now, fields)) {
        int err = catalog_set_type(r->catalog, type, fields);
        ASSERT(err == 0 || err == E_FULL);
    }
}

static void set_bucket(struct rig *r, struct slice type, struct slice bucket, const struct bucket_props *fields)
{
    struct bucket_props now;
    bool typed = type.len && !slice_is(type, "default");
    if (catalog_get_type(r->catalog, type, &now) == 0 &&
        may_set(typed ? check_typed_bucket : check_bucket, &now, fields)) {
        int err = catalog_set_bucket(r->catalog, type, bucket, fields);
        ASSERT(err == 0 || err == E_FULL);
    }
}

static void step(struct rig *r, struct slice *in)
{
    struct chosen c;
    uint8_t op = fuzz_byte(in);
    struct slice type = choose_name(in, true), bucket = choose_name(in, false);
    choose_props(in, &c);
    switch (op % 4) {
    case 0:
        create_type(r, type, &c.props);
        break;
    case 1:
        set_type(r, type, &c.props);
        break;
    case 2:
        set_bucket(r, type, bucket, &c.props);
        break;
    case 3:
        catalog_reset_bucket(r->catalog, type, bucket);
        break;
    }
    check_rules(r, type, bucket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hash_key key = {1, 2};
    struct slice in = slice_make(data, size);
    struct rig r = {.memory = {0, (size_t)64 * 1024}};
    ASSERT(catalog_create(&r.memory, &key, &r.catalog) == 0);
    for (int i = 0; i < STEPS_MAX && in.len; i++)
        step(&r, &in);
    ASSERT(r.memory.used <= r.memory.limit + 16 * 1024); /* one entry may pass it */
    catalog_destroy(&r.catalog);
    ASSERT(r.memory.used == 0);
    return 0;
}
