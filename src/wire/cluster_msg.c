#include "wire/cluster_msg.h"

#include "base/assert.h"
#include "wire/frame.h"
#include "wire/pb.h"

/* Every message is a struct of plain values. One table for each says how its fields are numbered and where they lie;
 * both directions come from it. */

enum kind {
    UINT64,
    UINT64_OR_UNKNOWN, /* UINT64_MAX: the field is left out */
    UINT32,
    UINT16,
    INT_OR_UNKNOWN, /* -1: the field is left out */
    BOOL,
    CHOICE, /* an enum from 1 to `max` */
    TEXT,   /* char[max], ends with its NUL */
    ID,     /* uint8_t[STATUS_ID_SIZE] */
    LIST
};

struct shape;

struct field {
    enum kind kind;
    size_t offset;
    size_t max;                 /* of a choice, bytes of a text, elements of a list */
    const struct shape *shape;  /* of a list's elements */
    size_t element, count_from; /* size of one, and the offset of their number (a size_t) */
};

/* Field number i + 1 is field[i]: all numbers are under 16, and take one byte with their type. */
struct shape {
    const struct field *field;
    size_t count;
};

_Static_assert(sizeof(enum status_node_state) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum status_member_state) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum cluster_act) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "numbers are read and written as uint32_t");
_Static_assert(sizeof(int) == sizeof(uint32_t), "numbers are read and written as uint32_t");

#define AT(type, name) .offset = offsetof(struct type, name)
#define FIELD(k, type, name)                                                                                           \
    {                                                                                                                  \
        .kind = k, AT(type, name)                                                                                      \
    }
#define FIELD_CHOICE(type, name, last)                                                                                 \
    {                                                                                                                  \
        .kind = CHOICE, AT(type, name), .max = last                                                                    \
    }
#define FIELD_TEXT(type, name)                                                                                         \
    {                                                                                                                  \
        .kind = TEXT, AT(type, name), .max = sizeof(((struct type *)0)->name)                                          \
    }
#define FIELD_LIST(type, name, n, of, most)                                                                            \
    {                                                                                                                  \
        .kind = LIST, AT(type, name), .max = most, .shape = &of, .element = sizeof(((struct type *)0)->name[0]),       \
        .count_from = offsetof(struct type, n)                                                                         \
    }
#define SHAPE(name, fields) static const struct shape name = {fields, sizeof fields / sizeof fields[0]}

static const struct field member_fields[] = {
    FIELD(UINT64, status_member, id),           FIELD(ID, status_member, incarnation),
    FIELD_TEXT(status_member, address),         FIELD(UINT16, status_member, epmd_port),
    FIELD(UINT16, status_member, handoff_port), FIELD_CHOICE(status_member, state, STATUS_MEMBER_LEAVING),
    FIELD(BOOL, status_member, seat),           FIELD(BOOL, status_member, leader),
    FIELD(UINT64, status_member, age_ms),       FIELD(UINT64, status_member, memory_used),
    FIELD(UINT64, status_member, memory_limit), FIELD(UINT64, status_member, keys),
    FIELD(UINT64, status_member, lag),
};
SHAPE(member_shape, member_fields);

static const struct field status_fields[] = {
    FIELD_CHOICE(status_node, state, STATUS_LEAVING),
    FIELD_TEXT(status_node, why),
    FIELD(BOOL, status_node, ready),
    FIELD(BOOL, status_node, serving),
    FIELD(UINT64, status_node, id),
    FIELD(ID, status_node, incarnation),
    FIELD_TEXT(status_node, name),
    FIELD(ID, status_node, cluster_id),
    FIELD(UINT64, status_node, epoch),
    FIELD(UINT32, status_node, expected),
    FIELD(UINT32, status_node, seats),
    FIELD(INT_OR_UNKNOWN, status_node, may_lose),
    FIELD(UINT32, status_node, partitions_incomplete),
    FIELD_LIST(status_node, member, member_count, member_shape, STATUS_MEMBERS_MAX),
};
SHAPE(status_shape, status_fields);

