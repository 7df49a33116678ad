/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "base/zigzag.h"
#include "store/props.h"
#include "wire/frame.h"

#include <ctype.h>
#include <riak.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE(NAME, CODE, LOWER)                                                                                     \
    {                                                                                                                  \
        NAME, CODE, &LOWER##__descriptor                                                                               \
    }

/* Messages without a body are not in the schema. */
static const struct {
    const char *name;
    int code;
    const ProtobufCMessageDescriptor *message;
} messages[] = {
    MESSAGE("RpbErrorResp", MSG_ERROR_RESP, rpb_error_resp),
    {"RpbPingReq", MSG_PING_REQ, NULL},
    {"RpbPingResp", MSG_PING_RESP, NULL},
    {"RpbGetClientIdReq", MSG_GET_CLIENT_ID_REQ, NULL},
    MESSAGE("RpbGetClientIdResp", MSG_GET_CLIENT_ID_RESP, rpb_get_client_id_resp),
    MESSAGE("RpbSetClientIdReq", MSG_SET_CLIENT_ID_REQ, rpb_set_client_id_req),
    {"RpbSetClientIdResp", MSG_SET_CLIENT_ID_RESP, NULL},
    {"RpbGetServerInfoReq", MSG_GET_SERVER_INFO_REQ, NULL},
    MESSAGE("RpbGetServerInfoResp", MSG_GET_SERVER_INFO_RESP, rpb_get_server_info_resp),
    MESSAGE("RpbGetReq", MSG_GET_REQ, rpb_get_req),
    MESSAGE("RpbGetResp", MSG_GET_RESP, rpb_get_resp),
    MESSAGE("RpbPutReq", MSG_PUT_REQ, rpb_put_req),
    MESSAGE("RpbPutResp", MSG_PUT_RESP, rpb_put_resp),
    MESSAGE("RpbDelReq", MSG_DEL_REQ, rpb_del_req),
    {"RpbDelResp", MSG_DEL_RESP, NULL},
    MESSAGE("RpbListBucketsReq", MSG_LIST_BUCKETS_REQ, rpb_list_buckets_req),
    MESSAGE("RpbListBucketsResp", MSG_LIST_BUCKETS_RESP, rpb_list_buckets_resp),
    MESSAGE("RpbListKeysReq", MSG_LIST_KEYS_REQ, rpb_list_keys_req),
    MESSAGE("RpbListKeysResp", MSG_LIST_KEYS_RESP, rpb_list_keys_resp),
    MESSAGE("RpbGetBucketReq", MSG_GET_BUCKET_REQ, rpb_get_bucket_req),
    MESSAGE("RpbGetBucketResp", MSG_GET_BUCKET_RESP, rpb_get_bucket_resp),
    MESSAGE("RpbSetBucketReq", MSG_SET_BUCKET_REQ, rpb_set_bucket_req),
    {"RpbSetBucketResp", MSG_SET_BUCKET_RESP, NULL},
    MESSAGE("RpbMapRedReq", MSG_MAPRED_REQ, rpb_map_red_req),
    MESSAGE("RpbMapRedResp", MSG_MAPRED_RESP, rpb_map_red_resp),
    MESSAGE("RpbIndexReq", MSG_INDEX_REQ, rpb_index_req),
    MESSAGE("RpbIndexResp", MSG_INDEX_RESP, rpb_index_resp),
    MESSAGE("RpbResetBucketReq", MSG_RESET_BUCKET_REQ, rpb_reset_bucket_req),
    {"RpbResetBucketResp", MSG_RESET_BUCKET_RESP, NULL},
    MESSAGE("RpbGetBucketTypeReq", MSG_GET_BUCKET_TYPE_REQ, rpb_get_bucket_type_req),
    MESSAGE("RpbSetBucketTypeReq", MSG_SET_BUCKET_TYPE_REQ, rpb_set_bucket_type_req),
    MESSAGE("RpbGetBucketKeyPreflistReq", MSG_PREFLIST_REQ, rpb_get_bucket_key_preflist_req),
    MESSAGE("RpbGetBucketKeyPreflistResp", MSG_PREFLIST_RESP, rpb_get_bucket_key_preflist_resp),
    MESSAGE("RpbCounterUpdateReq", MSG_COUNTER_UPDATE_REQ, rpb_counter_update_req),
    MESSAGE("RpbCounterUpdateResp", MSG_COUNTER_UPDATE_RESP, rpb_counter_update_resp),
    MESSAGE("RpbCounterGetReq", MSG_COUNTER_GET_REQ, rpb_counter_get_req),
    MESSAGE("RpbCounterGetResp", MSG_COUNTER_GET_RESP, rpb_counter_get_resp),
    MESSAGE("DtFetchReq", MSG_DT_FETCH_REQ, dt_fetch_req),
    MESSAGE("DtFetchResp", MSG_DT_FETCH_RESP, dt_fetch_resp),
    MESSAGE("DtUpdateReq", MSG_DT_UPDATE_REQ, dt_update_req),
    MESSAGE("DtUpdateResp", MSG_DT_UPDATE_RESP, dt_update_resp),
    MESSAGE("RpbAuthReq", MSG_AUTH_REQ, rpb_auth_req),
    {"RpbAuthResp", MSG_AUTH_RESP, NULL},
    {"RpbStartTls", MSG_START_TLS, NULL},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct reader {
    struct arena *arena;
    const char *p;
    const char *why; /* set once something is wrong */
};

static bool fail(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

static void *take_memory(struct reader *r, size_t n)
{
    void *p = arena_alloc(r->arena, n);
    if (!p)
        abort(); /* the arena of a transcript is large */
    return memset(p, 0, n);
}

static void skip_blanks(struct reader *r)
{
    while (isspace((unsigned char)*r->p))
        r->p++;
}

static bool skip_sign(struct reader *r, const char *sign)
{
    skip_blanks(r);
    size_t n = strlen(sign);
    if (strncmp(r->p, sign, n) != 0)
        return false;
    r->p += n;
    return true;
}

static struct slice take_word(struct reader *r)
{
    skip_blanks(r);
    const char *from = r->p;
    while (isalnum((unsigned char)*r->p) || *r->p == '_')
        r->p++;
    return slice_make(from, (size_t)(r->p - from));
}

static bool skip_word(struct reader *r, const char *word)
{
    const char *from = r->p;
    if (slice_is(take_word(r), word))
        return true;
    r->p = from;
    return false;
}

static uint64_t take_number(struct reader *r)
{
    char *end;
    skip_blanks(r);
    bool negative = *r->p == '-';
    uint64_t n = strtoull(r->p + negative, &end, 10);
    if (end == r->p + negative)
        fail(r, "a number is missing");
    r->p = end;
    return negative ? 0 - n : n;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10 : -1;
}

static uint8_t take_escaped(struct reader *r)
{
    char c = *r->p++;
    if (c == 'x') {
        int high = hex_digit(r->p[0]), low = high < 0 ? -1 : hex_digit(r->p[1]);
        if (low < 0) {
            fail(r, "\\x wants two digits");
            return 0;
        }
        r->p += 2;
        return (uint8_t)(high * 16 + low);
    }
    if (c != 'n' && c != 't' && c != '"' && c != '\\')
        fail(r, "no such escape");
    return (uint8_t)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
}

/* After the first quote. */
static struct slice take_string(struct reader *r)
{
    uint8_t *out = take_memory(r, strlen(r->p) + 1);
    size_t n = 0;
    while (*r->p && *r->p != '"' && !r->why) {
        char c = *r->p++;
        out[n++] = c == '\\' ? take_escaped(r) : (uint8_t)c;
    }
    if (!skip_sign(r, "\""))
        fail(r, "a text has no end");
    return slice_make(out, n);
}

static struct slice take_regex(struct reader *r)
{
    const char *from = r->p;
    while (*r->p && *r->p != '/')
        r->p += *r->p == '\\' ? 2 : 1;
    struct slice text = slice_make(from, (size_t)(r->p - from));
    if (!skip_sign(r, "/"))
        fail(r, "a regular expression has no end");
    return text;
}

static struct slice repeat(struct reader *r, struct slice s, uint64_t times)
{
    uint8_t *out = take_memory(r, s.len * times + 1);
    for (uint64_t i = 0; i < times; i++)
        memcpy(out + i * s.len, s.data, s.len);
    return slice_make(out, s.len * times);
}

/* Each %d as a number. */
static struct slice numbered(struct reader *r, struct slice s, uint64_t number)
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number), len = 0;
    uint8_t *out = take_memory(r, s.len * (n + 1) + 1);
    for (size_t i = 0; i < s.len; i++) {
        if (i + 1 < s.len && s.data[i] == '%' && s.data[i + 1] == 'd') {
            memcpy(out + len, digits, n);
            len += n;
            i++;
        } else {
            out[len++] = s.data[i];
        }
    }
    return slice_make(out, len);
}

