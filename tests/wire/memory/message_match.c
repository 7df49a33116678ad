/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "wire/pb.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define NOW_WITHIN_S 10

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
    size_t i = variables_find(&c->known, wanted->bytes);
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
    size_t i = variables_find(&c->known, wanted->bytes);
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
               match_fields(c, wanted->first, field_is_message(wanted->known) ? wanted->known->descriptor : NULL,
                            got->bytes);
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
