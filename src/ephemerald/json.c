/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/json.h"

#include "base/err.h"
#include "store/catalog.h"
#include "store/props_check.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#define USER_NAME_MAX 255

struct reader {
    char *why;
    size_t why_size;
};

static int fail(const struct reader *r, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(const struct reader *r, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, r->why_size, format, args);
    va_end(args);
    return err;
}

static int parse(const struct reader *r, const char *text, json_t **out)
{
    json_error_t e;
    text += slice_bom_size(slice_str(text));
    size_t len = strlen(text);
    if (len > JSON_TEXT_MAX)
        return fail(r, E_TOO_LARGE, "JSON of %zu bytes: at most %zu are read", len, JSON_TEXT_MAX);
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!*out)
        return fail(r, E_MALFORMED, "not valid JSON: %s (line %d, column %d)", e.text, e.line, e.column);
    return 0;
}

/* --- users --- */

#define USER_EXAMPLE "{\"name\":\"myUser\",\"auth_mode\":\"certificate\"}"

static int check_user_keys(const struct reader *r, json_t *user)
{
    const char *key;
    json_t *value;
    json_object_foreach(user, key, value)
    {
        if (strcmp(key, "name") != 0 && strcmp(key, "auth_mode") != 0)
            return fail(r, E_INVALID, "a user has the unknown key \"%.64s\": name and auth_mode are known", key);
    }
    return 0;
}

static int check_name(const struct reader *r, const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > USER_NAME_MAX)
        return fail(r, E_INVALID, "a user needs a \"name\" of 1 to %d bytes", USER_NAME_MAX);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return fail(r, E_INVALID, "a user's name holds a blank or a control character: \"%.64s\"", name);
    return 0;
}

static int add_user(struct config *c, const struct reader *r, json_t *user)
{
    if (!json_is_object(user))
        return fail(r, E_INVALID, "a user must be an object like " USER_EXAMPLE);
    const char *name = json_string_value(json_object_get(user, "name"));
    const json_t *mode = json_object_get(user, "auth_mode");
    int err = check_user_keys(r, user);
    if (!err)
        err = check_name(r, name);
    if (err)
        return err;
    if (mode && !json_is_string(mode))
        return fail(r, E_INVALID, "auth_mode of user \"%.64s\" must be a text", name);
    if (mode && strcmp(json_string_value(mode), "certificate") != 0)
        return fail(r, E_UNSUPPORTED, "auth_mode \"%.64s\" of user \"%.64s\" is not served: only \"certificate\" is",
                    json_string_value(mode), name);
    if (c->user_count == CONFIG_USERS_MAX)
        return fail(r, E_TOO_MANY, "more than %d users", CONFIG_USERS_MAX);
    c->user_names[c->user_count] = strdup(name);
    return c->user_names[c->user_count++] ? 0 : fail(r, E_NOMEM, "%s", err_text(E_NOMEM));
}

static void add_example(const struct reader *r)
{
    size_t len = strlen(r->why);
    snprintf(r->why + len, r->why_size - len, ": give " USER_EXAMPLE ", or an array of such");
}

int json_read_users(struct config *c, const char *text, char *why, size_t why_size)
{
    struct reader r = {why, why_size};
    json_t *root;
    int err = parse(&r, text, &root);
    if (err == E_MALFORMED)
        add_example(&r);
    if (err)
        return err;
    if (!json_is_array(root))
        err = add_user(c, &r, root);
    for (size_t i = 0; !err && i < json_array_size(root); i++)
        err = add_user(c, &r, json_array_get(root, i));
    if (!err && c->user_count == 0)
        err = fail(&r, E_INVALID, "an empty array: nobody could connect");
    json_decref(root);
    return err;
}

/* --- bucket types --- */

enum kind { KIND_FLAG, KIND_NUMBER, KIND_QUORUM, KIND_TEXT };

struct property {
    const char *name;
    enum bucket_prop prop;
    enum kind kind;
    size_t offset; /* of its field */
};

#define FIELD(f) offsetof(struct bucket_props, f)

static const struct property properties[] = {
    {"n_val", PROP_N_VAL, KIND_NUMBER, FIELD(n_val)},
    {"allow_mult", PROP_ALLOW_MULT, KIND_FLAG, FIELD(allow_mult)},
    {"last_write_wins", PROP_LAST_WRITE_WINS, KIND_FLAG, FIELD(last_write_wins)},
    {"old_vclock", PROP_OLD_VCLOCK, KIND_NUMBER, FIELD(old_vclock)},
    {"young_vclock", PROP_YOUNG_VCLOCK, KIND_NUMBER, FIELD(young_vclock)},
    {"big_vclock", PROP_BIG_VCLOCK, KIND_NUMBER, FIELD(big_vclock)},
    {"small_vclock", PROP_SMALL_VCLOCK, KIND_NUMBER, FIELD(small_vclock)},
    {"pr", PROP_PR, KIND_QUORUM, FIELD(pr)},
    {"r", PROP_R, KIND_QUORUM, FIELD(r)},
    {"w", PROP_W, KIND_QUORUM, FIELD(w)},
    {"pw", PROP_PW, KIND_QUORUM, FIELD(pw)},
    {"dw", PROP_DW, KIND_QUORUM, FIELD(dw)},
    {"rw", PROP_RW, KIND_QUORUM, FIELD(rw)},
    {"basic_quorum", PROP_BASIC_QUORUM, KIND_FLAG, FIELD(basic_quorum)},
    {"notfound_ok", PROP_NOTFOUND_OK, KIND_FLAG, FIELD(notfound_ok)},
    {"backend", PROP_BACKEND, KIND_TEXT, FIELD(backend)},
    {"search", PROP_SEARCH, KIND_FLAG, FIELD(search)},
    {"search_index", PROP_SEARCH_INDEX, KIND_TEXT, FIELD(search_index)},
    {"datatype", PROP_DATATYPE, KIND_TEXT, FIELD(datatype)},
    {"consistent", PROP_CONSISTENT, KIND_FLAG, FIELD(consistent)},
    {"write_once", PROP_WRITE_ONCE, KIND_FLAG, FIELD(write_once)},
    {"hll_precision", PROP_HLL_PRECISION, KIND_NUMBER, FIELD(hll_precision)},
    {"ttl", PROP_TTL, KIND_NUMBER, FIELD(ttl_s)},
    {"ttl_from", PROP_TTL_FROM, KIND_TEXT, FIELD(ttl_from)},
    {"dvv_enabled", PROP_DVV_ENABLED, KIND_FLAG, FIELD(dvv_enabled)},
    {"node_confirms", PROP_NODE_CONFIRMS, KIND_NUMBER, FIELD(node_confirms)},
    {"sync_on_write", PROP_SYNC_ON_WRITE, KIND_TEXT, FIELD(sync_on_write)},
};