static bool enum_value(struct slice word, uint64_t *out)
{
    static const ProtobufCEnumDescriptor *const enums[] = {
        &dt_fetch_resp__data_type__descriptor, &map_field__map_field_type__descriptor, &map_update__flag_op__descriptor,
        &rpb_index_req__index_query_type__descriptor, &rpb_bucket_props__rpb_repl_mode__descriptor};
    for (size_t i = 0; i < COUNT(enums); i++)
        for (unsigned v = 0; v < enums[i]->n_values; v++)
            if (slice_is(word, enums[i]->values[v].name)) {
                *out = (uint64_t)enums[i]->values[v].value;
                return true;
            }
    return false;
}

static void take_named_value(struct reader *r, struct field *f)
{
    static const struct {
        const char *word;
        uint64_t value;
    } words[] = {{"one", QUORUM_ONE}, {"quorum", QUORUM_QUORUM},
                 {"all", QUORUM_ALL}, {"default", QUORUM_DEFAULT},
                 {"true", 1},         {"false", 0}};
    struct slice word = take_word(r);
    bool sint = slice_is(word, "sint"), fixed32 = slice_is(word, "fixed32"), fixed64 = slice_is(word, "fixed64");
    f->kind = slice_is(word, "now") ? FIELD_NOW : fixed32 ? FIELD_FIXED32 : fixed64 ? FIELD_FIXED64 : FIELD_VARINT;
    if (sint || fixed32 || fixed64) {
        if (!skip_sign(r, "("))
            fail(r, "( is missing");
        f->value = take_number(r);
        if (sint)
            f->value = zigzag((int64_t)f->value);
        if (!skip_sign(r, ")"))
            fail(r, ") is missing");
        return;
    }
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(word, words[i].word)) {
            f->value = words[i].value;
            return;
        }
    if (f->kind != FIELD_NOW && !enum_value(word, &f->value))
        fail(r, "no such word");
}

