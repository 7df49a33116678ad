/* SPDX-License-Identifier: Apache-2.0 */
#include "store/props_check.h"

#include <stdarg.h>
#include <stdio.h>

/* A text that is cut where it does not fit. */
struct text {
    char *at;
    size_t size, len;
};

/* The list of violations as Riak prints it: [{a,b},{c,d}] with a long reason on a line of its own. Behind it stands
 * what it does not say: which values the property takes. */
struct violations {
    struct text list, advice;
    size_t count;
    char advice_bytes[1024];
};

static void put(struct text *t, const char *format, va_list args)
{
    if (t->len < t->size) {
        int n = vsnprintf(t->at + t->len, t->size - t->len, format, args);
        t->len += n > 0 ? (size_t)n : 0;
    }
}

static void say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(t, format, args);
    va_end(args);
}

static void advise(struct violations *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void advise(struct violations *v, const char *format, ...)
{
    va_list args;
    say(&v->advice, "%s", v->advice.len ? "; " : "");
    va_start(args, format);
    put(&v->advice, format, args);
    va_end(args);
}

static void violations_init(struct violations *v, char *text, size_t size)
{
    *v = (struct violations){.list = {text, size, 0}};
    v->advice = (struct text){v->advice_bytes, sizeof v->advice_bytes, 0};
}

static void begin(struct violations *v, const char *prop)
{
    say(&v->list, "%s{%s,", v->count++ ? ",\n " : "[", prop);
}

static void violate(struct violations *v, const char *prop, const char *reason)
{
    begin(v, prop);
    say(&v->list, "%s}", reason);
}

/* Erlang's printer breaks the line before a text that does not fit behind the name. */
#define ERLANG_INDENT "\n                                "

static void violate_text(struct violations *v, const char *prop, bool breaks, const char *reason)
{
    begin(v, prop);
    say(&v->list, "%s\"%s\"}", breaks ? ERLANG_INDENT : "", reason);
}

static bool finish(struct violations *v)
{
    if (v->count)
        say(&v->list, "]%s%s", v->advice.len ? ": " : "", v->advice_bytes);
    return v->count == 0;
}

static bool is_quorum(uint32_t q, bool zero_too)
{
    return q != UINT32_MAX && q != QUORUM_DEFAULT && (q > 0 || zero_too);
}

/* Riak's word for 0 is "not_integer". */
static void check_number(struct violations *v, const struct bucket_props *f, enum bucket_prop p, uint32_t value,
                         uint32_t max, const char *name)
{
    if (!props_has(f, p) || (value > 0 && value <= max))
        return;
    violate(v, name, value ? "too_large" : "not_integer");
    advise(v, "%s is a whole number from 1 to %u, not %u", name, max, value);
}

static void check_quorum(struct violations *v, const struct bucket_props *f, enum bucket_prop p, uint32_t value,
                         bool zero_too, const char *name)
{
    if (!props_has(f, p) || is_quorum(value, zero_too))
        return;
    violate(v, name, "not_valid_quorum");
    advise(v, "%s is one, quorum, all, or a number of replicas from %d on, not %u", name, zero_too ? 0 : 1, value);
}

/* Texts are kept in the memory of every node, and sent with every answer. */
static void check_length(struct violations *v, const char *name, const char *what, size_t len)
{
    if (len <= PROPS_TEXT_MAX)
        return;
    violate(v, name, "too_long");
    advise(v, "%s%s has %zu bytes, and at most %d are taken", what, name, len, PROPS_TEXT_MAX);
}

static void check_function(struct violations *v, const char *name, const struct mod_fun *f)
{
    check_length(v, name, "the module of ", f->module.len);
    check_length(v, name, "the function of ", f->function.len);
}

static void check_hooks(struct violations *v, const struct bucket_props *f, enum bucket_prop p,
                        const struct commit_hooks *hooks, const char *name)
{
    for (size_t i = 0; props_has(f, p) && i < hooks->count; i++) {
        check_function(v, name, &hooks->hook[i].modfun);
        check_length(v, name, "a name of ", hooks->hook[i].name.len);
    }
}

static void check_texts(struct violations *v, const struct bucket_props *f)
{
    if (props_has(f, PROP_BACKEND))
        check_length(v, "backend", "", f->backend.len);
    if (props_has(f, PROP_SEARCH_INDEX))
        check_length(v, "search_index", "", f->search_index.len);
    if (props_has(f, PROP_DATATYPE))
        check_length(v, "datatype", "", f->datatype.len);
    if (props_has(f, PROP_SYNC_ON_WRITE))
        check_length(v, "sync_on_write", "", f->sync_on_write.len);
    if (props_has(f, PROP_CHASH_KEYFUN))
        check_function(v, "chash_keyfun", &f->chash_keyfun);
    if (props_has(f, PROP_LINKFUN))
        check_function(v, "linkfun", &f->linkfun);
    check_hooks(v, f, PROP_PRECOMMIT, &f->precommit, "precommit");
    check_hooks(v, f, PROP_POSTCOMMIT, &f->postcommit, "postcommit");
}

static void check_values(struct violations *v, const struct bucket_props *f)
{
    check_number(v, f, PROP_N_VAL, f->n_val, PROPS_N_VAL_MAX, "n_val");
    check_quorum(v, f, PROP_R, f->r, false, "r");
    check_quorum(v, f, PROP_W, f->w, false, "w");
    check_quorum(v, f, PROP_RW, f->rw, false, "rw");
    check_quorum(v, f, PROP_PR, f->pr, true, "pr");
    check_quorum(v, f, PROP_PW, f->pw, true, "pw");
    check_quorum(v, f, PROP_DW, f->dw, true, "dw");
    check_number(v, f, PROP_OLD_VCLOCK, f->old_vclock, UINT32_MAX, "old_vclock");
    check_number(v, f, PROP_SMALL_VCLOCK, f->small_vclock, UINT32_MAX, "small_vclock");
    check_number(v, f, PROP_BIG_VCLOCK, f->big_vclock, UINT32_MAX, "big_vclock");
    if (props_has(f, PROP_TTL) && f->ttl_s > PROPS_TTL_MAX_S) {
        violate(v, "ttl", "too_large");
        advise(v, "ttl is a number of seconds up to %u, not %u; 0: for ever", PROPS_TTL_MAX_S, f->ttl_s);
    }
    if (props_has(f, PROP_TTL_FROM) && !slice_is(f->ttl_from, PROPS_TTL_FROM_WRITE) &&
        !slice_is(f->ttl_from, PROPS_TTL_FROM_CREATE)) {
        violate(v, "ttl_from", "not_valid");
        advise(v, "ttl_from is write, the default, or create: ttl counts from a key's last write, or from its first");
    }
    check_texts(v, f);
}

static void only_at_creation(struct violations *v, const char *name)
{
    advise(v, "%s is given when a bucket type is created, and stays", name);
}

static bool sets(const struct bucket_props *f, enum bucket_prop p, bool value)
{
    return props_has(f, p) && value;
}

static void check_precision(struct violations *v, const struct bucket_props *f, uint32_t now)
{
    if (!props_has(f, PROP_HLL_PRECISION) ||
        (f->hll_precision >= 4 && f->hll_precision <= 16 && f->hll_precision <= now))
        return;
    begin(v, "hll_precision");
    say(&v->list,
        ERLANG_INDENT "\"%u not supported for Hyperloglog precision property for bucket type. Precision must be an "
                      "integer between 4 and 16, inclusive (3 < p < 17) and precision can be reduced but never "
                      "increased after initial setting\"}",
        f->hll_precision);
}

static void check_datatype(struct violations *v, const struct bucket_props *type, const struct bucket_props *f)
{
    if (!props_has(f, PROP_DATATYPE))
        return;
    if (!props_has(type, PROP_DATATYPE)) {
        violate_text(v, "datatype", false, "`datatype` must not be defined.");
        only_at_creation(v, "datatype");
    } else if (!slice_eq(type->datatype, f->datatype)) {
        begin(v, "datatype");
        say(&v->list, "\"%.*s not supported for bucket datatype property\"}",
            (int)(f->datatype.len < 64 ? f->datatype.len : 64), (const char *)f->datatype.data);
    }
}

/* Whether last_write_wins comes together with dvv_enabled, which a type has unless it says otherwise. */
static bool wins_with_dvv(const struct bucket_props *type, const struct bucket_props *f)
{
    bool given = props_has(f, PROP_DVV_ENABLED) || props_has(f, PROP_LAST_WRITE_WINS);
    struct bucket_props merged = *type;
    props_merge(&merged, f);
    return given && merged.last_write_wins && (!props_has(&merged, PROP_DVV_ENABLED) || merged.dvv_enabled);
}

/* What holds for every bucket and update of a type that an operator created. */
static void check_typed(struct violations *v, const struct bucket_props *type, const struct bucket_props *f)
{
    bool is_datatype = props_has(type, PROP_DATATYPE);
    if (sets(f, PROP_CONSISTENT, f->consistent) && !type->consistent) /* Riak's text, whatever the type is */
        violate_text(v, "consistent", true, "Write once buckets must not be consistent=true");
    else if (props_has(f, PROP_CONSISTENT) && f->consistent != type->consistent)
        violate_text(v, "consistent", false, "cannot update consistent property");
    if (props_has(f, PROP_CONSISTENT) && f->consistent != type->consistent)
        only_at_creation(v, "consistent");
    if (sets(f, PROP_WRITE_ONCE, f->write_once) && !type->write_once) {
        violate_text(v, "write_once", true, "Cannot set existing bucket type to `write_once`");
        only_at_creation(v, "write_once");
    }
    check_datatype(v, type, f);
    if (is_datatype && props_has(f, PROP_ALLOW_MULT) && !f->allow_mult)
        violate_text(v, "allow_mult", true, "Data Type buckets must be allow_mult=true");
    if (wins_with_dvv(type, f))
        violate_text(v, "dvv_enabled", true, "If last_write_wins is true, dvv_enabled must be false");
    if (is_datatype && slice_is(type->datatype, "hll"))
        check_precision(v, f, type->hll_precision);
}

bool props_check_bucket(const struct bucket_props *now, bool typed, const struct bucket_props *fields, char *text,
                        size_t size)
{
    struct violations v;
    violations_init(&v, text, size);
    check_values(&v, fields);
    if (typed) {
        check_typed(&v, now, fields);
        return finish(&v);
    }
    if (sets(fields, PROP_CONSISTENT, fields->consistent)) {
        violate_text(&v, "consistent", false, "cannot update consistent property");
        only_at_creation(&v, "consistent");
    }
    if (sets(fields, PROP_WRITE_ONCE, fields->write_once)) {
        violate_text(&v, "write_once", false, "cannot update write_once property");
        only_at_creation(&v, "write_once");
    }
    return finish(&v);
}

bool props_check_type_update(const struct bucket_props *type, const struct bucket_props *fields, char *text,
                             size_t size)
{
    return props_check_bucket(type, true, fields, text, size);
}

static bool is_known_datatype(struct slice s)
{
    static const char *const known[] = {"counter", "set", "gset", "map", "hll"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (slice_is(s, known[i]))
            return true;
    return false;
}

bool props_check_type(const struct bucket_props *fields, char *text, size_t size)
{
    struct violations v;
    violations_init(&v, text, size);
    check_values(&v, fields);
    if (props_has(fields, PROP_DATATYPE)) {
        if (!is_known_datatype(fields->datatype))
            violate_text(&v, "datatype", false, "must be one of counter, set, gset, map, hll");
        if (props_has(fields, PROP_ALLOW_MULT) && !fields->allow_mult)
            violate_text(&v, "allow_mult", true, "Data Type buckets must be allow_mult=true");
        if (sets(fields, PROP_WRITE_ONCE, fields->write_once))
            violate_text(&v, "write_once", true, "Write once buckets must not have datatype defined");
    }
    if (sets(fields, PROP_WRITE_ONCE, fields->write_once) && sets(fields, PROP_CONSISTENT, fields->consistent))
        violate_text(&v, "consistent", true, "Write once buckets must not be consistent=true");
    check_precision(&v, fields, 16);
    return finish(&v);
}
