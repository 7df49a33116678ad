/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/index_msg.h"

#include "base/bytes.h"
#include "wire/pb.h"

static bool to_qtype(const struct pb_field *f, bool *is_range)
{
    *is_range = f->value == 1;
    return f->wire == PB_VARINT && f->value <= 1;
}

static bool take_field(const struct pb_field *f, struct index_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->index, &out->has_index);
    case 3:
        return to_qtype(f, &out->is_range);
    case 4:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 5:
        return pb_to_bytes(f, &out->min, &out->has_min);
    case 6:
        return pb_to_bytes(f, &out->max, &out->has_max);
    case 7:
        return pb_to_bool(f, &out->return_terms);
    case 8:
        return pb_to_bool(f, &out->stream);
    case 9:
        out->has_max_results = true;
        return pb_to_u32(f, &out->max_results);
    case 10:
        return pb_to_bytes(f, &out->continuation, &out->has_continuation);
    case 11:
        return pb_to_u32(f, &out->timeout_ms);
    case 12:
        return pb_to_bytes(f, &out->type, &out->has_type);
    case 13:
        return pb_to_bytes(f, &out->term_regex, &out->has_term_regex);
    case 14:
        return pb_to_bool(f, &out->pagination_sort);
    }
    return true; /* cover_context, return_body: as KV does, not looked at */
}

int index_req_decode(struct slice body, struct index_req *out)
{
    *out = (struct index_req){0};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!take_field(&f, out))
            return E_MALFORMED;
    return more;
}

static size_t pair_size(const struct slice *pair)
{
    return pb_bytes_size(pair[0].len) + pb_bytes_size(pair[1].len);
}

static size_t names_size(const struct slice *names, size_t count, bool terms)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i += terms ? 2 : 1)
        size += pb_bytes_size(terms ? pair_size(&names[i]) : names[i].len);
    return size;
}

static uint8_t *put_names(uint8_t *p, const struct slice *names, size_t count, bool terms)
{
    for (size_t i = 0; i < count; i += terms ? 2 : 1) {
        if (!terms) {
            p = pb_put_bytes(p, 1, names[i]);
            continue;
        }
        p = pb_put_head(p, 2, pair_size(&names[i]));
        p = pb_put_bytes(p, 1, names[i]);
        p = pb_put_bytes(p, 2, names[i + 1]);
    }
    return p;
}

int index_resp_encode(struct buf *out, const struct slice *names, size_t count, bool terms, struct slice continuation,
                      bool done)
{
    size_t size =
        names_size(names, count, terms) + (continuation.len ? pb_bytes_size(continuation.len) : 0) + (done ? 2 : 0);
    uint8_t *p;
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    p = put_names(p, names, count, terms);
    if (continuation.len)
        p = pb_put_bytes(p, 3, continuation);
    if (done)
        pb_put_uint(p, 4, 1);
    buf_commit(out, size);
    return 0;
}

/* --- continuations: version, length of the term u32, term, key; two hexadecimal digits a byte --- */

#define VERSION 1

static const char digits[] = "0123456789abcdef";

static int put_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
    uint8_t *p;
    int err = buf_reserve(out, 2 * len, &p);
    for (size_t i = 0; !err && i < len; i++) {
        *p++ = (uint8_t)digits[bytes[i] >> 4];
        *p++ = (uint8_t)digits[bytes[i] & 15];
    }
    if (!err)
        buf_commit(out, 2 * len);
    return err;
}

int index_continuation_encode(struct buf *out, struct slice term, struct slice key)
{
    uint8_t head[5] = {VERSION};
    bytes_put(head + 1, term.len, 4);
    int err = put_hex(out, head, sizeof head);
    if (!err)
        err = put_hex(out, term.data, term.len);
    return err ? err : put_hex(out, key.data, key.len);
}

static int hex_value(uint8_t c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

int index_continuation_decode(struct slice text, struct buf *bytes, struct slice *term, struct slice *key)
{
    size_t before = buf_len(bytes);
    uint8_t *p;
    if (text.len % 2 || text.len < 10)
        return E_MALFORMED;
    int err = buf_reserve(bytes, text.len / 2, &p);
    for (size_t i = 0; !err && i < text.len; i += 2) {
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return E_MALFORMED;
        *p++ = (uint8_t)(high << 4 | low);
    }
    if (err)
        return err;
    buf_commit(bytes, text.len / 2);
    struct slice all = slice_skip(buf_slice(bytes), before), rest = slice_skip(all, 5);
    uint64_t term_len = bytes_get(all.data + 1, 4);
    if (all.data[0] != VERSION || term_len > rest.len)
        return E_MALFORMED;
    *term = slice_make(rest.data, (size_t)term_len);
    *key = slice_skip(rest, (size_t)term_len);
    return 0;
}