static void take_value(struct reader *r, struct field *f)
{
    skip_blanks(r);
    if (skip_sign(r, "\"")) {
        f->kind = FIELD_BYTES;
        f->bytes = take_string(r);
        const char *here = r->p;
        skip_blanks(r);
        if (*r->p == '*' && isdigit((unsigned char)r->p[1 + strspn(r->p + 1, " ")]) && r->p++)
            f->bytes = repeat(r, f->bytes, take_number(r));
        else
            r->p = here;
    } else if (skip_sign(r, "!$") || skip_sign(r, "$")) {
        f->kind = r->p[-2] == '!' ? FIELD_OTHER : FIELD_VARIABLE;
        f->bytes = take_word(r);
    } else if (skip_sign(r, "/")) {
        f->kind = FIELD_REGEX;
        f->bytes = take_regex(r);
    } else if (skip_sign(r, "*")) {
        f->kind = FIELD_ANY;
    } else if (isdigit((unsigned char)*r->p) || *r->p == '-') {
        f->kind = FIELD_VARINT;
        f->value = take_number(r);
    } else {
        take_named_value(r, f);
    }
}

static struct field *take_fields(struct reader *r, const ProtobufCMessageDescriptor *message);

static void take_key(struct reader *r, const ProtobufCMessageDescriptor *message, struct field *f)
{
    struct slice key = take_word(r);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)key.len, (const char *)key.data);
    if (isdigit((unsigned char)name[0])) {
        f->number = (uint32_t)strtoul(name, NULL, 10);
        return;
    }
    f->known = message ? protobuf_c_message_descriptor_get_field_by_name(message, name) : NULL;
    if (!f->known)
        fail(r, "no such field");
    else
        f->number = f->known->id;
}

/* One field, or the many of `for`, appended at *end. */
static struct field **take_field(struct reader *r, const ProtobufCMessageDescriptor *message, struct field **end)
{
    struct field *f = take_memory(r, sizeof *f);
    *end = f;
    take_key(r, message, f);
    if (skip_sign(r, "{")) {
        f->kind = FIELD_MESSAGE;
        f->first = take_fields(r, field_is_message(f->known) ? f->known->descriptor : NULL);
        return &f->next;
    }
    if (!skip_sign(r, ":"))
        fail(r, ": is missing");
    if (r->why)
        return &f->next;
    take_value(r, f);
    if (!skip_word(r, "for"))
        return &f->next;
    uint64_t from = take_number(r);
    if (!skip_sign(r, ".."))
        fail(r, ".. is missing");
    struct field pattern = *f;
    for (uint64_t i = from, to = take_number(r); i <= to && !r->why; i++) {
        f = take_memory(r, sizeof *f);
        *f = pattern;
        f->bytes = numbered(r, pattern.bytes, i);
        *end = f;
        end = &f->next;
    }
    return end;
}

