#include "message.h"

#include "base/err.h"
#include "base/zigzag.h"
#include "store/props.h"
#include "wire/frame.h"
#include "wire/pb.h"

#include <ctype.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <riak.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_WITHIN_S 10

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

/* --- reading --- */

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

static bool is_message(const ProtobufCFieldDescriptor *known)
{
    return known && known->type == PROTOBUF_C_TYPE_MESSAGE;
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
        f->first = take_fields(r, is_message(f->known) ? f->known->descriptor : NULL);
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

/* --- composing --- */

static size_t find(const struct variables *v, struct slice name)
{
    size_t i = 0;
    while (i < v->count && slice_cmp(v->one[i].name, name) != 0)
        i++;
    return i;
}

static bool compose_fields(const struct field *f, const struct variables *known, struct buf *out, const char **why);

static bool put_number(struct buf *out, uint32_t number, enum pb_wire wire, uint64_t value)
{
    uint8_t bytes[32], *p = pb_put_tag(bytes, number, wire);
    size_t width = wire == PB_FIXED32 ? 4 : 8;
    if (wire == PB_VARINT) {
        p = pb_put_varint(p, value);
    } else {
        for (size_t i = 0; i < width; i++)
            *p++ = (uint8_t)(value >> (8 * i));
    }
    return buf_append(out, bytes, (size_t)(p - bytes)) == 0;
}

static bool put_bytes(struct buf *out, uint32_t number, struct slice s)
{
    uint8_t head[32], *p = pb_put_head(head, number, s.len);
    return buf_append(out, head, (size_t)(p - head)) == 0 && buf_append_slice(out, s) == 0;
}

static bool compose_message(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    struct buf inner;
    buf_init(&inner, SIZE_MAX / 2);
    bool good = compose_fields(f->first, known, &inner, why) && put_bytes(out, f->number, buf_slice(&inner));
    buf_fini(&inner);
    return good;
}

static bool compose_variable(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    size_t i = find(known, f->bytes);
    if (i == known->count) {
        *why = "a variable has no value";
        return false;
    }
    return known->one[i].is_number ? put_number(out, f->number, PB_VARINT, known->one[i].value)
                                   : put_bytes(out, f->number, known->one[i].bytes);
}

static bool compose_field(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    switch (f->kind) {
    case FIELD_BYTES:
        return put_bytes(out, f->number, f->bytes);
    case FIELD_VARINT:
        return put_number(out, f->number, PB_VARINT, f->value);
    case FIELD_FIXED32:
        return put_number(out, f->number, PB_FIXED32, f->value);
    case FIELD_FIXED64:
        return put_number(out, f->number, PB_FIXED64, f->value);
    case FIELD_MESSAGE:
        return compose_message(f, known, out, why);
    case FIELD_VARIABLE:
        return compose_variable(f, known, out, why);
    default:
        *why = "this can only stand in an answer";
        return false;
    }
}

static bool compose_fields(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    for (; f; f = f->next)
        if (!compose_field(f, known, out, why))
            return false;
    return true;
}

static bool compose_hex(const struct message *m, struct buf *out, const char **why)
{
    for (size_t i = 0; i < m->hex_count; i++) {
        uint8_t byte = (uint8_t)m->hex[i];
        if (m->hex[i] < 0 || buf_append(out, &byte, 1)) {
            *why = "?? cannot be sent";
            return false;
        }
    }
    return true;
}

bool message_compose(const struct message *m, const struct variables *known, struct buf *out, const char **why)
{
    size_t mark;
    if (m->code < 0)
        return compose_hex(m, out, why);
    if (frame_begin(out, (uint8_t)m->code, &mark))
        return false;
    bool good = m->is_hex ? compose_hex(m, out, why) : compose_fields(m->first, known, out, why);
    if (good)
        frame_end(out, mark);
    return good;
}

/* --- comparing --- */

struct comparing {
    struct variables known;
    uint64_t now_s;
    struct arena *arena;
};

static bool match_fields(struct comparing *c, const struct field *wanted, const ProtobufCMessageDescriptor *message,
                         struct slice body);

static bool match_regex(struct slice pattern, struct slice bytes)
{
    int number;
    size_t at;
    pcre2_code *code =
        pcre2_compile(pattern.data, pattern.len, PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &number, &at, NULL);
    if (!code)
        return false;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    const uint8_t *text = bytes.data ? bytes.data : (const uint8_t *)"";
    bool good = data && pcre2_match(code, text, bytes.len, 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return good;
}

static bool same_as_variable(const struct comparing *c, size_t i, const struct pb_field *got)
{
    if (c->known.one[i].is_number)
        return got->wire == PB_VARINT && got->value == c->known.one[i].value;
    return got->wire == PB_BYTES && slice_cmp(got->bytes, c->known.one[i].bytes) == 0;
}

/* The first answer gives the variable its value. */
static bool match_variable(struct comparing *c, const struct field *wanted, const struct pb_field *got)
{
    size_t i = find(&c->known, wanted->bytes);
    if (i < c->known.count)
        return same_as_variable(c, i, got);
    if (i == VARIABLES_MAX)
        return false;
    c->known.one[i].name = wanted->bytes;
    c->known.one[i].is_number = got->wire == PB_VARINT;
    c->known.one[i].value = got->value;
    const char *copy = arena_strdup(c->arena, got->wire == PB_BYTES ? got->bytes : slice_make(NULL, 0));
    c->known.one[i].bytes = slice_make(copy, got->wire == PB_BYTES ? got->bytes.len : 0);
    c->known.count++;
    return true;
}

static bool match_other(const struct comparing *c, const struct field *wanted, const struct pb_field *got)
{
    size_t i = find(&c->known, wanted->bytes);
    return i < c->known.count && !same_as_variable(c, i, got);
}

static bool match_now(const struct comparing *c, const struct pb_field *got)
{
    uint64_t apart = got->value > c->now_s ? got->value - c->now_s : c->now_s - got->value;
    return got->wire == PB_VARINT && apart <= NOW_WITHIN_S;
}

static bool match_field(struct comparing *c, const struct field *wanted, const struct pb_field *got)
{
    switch (wanted->kind) {
    case FIELD_BYTES:
        return got->wire == PB_BYTES && slice_cmp(got->bytes, wanted->bytes) == 0;
    case FIELD_VARINT:
        return got->wire == PB_VARINT && got->value == wanted->value;
    case FIELD_FIXED32:
        return got->wire == PB_FIXED32 && got->value == wanted->value;
    case FIELD_FIXED64:
        return got->wire == PB_FIXED64 && got->value == wanted->value;
    case FIELD_MESSAGE:
        return got->wire == PB_BYTES &&
               match_fields(c, wanted->first, is_message(wanted->known) ? wanted->known->descriptor : NULL, got->bytes);
    case FIELD_VARIABLE:
        return match_variable(c, wanted, got);
    case FIELD_OTHER:
        return match_other(c, wanted, got);
    case FIELD_REGEX:
        return got->wire == PB_BYTES && match_regex(wanted->bytes, got->bytes);
    case FIELD_NOW:
        return match_now(c, got);
    case FIELD_ANY:
        return true;
    }
    return false;
}

/* Keys and buckets come in no order that is defined. */
static bool is_unordered(const ProtobufCMessageDescriptor *message, uint32_t number)
{
    const ProtobufCFieldDescriptor *known = message ? protobuf_c_message_descriptor_get_field(message, number) : NULL;
    return known && (strcmp(known->name, "keys") == 0 || strcmp(known->name, "buckets") == 0);
}

static int compare_bytes(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Names that are given as they are: both sides in one order. */
static bool match_names(const struct field *const *wanted, struct pb_field *got, size_t count)
{
    struct slice *names = calloc(2 * count + 1, sizeof *names);
    bool good = names != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = got[i].wire == PB_BYTES;
        names[i] = wanted[i]->bytes;
        names[count + i] = got[i].bytes;
    }
    if (good) {
        qsort(names, count, sizeof *names, compare_bytes);
        qsort(names + count, count, sizeof *names, compare_bytes);
    }
    for (size_t i = 0; good && i < count; i++)
        good = slice_cmp(names[i], names[count + i]) == 0;
    free(names);
    return good;
}

/* Some order of `got` fits. */
static bool match_unordered(struct comparing *c, const struct field *const *wanted, struct pb_field *got, size_t count)
{
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        struct comparing before = *c;
        struct pb_field swap = got[0];
        got[0] = got[i];
        got[i] = swap;
        if (match_field(c, wanted[0], &got[0]) && match_unordered(c, wanted + 1, got + 1, count - 1))
            return true;
        *c = before;
        got[i] = got[0];
        got[0] = swap;
    }
    return false;
}

static bool match_group(struct comparing *c, const ProtobufCMessageDescriptor *message,
                        const struct field *const *wanted, struct pb_field *got, size_t count)
{
    bool plain = true;
    if (is_unordered(message, wanted[0]->number)) {
        for (size_t i = 0; i < count; i++)
            plain = plain && wanted[i]->kind == FIELD_BYTES;
        return plain ? match_names(wanted, got, count) : match_unordered(c, wanted, got, count);
    }
    for (size_t i = 0; i < count; i++)
        if (!match_field(c, wanted[i], &got[i]))
            return false;
    return true;
}

static size_t count_wanted(const struct field *f, uint32_t number)
{
    size_t n = 0;
    for (; f; f = f->next)
        n += f->number == number;
    return n;
}

/* Fields of one number. SIZE_MAX: the body is no message. */
static size_t gather(struct slice body, uint32_t number, struct pb_field *out, size_t room)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    size_t n = 0;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number != number)
            continue;
        if (out && n < room)
            out[n] = f;
        n++;
    }
    return more ? SIZE_MAX : n;
}