struct quorum_word {
    const char *name;
    uint32_t value;
};

static const struct quorum_word quorum_words[] = {{"one", QUORUM_ONE}, {"quorum", QUORUM_QUORUM}, {"all", QUORUM_ALL}};

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if (strcmp(properties[i].name, name) == 0)
            return &properties[i];
    return NULL;
}

static bool read_word(const json_t *value, uint32_t *out)
{
    const char *word = json_string_value(value);
    for (size_t i = 0; word && i < sizeof quorum_words / sizeof quorum_words[0]; i++)
        if (strcmp(quorum_words[i].name, word) == 0) {
            *out = quorum_words[i].value;
            return true;
        }
    return false;
}

static bool read_number(const json_t *value, uint32_t *out)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_value(const struct property *p, const json_t *value, struct bucket_props *out)
{
    void *field = (char *)out + p->offset;
    const char *text = json_string_value(value);
    out->set |= PROP_BIT(p->prop);
    switch (p->kind) {
    case KIND_FLAG:
        *(bool *)field = json_is_true(value);
        return json_is_boolean(value);
    case KIND_QUORUM:
        return read_word(value, field) || read_number(value, field);
    case KIND_NUMBER:
        return read_number(value, field);
    case KIND_TEXT:
        if (text && strlen(text) <= PROPS_TEXT_MAX)
            *(struct slice *)field = slice_str(text);
        return text && strlen(text) <= PROPS_TEXT_MAX;
    }
    return false;
}

static int read_props(const struct reader *r, const char *type, json_t *object, struct bucket_props *out)
{
    static const char *const wanted[] = {"true or false", "a whole number below 2^32",
                                         "a whole number, or one, quorum, all", "a text of at most 1024 bytes"};
    _Static_assert(PROPS_TEXT_MAX == 1024, "stands in the text above");
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const struct property *p = find_property(key);
        if (!p)
            return fail(r, E_INVALID, "bucket type \"%.64s\": unknown property \"%.64s\"", type, key);
        if (!read_value(p, value, out))
            return fail(r, E_INVALID, "bucket type \"%.64s\": property \"%s\" must be %s", type, key, wanted[p->kind]);
    }
    return 0;
}

static int read_type(struct config *c, const struct reader *r, const char *name, json_t *object)
{
    char text[512];
    size_t len = strlen(name);
    json_t *inner = json_object_get(object, "props");
    struct config_bucket_type *t = &c->bucket_types[c->bucket_type_count];
    if (len == 0 || len > CATALOG_TYPE_NAME_MAX || !strcmp(name, "default") || !strcmp(name, "any"))
        return fail(r, E_INVALID,
                    "bucket type \"%.64s\": a name has 1 to %d bytes, and \"default\" and \"any\" are reserved", name,
                    CATALOG_TYPE_NAME_MAX);
    if (!json_is_object(object) || (inner && (!json_is_object(inner) || json_object_size(object) != 1)))
        return fail(r, E_INVALID, "bucket type \"%.64s\": its properties must be an object, like {\"ttl\":30}", name);
    if (c->bucket_type_count == CONFIG_TYPES_MAX)
        return fail(r, E_TOO_MANY, "more than %d bucket types", CONFIG_TYPES_MAX);
    int err = read_props(r, name, inner ? inner : object, &t->props);
    if (err)
        return err;
    if (!props_check_type(&t->props, text, sizeof text))
        return fail(r, E_INVALID, "bucket type \"%.64s\": invalid properties: %s", name, text);
    t->name = strdup(name);
    c->bucket_type_count += t->name != NULL;
    return t->name ? 0 : fail(r, E_NOMEM, "%s", err_text(E_NOMEM));
}

int json_read_types(struct config *c, const char *text, char *why, size_t why_size)
{
    struct reader r = {why, why_size};
    json_t *root, *value;
    const char *key;
    int err = parse(&r, text, &root);
    if (err)
        return err;
    c->json = root;
    if (!json_is_object(root))
        return fail(&r, E_INVALID, "must be an object of bucket types, like {\"short\":{\"ttl\":30}}");
    json_object_foreach(root, key, value)
    {
        err = read_type(c, &r, key, value);
        if (err)
            return err;
    }
    return 0;
}

void json_free(struct config *c)
{
    json_decref(c->json);
    c->json = NULL;
}
