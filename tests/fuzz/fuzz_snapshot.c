/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving side of the live copy. Input: one byte for the way, then
 *   way 0   what a peer sends, in pieces
 *   way 1   bodies of items, each behind its kind and its length; the last item is made to agree
 *   way 2   choices of which images are made; the last item is made to agree
 * A store that took a copy as complete is then used: whatever stood in the copy, it must bear writes, reads, expiry and
 * a copy of its own. */
#include "fuzz.h"
#include "base/err.h"
#include "store/snapshot.h"

#include <stdlib.h>

#define KIND_IMAGE   1
#define KIND_GONE    2
#define KIND_END     3
#define KIND_ORIGINS 4
#define KIND_RESULTS 5

static const struct hash_key hash_key = {3, 4};

struct rig {
    struct store_memory memory;
    struct store *store;
    struct snapshot_receiver receiver;
    struct buf item;
    uint64_t seq, floor, epoch; /* as the last item said */
    uint32_t generation;
};

/* --- making items --- */

static void add_raw(struct buf *b, const void *data, size_t n)
{
    ASSERT(buf_append(b, data, n) == 0);
}

static void add_number(struct buf *b, uint64_t value)
{
    uint8_t tmp[10];
    add_raw(b, tmp, (size_t)(varint_put(tmp, value) - tmp));
}

static void add_bytes(struct buf *b, struct slice s)
{
    add_number(b, s.len);
    add_raw(b, s.data, s.len);
}

/* Gives one whole item to the receiver, out of a block of just its size. */
static int give(struct rig *r, uint8_t kind, struct slice body)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    add_raw(&b, &kind, 1);
    add_bytes(&b, body);
    size_t len = buf_len(&b);
    uint8_t *exact = malloc(len);
    ASSERT(exact);
    memcpy(exact, buf_slice(&b).data, len);
    struct slice in = slice_make(exact, len);
    int err = snapshot_receive(&r->receiver, &in);
    ASSERT(err == 0 || err == E_MALFORMED || err == E_MISMATCH);
    ASSERT(err || in.len == 0);
    free(exact);
    buf_fini(&b);
    return err;
}

/* Mostly small, sometimes at the edges. */
static uint64_t choose_number(struct slice *in)
{
    static const uint64_t edges[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2,    UINT64_MAX / 2 + 1,
                                     UINT32_MAX, INT64_MAX,      UINT64_C(1) << 62, 1000000};
    uint8_t which = fuzz_byte(in);
    return which < 0xf0 ? which : which < 0xf8 ? edges[which - 0xf0] : fuzz_number(in, 8);
}

static int give_end(struct rig *r, struct slice *in)
{
    struct store_stats stats;
    store_stats_get(r->store, &stats);
    buf_consume(&r->item, buf_len(&r->item));
    add_raw(&r->item, &hash_key, sizeof hash_key);
    add_number(&r->item, choose_number(in)); /* base */
    add_number(&r->item, choose_number(in)); /* stamp */
    r->epoch = choose_number(in);
    r->generation = (uint32_t)choose_number(in);
    r->floor = choose_number(in);
    r->seq = choose_number(in);
    add_number(&r->item, r->epoch);
    add_number(&r->item, r->generation);
    add_number(&r->item, r->floor);
    add_number(&r->item, r->seq);
    add_number(&r->item, choose_number(in)); /* expired */
    add_number(&r->item, fuzz_byte(in) & 1); /* started */
    add_number(&r->item, stats.results);
    add_number(&r->item, stats.keys);
    add_raw(&r->item, &r->receiver.checksum, sizeof r->receiver.checksum);
    return give(r, KIND_END, buf_slice(&r->item));
}

static void add_name(struct rig *r, struct slice *in)
{
    static const char *const names[] = {"", "a", "b", "cc"};
    uint8_t which = fuzz_byte(in);
    add_bytes(&r->item, which < 0x80 ? slice_str(names[which % 4]) : fuzz_take(in, which & 0x7f));
}

static void add_names(struct rig *r, struct slice *in)
{
    for (int i = 0; i < 3; i++)
        add_name(r, in);
}

/* Sizes on both sides of what is kept inline. */
static void add_contents(struct rig *r, struct slice *in)
{
    static const uint16_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 513, 2000};
    static const uint8_t filling[2000];
    add_bytes(&r->item, slice_make(filling, sizes[fuzz_byte(in) % (sizeof sizes / sizeof sizes[0])]));
}