static bool match_number(struct comparing *c, const struct field *all, uint32_t number,
                         const ProtobufCMessageDescriptor *message, struct slice body)
{
    size_t count = count_wanted(all, number), n = 0;
    if (gather(body, number, NULL, 0) != count)
        return false;
    const struct field **wanted = calloc(count, sizeof *wanted);
    struct pb_field *got = calloc(count, sizeof *got);
    bool good = wanted && got;
    for (const struct field *f = all; good && f; f = f->next)
        if (f->number == number)
            wanted[n++] = f;
    if (good) {
        gather(body, number, got, count);
        good = match_group(c, message, wanted, got, count);
    }
    free(wanted);
    free(got);
    return good;
}

/* All fields and no other; those of one number in their order, different ones in any. */
static bool match_fields(struct comparing *c, const struct field *wanted, const ProtobufCMessageDescriptor *message,
                         struct slice body)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    size_t total = 0, fields = 0;
    while (pb_next(&r, &f) > 0)
        total++;
    for (const struct field *w = wanted; w; w = w->next)
        fields++;
    if (total != fields || gather(body, 0, NULL, 0) == SIZE_MAX)
        return false;
    for (const struct field *w = wanted; w; w = w->next) {
        bool seen = false;
        for (const struct field *before = wanted; before != w && !seen; before = before->next)
            seen = before->number == w->number;
        if (!seen && !match_number(c, wanted, w->number, message, body))
            return false;
    }
    return true;
}

static bool match_hex(const struct message *m, struct slice body)
{
    if (m->hex_count != body.len)
        return false;
    for (size_t i = 0; i < body.len; i++)
        if (m->hex[i] >= 0 && m->hex[i] != body.data[i])
            return false;
    return true;
}

bool message_match(const struct message *wanted, int code, struct slice body, struct variables *known, uint64_t now_s,
                   struct arena *a)
{
    struct comparing c = {.known = *known, .now_s = now_s, .arena = a};
    if (wanted->code != code)
        return false;
    bool good = wanted->is_hex ? match_hex(wanted, body) : match_fields(&c, wanted->first, wanted->message, body);
    if (good)
        *known = c.known;
    return good;
}

bool message_is_part(const struct message *wanted, struct slice body, bool *done)
{
    const ProtobufCFieldDescriptor *field =
        wanted->message ? protobuf_c_message_descriptor_get_field_by_name(wanted->message, "done") : NULL;
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    size_t count = 0, dones = 0;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        count++;
        dones += field && f.number == field->id;
    }
    *done = dones > 0;
    return more == 0 && (dones ? count == 1 : count > 0);
}