static const struct field replica_fields[] = {
    FIELD(UINT64, status_replica, member),
    FIELD(BOOL, status_replica, voter),
    FIELD(UINT64_OR_UNKNOWN, status_replica, lag),
};
SHAPE(replica_shape, replica_fields);

static const struct field partition_fields[] = {
    FIELD(UINT32, status_partition, number),
    FIELD(UINT32, status_partition, generation),
    FIELD(UINT64, status_partition, leader),
    FIELD(UINT64_OR_UNKNOWN, status_partition, keys),
    FIELD_LIST(status_partition, replica, replica_count, replica_shape, STATUS_REPLICAS_MAX),
};
SHAPE(partition_shape, partition_fields);

static const struct field partitions_req_fields[] = {
    FIELD(UINT32, cluster_partitions_req, from),
    FIELD(UINT32, cluster_partitions_req, max),
};
SHAPE(partitions_req_shape, partitions_req_fields);

static const struct field partitions_fields[] = {
    FIELD(UINT32, cluster_partitions_resp, total),
    FIELD_LIST(cluster_partitions_resp, partition, count, partition_shape, STATUS_PARTITIONS_MAX),
};
SHAPE(partitions_shape, partitions_fields);

static const struct field transfer_fields[] = {
    FIELD(UINT32, status_transfer, partition), FIELD(UINT64, status_transfer, from),
    FIELD(UINT64, status_transfer, to),        FIELD(UINT64, status_transfer, keys),
    FIELD(UINT64, status_transfer, bytes),     FIELD(UINT64, status_transfer, age_ms),
};
SHAPE(transfer_shape, transfer_fields);

static const struct field transfers_fields[] = {
    FIELD_LIST(cluster_transfers_resp, transfer, count, transfer_shape, STATUS_TRANSFERS_MAX),
};
SHAPE(transfers_shape, transfers_fields);

static const struct field ready_req_fields[] = {
    FIELD(BOOL, cluster_ready_req, probe),
};
SHAPE(ready_req_shape, ready_req_fields);

static const struct field ready_fields[] = {
    FIELD(BOOL, cluster_ready_resp, ready),
    FIELD_CHOICE(cluster_ready_resp, state, STATUS_LEAVING),
    FIELD_TEXT(cluster_ready_resp, why),
};
SHAPE(ready_shape, ready_fields);

struct act_req {
    enum cluster_act act;
};
static const struct field act_req_fields[] = {
    FIELD_CHOICE(act_req, act, CLUSTER_REFORM_SURVIVORS),
};
SHAPE(act_req_shape, act_req_fields);

/* --- writing --- */

static uint64_t load(const struct field *f, const void *at)
{
    uint32_t n;
    switch (f->kind) {
    case UINT64:
    case UINT64_OR_UNKNOWN:
        return *(const uint64_t *)at;
    case UINT16:
        return *(const uint16_t *)at;
    case BOOL:
        return *(const bool *)at;
    default:
        memcpy(&n, at, sizeof n);
        return n;
    }
}

static bool is_left_out(const struct field *f, const void *at)
{
    return (f->kind == UINT64_OR_UNKNOWN && load(f, at) == UINT64_MAX) ||
           (f->kind == INT_OR_UNKNOWN && *(const int *)at < 0);
}

static struct slice bytes_at(const struct field *f, const void *at)
{
    return slice_make(at, f->kind == TEXT ? strnlen(at, f->max - 1) : STATUS_ID_SIZE);
}

static size_t list_length(const struct field *f, const uint8_t *base)
{
    size_t n = *(const size_t *)(const void *)(base + f->count_from);
    ASSERT(n <= f->max);
    return n;
}

static size_t shape_size(const struct shape *s, const uint8_t *base);

static size_t list_size(const struct field *f, const uint8_t *base)
{
    size_t size = 0;
    for (size_t i = 0, n = list_length(f, base); i < n; i++)
        size += pb_bytes_size(shape_size(f->shape, base + f->offset + i * f->element));
    return size;
}