static int give_image(struct rig *r, struct slice *in)
{
    buf_consume(&r->item, buf_len(&r->item));
    add_names(r, in);
    add_number(&r->item, choose_number(in)); /* due */
    unsigned count = fuzz_byte(in) % 12u;
    add_number(&r->item, count);
    while (count--) {
        add_raw(&r->item, &(uint8_t){fuzz_byte(in) & 1}, 1);
        add_number(&r->item, choose_number(in)); /* seq */
        add_number(&r->item, choose_number(in)); /* stamp */
        add_contents(r, in);
        add_contents(r, in);
    }
    return give(r, KIND_IMAGE, buf_slice(&r->item));
}

static int give_gone(struct rig *r, struct slice *in)
{
    buf_consume(&r->item, buf_len(&r->item));
    add_names(r, in);
    return give(r, KIND_GONE, buf_slice(&r->item));
}

static int give_origins(struct rig *r, struct slice *in)
{
    buf_consume(&r->item, buf_len(&r->item));
    unsigned count = fuzz_byte(in) % 6u;
    add_number(&r->item, count);
    while (count--) {
        struct incarnation incarnation = {{fuzz_byte(in) % 8}};
        add_raw(&r->item, incarnation.b, ID_SIZE);
        add_number(&r->item, choose_number(in)); /* born */
        add_number(&r->item, choose_number(in)); /* mark */
    }
    return give(r, KIND_ORIGINS, buf_slice(&r->item));
}

static int give_results(struct rig *r, struct slice *in)
{
    static const uint8_t errs[] = {0, 0, 5, 6, 7, 9, 2, 1};
    buf_consume(&r->item, buf_len(&r->item));
    add_number(&r->item, fuzz_byte(in) % 6);
    unsigned count = fuzz_byte(in);
    add_number(&r->item, count);
    while (count--) {
        add_number(&r->item, choose_number(in));
        add_raw(&r->item, &errs[fuzz_byte(in) % sizeof errs], 1);
        add_number(&r->item, choose_number(in));
    }
    return give(r, KIND_RESULTS, buf_slice(&r->item));
}

/* --- the ways --- */

static int way_raw(struct rig *r, struct slice in)
{
    unsigned piece = 1u + fuzz_byte(&in);
    struct slice part = slice_make(in.data, 0);
    const uint8_t *end = in.data + in.len;
    int err = 0;
    while (!err && part.data + part.len < end) {
        size_t left = (size_t)(end - part.data) - part.len;
        part.len += left < piece ? left : piece;
        err = snapshot_receive(&r->receiver, &part);
        ASSERT(fuzz_inside(part, in));
    }
    return err;
}

static int way_bodies(struct rig *r, struct slice in)
{
    int err = 0;
    struct slice end = fuzz_take(&in, 32);
    while (!err && in.len) {
        uint8_t kind = fuzz_byte(&in);
        err = give(r, kind, fuzz_take(&in, (size_t)fuzz_number(&in, 2)));
    }
    return err || r->receiver.complete ? err : give_end(r, &end);
}

static int way_choices(struct rig *r, struct slice in)
{
    static int (*const items[])(struct rig * r, struct slice * in) = {give_gone,    give_image, give_image,
                                                                      give_origins, give_image, give_results};
    int err = 0;
    struct slice end = fuzz_take(&in, 32);
    while (!err && in.len)
        err = items[fuzz_byte(&in) % (sizeof items / sizeof items[0])](r, &in);
    return err ? err : give_end(r, &end);
}

/* --- the store that came of it --- */

static void count_name(void *arg, struct slice name)
{
    (void)name;
    ++*(size_t *)arg;
}

static void list_all(const struct store *s)
{
    static const char *const names[] = {"", "a", "b", "cc"};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            for (uint64_t cursor = 0;
                 store_list_keys(s, slice_str(names[i]), slice_str(names[j]), &cursor, count_name, &count);)
                continue;
    for (uint64_t cursor = 0; store_list_buckets(s, slice_str(""), &cursor, count_name, &count);)
        continue;
}

static void read_siblings(const struct object *o)
{
    struct object_cursor c = {0};
    struct object_sibling s;
    size_t bytes = 0;
    while (object_next(o, &c, &s))
        for (size_t i = 0; i < s.value.len; i++)
            bytes += s.value.data[i]; /* so that the sanitizer sees all of it */
    ASSERT(bytes == 0 || bytes > 0);
}

/* The next revision of the log: after the copied ones, or of the next epoch. */
static struct revision next_revision(struct rig *r, bool new_epoch)
{
    if (new_epoch) {
        r->epoch++;
        r->floor = r->seq;
    }
    return (struct revision){r->epoch, r->generation, ++r->seq - r->floor};
}

