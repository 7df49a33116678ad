/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/command_msg.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/pb.h"

#define COMMAND_VERSION 1
#define FIXED_SIZE      13
#define SEEN_SIZE       20
#define TYPE_MAX        255

enum { FLAG_ALLOW_MULT = 1, FLAG_TOMBSTONE = 2, FLAG_ORIGIN = 4, FLAG_TTL_FROM_CREATE = 8, FLAGS_ALL = 15 };

static bool has_origin(const struct store_command *c)
{
    return c->origin.sequence || !incarnation_is_zero(c->origin.incarnation);
}

static bool is_write(const struct store_command *c)
{
    return c->op < STORE_TICK;
}

/* What a command is about, in the order in which it stands in the entry. */
#define TEXTS 5
static void list_texts(const struct store_command *c, struct slice out[TEXTS])
{
    out[0] = c->key.type;
    out[1] = c->key.bucket;
    out[2] = c->key.key;
    out[3] = c->meta.bytes;
    out[4] = c->value.bytes;
}

/* --- writing --- */

static size_t size_of(const struct store_command *c, const struct slice text[TEXTS])
{
    const struct store_rules *r = &c->rules;
    size_t size = FIXED_SIZE;
    if (has_origin(c))
        size += ID_SIZE + pb_varint_size(c->origin.sequence) + pb_varint_size(c->origin.acknowledged);
    if (c->context.kind == CONTEXT_SEEN)
        size += SEEN_SIZE;
    if (!is_write(c))
        return size;
    size += pb_varint_size(r->siblings_max) + pb_varint_size(r->size_max) + pb_varint_size(r->ttl_ms) +
            pb_varint_size(r->reap_ms);
    for (unsigned i = 0; i < TEXTS; i++)
        size += pb_varint_size(text[i].len) + text[i].len;
    return size + (c->op == STORE_UPDATE);
}

#define STAMP_AT 5

void command_set_stamp(struct blob *command, uint64_t stamp_ms)
{
    ASSERT(command->refs == 1 && command->size >= FIXED_SIZE);
    bytes_put(command->data + STAMP_AT, stamp_ms, 8);
}

static uint8_t *put_fixed(uint8_t *p, const struct store_command *c)
{
    unsigned flags = (c->rules.allow_mult ? FLAG_ALLOW_MULT : 0u) | (c->tombstone ? FLAG_TOMBSTONE : 0u) |
                     (has_origin(c) ? FLAG_ORIGIN : 0u) | (c->rules.ttl_from_create ? FLAG_TTL_FROM_CREATE : 0u);
    *p++ = COMMAND_VERSION;
    *p++ = (uint8_t)c->op;
    *p++ = (uint8_t)flags;
    *p++ = (uint8_t)c->condition;
    *p++ = (uint8_t)c->context.kind;
    return bytes_put(p, c->stamp_ms, 8);
}

static uint8_t *put_write(uint8_t *p, const struct store_rules *r, const struct slice text[TEXTS])
{
    p = pb_put_varint(p, r->siblings_max);
    p = pb_put_varint(p, r->size_max);
    p = pb_put_varint(p, r->ttl_ms);
    p = pb_put_varint(p, r->reap_ms);
    for (unsigned i = 0; i < TEXTS; i++) {
        p = pb_put_varint(p, text[i].len);
        if (text[i].len)
            memcpy(p, text[i].data, text[i].len);
        p += text[i].len;
    }
    return p;
}

struct blob *command_encode(const struct store_command *c)
{
    struct slice text[TEXTS];
    list_texts(c, text);
    struct blob *b = blob_create(size_of(c, text));
    if (!b)
        return NULL;
    uint8_t *p = put_fixed(b->data, c);
    if (has_origin(c)) {
        memcpy(p, c->origin.incarnation.b, ID_SIZE);
        p = pb_put_varint(p + ID_SIZE, c->origin.sequence);
        p = pb_put_varint(p, c->origin.acknowledged);
    }
    if (c->context.kind == CONTEXT_SEEN) {
        p = bytes_put(p, c->context.seen.epoch, 8);
        p = bytes_put(p, c->context.seen.generation, 4);
        p = bytes_put(p, c->context.seen.index, 8);
    }
    if (c->op == STORE_UPDATE)
        *p++ = (uint8_t)c->datatype;
    if (is_write(c))
        p = put_write(p, &c->rules, text);
    ASSERT(p == b->data + b->size);
    return b;
}