/* After {, up to }. */
static struct field *take_fields(struct reader *r, const ProtobufCMessageDescriptor *message)
{
    struct field *first = NULL, **end = &first;
    while (!r->why && !skip_sign(r, "}")) {
        if (!*r->p)
            fail(r, "} is missing");
        else
            end = take_field(r, message, end);
    }
    *end = NULL;
    return first;
}

static void take_hex(struct reader *r, struct message *m)
{
    size_t count = 0, room = 1 << 21;
    int16_t *hex = take_memory(r, room * sizeof *hex);
    for (skip_blanks(r); *r->p && !r->why; skip_blanks(r)) {
        bool any = r->p[0] == '?' && r->p[1] == '?';
        int high = any ? 0 : hex_digit(r->p[0]), low = high < 0 ? -1 : any ? 0 : hex_digit(r->p[1]);
        if (low < 0) {
            fail(r, "bytes are pairs of hexadecimal digits");
            break;
        }
        r->p += 2;
        uint64_t times = *r->p == '*' && r->p++ ? take_number(r) : 1;
        if (times > room - count)
            fail(r, "too many bytes");
        for (uint64_t i = 0; i < times && !r->why; i++)
            hex[count++] = (int16_t)(any ? -1 : high * 16 + low);
    }
    m->is_hex = true;
    m->hex = hex;
    m->hex_count = count;
}

static void take_name(struct reader *r, struct message *m)
{
    struct slice name = take_word(r);
    for (size_t i = 0; i < COUNT(messages); i++)
        if (slice_is(name, messages[i].name)) {
            m->code = messages[i].code;
            m->message = messages[i].message;
            return;
        }
    fail(r, "no such message");
}

/* error "TEXT": the text, and the code 0. */
static void take_error(struct reader *r, struct message *m)
{
    struct field *text = take_memory(r, sizeof *text), *code = take_memory(r, sizeof *code);
    *m = (struct message){.code = MSG_ERROR_RESP, .message = &rpb_error_resp__descriptor, .first = text};
    *text = (struct field){.next = code, .number = 1};
    *code = (struct field){.number = 2, .kind = FIELD_VARINT};
    take_value(r, text);
}

static struct message *take_message(struct reader *r)
{
    struct message *m = take_memory(r, sizeof *m);
    m->code = -1;
    if (skip_word(r, "hex")) {
        take_hex(r, m);
        return m;
    }
    if (skip_word(r, "error")) {
        take_error(r, m);
    } else if (skip_word(r, "frame")) {
        m->code = (int)take_number(r);
        if (skip_word(r, "hex"))
            take_hex(r, m);
    } else {
        take_name(r, m);
    }
    if (!m->first && !m->is_hex && skip_sign(r, "{"))
        m->first = take_fields(r, m->message);
    skip_blanks(r);
    if (*r->p)
        fail(r, "more after the message");
    return m;
}

/* "... for A..B" at the end: so many frames. Cuts it off `text`. */
static bool cut_range(char *text, uint64_t *from, uint64_t *to)
{
    unsigned long long a, b;
    char *at = NULL;
    int end = 0;
    for (char *p = text; (p = strstr(p, " for ")); p++)
        at = p;
    if (!at || sscanf(at, " for %llu..%llu %n", &a, &b, &end) != 2 || end == 0 || at[end])
        return false;
    *at = '\0';
    *from = a;
    *to = b;
    return true;
}

struct message *message_parse(struct arena *a, const char *text, const char **why)
{
    struct reader r = {.arena = a};
    char *copy = arena_strdup(a, slice_str(text));
    uint64_t from = 0, to = 0;
    struct message *first = NULL, **end = &first;
    bool many = copy && cut_range(copy, &from, &to);
    for (uint64_t i = from; i <= to && !r.why; i++) {
        struct slice one = many ? numbered(&r, slice_str(copy), i) : slice_str(copy);
        r.p = arena_strdup(a, one);
        *end = take_message(&r);
        end = &(*end)->next;
    }
    *why = r.why;
    return r.why ? NULL : first;
}