static size_t shape_size(const struct shape *s, const uint8_t *base)
{
    size_t size = 0;
    for (const struct field *f = s->field; f < s->field + s->count; f++) {
        const uint8_t *at = base + f->offset;
        if (f->kind == LIST)
            size += list_size(f, base);
        else if (f->kind == TEXT || f->kind == ID)
            size += pb_bytes_size(bytes_at(f, at).len);
        else if (!is_left_out(f, at))
            size += 1 + pb_varint_size(load(f, at));
    }
    return size;
}

static uint8_t *shape_put(uint8_t *p, const struct shape *s, const uint8_t *base);

static uint8_t *list_put(uint8_t *p, uint32_t number, const struct field *f, const uint8_t *base)
{
    for (size_t i = 0, n = list_length(f, base); i < n; i++) {
        const uint8_t *element = base + f->offset + i * f->element;
        p = shape_put(pb_put_head(p, number, shape_size(f->shape, element)), f->shape, element);
    }
    return p;
}

static uint8_t *shape_put(uint8_t *p, const struct shape *s, const uint8_t *base)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct field *f = &s->field[i];
        const uint8_t *at = base + f->offset;
        if (f->kind == LIST)
            p = list_put(p, i + 1, f, base);
        else if (f->kind == TEXT || f->kind == ID)
            p = pb_put_bytes(p, i + 1, bytes_at(f, at));
        else if (!is_left_out(f, at))
            p = pb_put_uint(p, i + 1, load(f, at));
    }
    return p;
}

static int put(struct buf *out, uint8_t code, const struct shape *s, const void *from)
{
    size_t body = shape_size(s, from);
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD + body, &p);
    if (err)
        return err;
    uint8_t *end = shape_put(frame_head_put(p, code, body), s, from);
    ASSERT(end == p + FRAME_HEAD + body);
    buf_commit(out, FRAME_HEAD + body);
    return 0;
}

/* --- reading --- */

static void store32(void *at, uint32_t n)
{
    memcpy(at, &n, sizeof n);
}

static bool store(const struct field *f, uint64_t n, void *at)
{
    switch (f->kind) {
    case UINT64:
    case UINT64_OR_UNKNOWN:
        *(uint64_t *)at = n;
        return true;
    case UINT16:
        *(uint16_t *)at = (uint16_t)n;
        return n <= UINT16_MAX;
    case BOOL:
        *(bool *)at = n != 0;
        return true;
    case CHOICE:
        store32(at, n <= f->max ? (uint32_t)n : 0);
        return n >= 1 && n <= f->max;
    case INT_OR_UNKNOWN:
        store32(at, n <= INT32_MAX ? (uint32_t)n : 0);
        return n <= INT32_MAX;
    default:
        store32(at, n <= UINT32_MAX ? (uint32_t)n : 0);
        return n <= UINT32_MAX;
    }
}

static bool store_bytes(const struct field *f, struct slice bytes, void *at)
{
    bool fits = f->kind == ID ? bytes.len == STATUS_ID_SIZE : bytes.len < f->max;
    if (!fits || (f->kind == TEXT && bytes.len && memchr(bytes.data, '\0', bytes.len)))
        return false;
    if (f->kind == TEXT)
        memset(at, 0, f->max); /* the field may come twice, the second shorter */
    if (bytes.len)
        memcpy(at, bytes.data, bytes.len);
    return true;
}

/* What a field is that does not come; everything is zero before. */
static void set_defaults(const struct shape *s, uint8_t *base)
{
    for (const struct field *f = s->field; f < s->field + s->count; f++) {
        if (f->kind == UINT64_OR_UNKNOWN)
            *(uint64_t *)(void *)(base + f->offset) = UINT64_MAX;
        else if (f->kind == INT_OR_UNKNOWN)
            *(int *)(void *)(base + f->offset) = -1;
    }
}

static int shape_get(const struct shape *s, struct slice in, uint8_t *base);

static int list_get(const struct field *f, struct slice in, uint8_t *base)
{
    size_t *count = (void *)(base + f->count_from);
    if (*count == f->max)
        return E_TOO_MANY;
    return shape_get(f->shape, in, base + f->offset + (*count)++ * f->element);
}