/* --- reading --- */

struct reader {
    struct pb_reader in;
    bool bad;
};

static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *p = r->in.p;
    if (r->bad || (size_t)(r->in.end - p) < n) {
        r->bad = true;
        return NULL;
    }
    r->in.p += n;
    return p;
}

static uint64_t take_number(struct reader *r, int size)
{
    const uint8_t *p = take(r, (size_t)size);
    return p ? bytes_get(p, size) : 0;
}

/* The shortest form alone: a command has one encoding, so that all replicas hold the same bytes. */
static uint64_t take_varint(struct reader *r, uint64_t max)
{
    const uint8_t *start = r->in.p;
    uint64_t value = 0;
    r->bad =
        r->bad || !pb_read_varint(&r->in, &value) || value > max || (size_t)(r->in.p - start) != pb_varint_size(value);
    return r->bad ? 0 : value;
}

static struct slice take_text(struct reader *r, size_t max)
{
    size_t len = (size_t)take_varint(r, max);
    const uint8_t *p = take(r, len);
    return slice_make(len ? p : NULL, p ? len : 0);
}

static void take_origin(struct reader *r, struct store_origin *out)
{
    const uint8_t *p = take(r, ID_SIZE);
    if (p)
        memcpy(out->incarnation.b, p, ID_SIZE);
    out->sequence = take_varint(r, UINT64_MAX);
    out->acknowledged = take_varint(r, out->sequence ? out->sequence - 1 : 0);
}

static void take_seen(struct reader *r, struct revision *out)
{
    out->epoch = take_number(r, 8);
    out->generation = (uint32_t)take_number(r, 4);
    out->index = take_number(r, 8);
}

static enum datatype take_datatype(struct reader *r)
{
    uint64_t kind = take_number(r, 1);
    r->bad |= kind == DATATYPE_NONE || kind > DATATYPE_LAST;
    return (enum datatype)kind;
}

static void take_write(struct reader *r, struct blob *blob, struct store_command *c)
{
    c->rules.siblings_max = (uint32_t)take_varint(r, UINT32_MAX);
    c->rules.size_max = take_varint(r, UINT64_MAX);
    c->rules.ttl_ms = take_varint(r, UINT64_MAX);
    c->rules.reap_ms = take_varint(r, UINT64_MAX);
    c->key.type = take_text(r, TYPE_MAX);
    c->key.bucket = take_text(r, RECORD_KEY_MAX);
    c->key.key = take_text(r, RECORD_KEY_MAX);
    c->meta = (struct content_bytes){take_text(r, UINT32_MAX), blob};
    c->value = (struct content_bytes){take_text(r, UINT32_MAX), blob};
}

static bool take_fixed(struct reader *r, struct store_command *c)
{
    uint64_t version = take_number(r, 1), op = take_number(r, 1), flags = take_number(r, 1);
    uint64_t condition = take_number(r, 1), context = take_number(r, 1);
    *c = (struct store_command){.op = (enum store_op)op,
                                .stamp_ms = take_number(r, 8),
                                .rules.allow_mult = flags & FLAG_ALLOW_MULT,
                                .rules.ttl_from_create = flags & FLAG_TTL_FROM_CREATE,
                                .condition = (enum store_condition)condition,
                                .context.kind = (enum store_context_kind)context,
                                .tombstone = flags & FLAG_TOMBSTONE};
    r->bad |= version != COMMAND_VERSION || op > STORE_FORGET || flags > FLAGS_ALL || condition > STORE_IF_UNMODIFIED ||
              context > CONTEXT_FOREIGN;
    return flags & FLAG_ORIGIN;
}

int command_decode(struct slice entry, struct blob *blob, struct store_command *out)
{
    struct reader r = {.in = pb_reader_of(entry)};
    bool from_somebody = take_fixed(&r, out);
    if (from_somebody)
        take_origin(&r, &out->origin);
    r.bad |= from_somebody ? !has_origin(out) : out->op == STORE_FORGET;
    if (out->context.kind == CONTEXT_SEEN)
        take_seen(&r, &out->context.seen);
    if (out->op == STORE_UPDATE)
        out->datatype = take_datatype(&r);
    if (is_write(out))
        take_write(&r, blob, out);
    return r.bad || r.in.p != r.in.end ? E_MALFORMED : 0;
}