static void write_key(struct rig *r, enum store_op op, const char *bucket, const char *key)
{
    struct store_result result;
    struct object o;
    struct store_command c = {.op = op,
                              .stamp_ms = store_stamp_ms(r->store) + 1,
                              .rules = {.allow_mult = true, .siblings_max = 20, .size_max = 100000, .reap_ms = 5},
                              .value.bytes = slice_str("value")};
    store_key_init(&c.key, &hash_key, slice_str(""), slice_str(bucket), slice_str(key));
    if (store_get(r->store, &c.key, 0, &o) == 0) {
        read_siblings(&o);
        c.context = (struct store_context){CONTEXT_SEEN, o.revision};
    }
    c.revision = next_revision(r, op == STORE_DELETE);
    int err = store_apply(r->store, &c, &result);
    ASSERT(err == 0 || err == E_TOO_MANY || err == E_TOO_LARGE);
    if (result.exists)
        read_siblings(&result.object);
}

/* R-RETRY: what an origin has written once, and did not acknowledge, is answered twice in the same way. */
static void write_twice(struct rig *r, uint8_t origin, uint64_t sequence, uint64_t acknowledged)
{
    struct store_result first, second;
    struct store_command c = {.op = STORE_PUT,
                              .stamp_ms = store_stamp_ms(r->store),
                              .rules = {.siblings_max = 20, .size_max = 100000},
                              .condition = STORE_IF_ABSENT,
                              .origin = {{{origin}}, sequence, acknowledged}};
    store_key_init(&c.key, &hash_key, slice_str(""), slice_str("a"), slice_str("once"));
    c.revision = next_revision(r, false);
    int err = store_apply(r->store, &c, &first);
    c.revision = next_revision(r, false);
    ASSERT(store_apply(r->store, &c, &second) == err);
    ASSERT(second.repeated || err == E_STALE || err == E_TOO_MANY);
    ASSERT(second.exists == first.exists);
}

static void forget(struct rig *r, uint8_t origin)
{
    struct store_result result;
    struct store_command c = {.op = STORE_FORGET, .revision = next_revision(r, false), .origin = {{{origin}}, 0, 0}};
    ASSERT(store_apply(r->store, &c, &result) == 0);
}

static void tick(struct rig *r, uint64_t stamp_ms)
{
    struct store_result result;
    struct store_command c = {.op = STORE_TICK, .stamp_ms = stamp_ms, .revision = next_revision(r, false)};
    ASSERT(store_apply(r->store, &c, &result) == 0);
}

/* A copy of the copy is complete too. */
static void copy_on(struct rig *r)
{
    struct store_snapshot *copy;
    struct snapshot_receiver receiver;
    struct store *to;
    struct buf stream;
    bool done = false;
    buf_init(&stream, SIZE_MAX / 2);
    ASSERT(store_create(&hash_key, &r->memory, &to) == 0 && snapshot_create(r->store, &copy) == 0);
    while (!done)
        ASSERT(snapshot_step(copy, &stream, &done) == 0);
    snapshot_destroy(&copy);
    snapshot_receiver_init(&receiver, to);
    struct slice in = buf_slice(&stream);
    ASSERT(snapshot_receive(&receiver, &in) == 0 && receiver.complete);
    store_check(to);
    ASSERT(store_due_ms(to) == store_due_ms(r->store) && store_stamp_ms(to) == store_stamp_ms(r->store));
    store_destroy(&to);
    buf_fini(&stream);
}

static void use(struct rig *r)
{
    store_check(r->store);
    list_all(r->store);
    copy_on(r);
    write_key(r, STORE_PUT, "a", "a");
    write_key(r, STORE_PUT, "a", "b");
    write_key(r, STORE_DELETE, "a", "a");
    write_key(r, STORE_PUT, "b", "new");
    for (uint8_t i = 0; i < 4; i++) {
        write_twice(r, i, 1, 0);
        write_twice(r, i, 60, 20);
        write_twice(r, i, UINT64_MAX, UINT64_MAX - 1);
    }
    store_check(r->store);
    forget(r, 1);
    tick(r, store_stamp_ms(r->store) + 100);
    tick(r, UINT64_MAX / 4);
    store_check(r->store);
    copy_on(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const ways[])(struct rig * r, struct slice in) = {way_raw, way_bodies, way_choices};
    struct slice in = slice_make(data, size);
    struct rig r = {.memory = {0, SIZE_MAX / 2}};
    buf_init(&r.item, SIZE_MAX / 2);
    ASSERT(store_create(&hash_key, &r.memory, &r.store) == 0);
    snapshot_receiver_init(&r.receiver, r.store);
    uint8_t way = fuzz_byte(&in) % 3;
    int err = ways[way](&r, in);
    if (err == 0 && r.receiver.complete && way)
        use(&r);
    store_destroy(&r.store);
    ASSERT(r.memory.used == 0);
    buf_fini(&r.item);
    return 0;
}