static int field_get(const struct field *f, const struct pb_field *in, uint8_t *base)
{
    bool is_bytes = f->kind == LIST || f->kind == TEXT || f->kind == ID;
    if (in->wire != (is_bytes ? PB_BYTES : PB_VARINT))
        return E_MALFORMED;
    if (f->kind == LIST)
        return list_get(f, in->bytes, base);
    bool fits = is_bytes ? store_bytes(f, in->bytes, base + f->offset) : store(f, in->value, base + f->offset);
    return fits ? 0 : E_MALFORMED;
}

static bool choices_came(const struct shape *s, const uint8_t *base)
{
    for (const struct field *f = s->field; f < s->field + s->count; f++)
        if (f->kind == CHOICE && load(f, base + f->offset) == 0)
            return false;
    return true;
}

/* Into zeroed memory. The recursion is as deep as the tables: a list in a list. */
static int shape_get(const struct shape *s, struct slice in, uint8_t *base)
{
    struct pb_reader r = pb_reader_of(in);
    struct pb_field f;
    int more;
    set_defaults(s, base);
    while ((more = pb_next(&r, &f)) > 0) {
        int err = f.number <= s->count ? field_get(&s->field[f.number - 1], &f, base) : 0;
        if (err)
            return err;
    }
    return more ? more : choices_came(s, base) ? 0 : E_MALFORMED;
}

/* --- the messages --- */

#define DECODE(shape, body, out) (memset(out, 0, sizeof *(out)), shape_get(&(shape), body, (void *)(out)))

int cluster_msg_put_status(struct buf *out, const struct status_node *s)
{
    return put(out, MSG_CLUSTER_STATUS_RESP, &status_shape, s);
}

int cluster_msg_decode_status(struct slice body, struct status_node *out)
{
    return DECODE(status_shape, body, out);
}

int cluster_msg_put_partitions_req(struct buf *out, const struct cluster_partitions_req *req)
{
    return put(out, MSG_CLUSTER_PARTITIONS_REQ, &partitions_req_shape, req);
}

int cluster_msg_decode_partitions_req(struct slice body, struct cluster_partitions_req *out)
{
    return DECODE(partitions_req_shape, body, out);
}

int cluster_msg_put_partitions(struct buf *out, const struct cluster_partitions_resp *p)
{
    return put(out, MSG_CLUSTER_PARTITIONS_RESP, &partitions_shape, p);
}

int cluster_msg_decode_partitions(struct slice body, struct cluster_partitions_resp *out)
{
    return DECODE(partitions_shape, body, out);
}

int cluster_msg_put_transfers(struct buf *out, const struct cluster_transfers_resp *t)
{
    return put(out, MSG_CLUSTER_TRANSFERS_RESP, &transfers_shape, t);
}

int cluster_msg_decode_transfers(struct slice body, struct cluster_transfers_resp *out)
{
    return DECODE(transfers_shape, body, out);
}

int cluster_msg_put_ready_req(struct buf *out, const struct cluster_ready_req *req)
{
    return put(out, MSG_CLUSTER_READY_REQ, &ready_req_shape, req);
}

int cluster_msg_decode_ready_req(struct slice body, struct cluster_ready_req *out)
{
    return DECODE(ready_req_shape, body, out);
}

int cluster_msg_put_ready(struct buf *out, const struct cluster_ready_resp *r)
{
    return put(out, MSG_CLUSTER_READY_RESP, &ready_shape, r);
}

int cluster_msg_decode_ready(struct slice body, struct cluster_ready_resp *out)
{
    return DECODE(ready_shape, body, out);
}

int cluster_msg_put_act_req(struct buf *out, enum cluster_act act)
{
    struct act_req req = {act};
    return put(out, MSG_CLUSTER_ACT_REQ, &act_req_shape, &req);
}

int cluster_msg_decode_act_req(struct slice body, enum cluster_act *out)
{
    struct act_req req;
    int err = DECODE(act_req_shape, body, &req);
    *out = req.act;
    return err;
}
