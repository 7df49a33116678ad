/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/object_msg.h"

#include "base/err.h"
#include "support.h"

#include <stdlib.h>

struct rig {
    struct store_memory memory;
    struct hash_key key;
    struct store *store;
    uint64_t index;
    struct store_result result;
    struct buf out;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}, .index = 1};
    assert_int_equal(store_create(&r->key, &r->memory, &r->store), 0);
    buf_init(&r->out, 100000);
}

static void rig_fini(struct rig *r)
{
    store_destroy(&r->store);
    assert_int_equal(r->memory.used, 0);
    buf_fini(&r->out);
}

static int put(struct rig *r, enum store_op op, size_t value, size_t meta)
{
    static const uint8_t filling[3000] = {1, 2, 3};
    struct store_command c = {.op = op,
                              .stamp_ms = 1000000 + r->index,
                              .revision = {7, 2, ++r->index},
                              .rules = {true, 5, 100000, 500, STORE_REAP_NEVER},
                              .context.kind = CONTEXT_FOREIGN,
                              .value.bytes = {filling, value},
                              .meta.bytes = {filling, meta}};
    store_key_init(&c.key, &r->key, slice_str(""), slice_str("b"), slice_str("k"));
    return store_apply(r->store, &c, &r->result);
}

/* Sends the rig's result, and compares what arrives. The bytes lie in *holder. */
static struct store_result again(struct rig *r, struct blob **holder)
{
    struct store_result out;
    buf_consume(&r->out, buf_len(&r->out));
    assert_int_equal(object_msg_encode(&r->out, &r->result), 0);
    *holder = blob_create(buf_len(&r->out));
    memcpy((*holder)->data, buf_slice(&r->out).data, (*holder)->size);
    assert_int_equal(object_msg_decode(slice_make((*holder)->data, (*holder)->size), *holder, &out), 0);
    assert_int_equal(out.err, r->result.err);
    assert_int_equal(out.number, r->result.number);
    assert_int_equal(out.exists, r->result.exists);
    assert_int_equal(out.repeated, r->result.repeated);
    assert_int_equal(revision_cmp(out.revision, r->result.revision), 0);
    return out;
}

static size_t compare_siblings(const struct object *sent, const struct object *come, struct blob *holder)
{
    struct object_cursor c = {0}, d = {0};
    struct object_sibling a, b;
    size_t n = 0;
    for (; object_next(sent, &c, &a); n++) {
        assert_true(object_next(come, &d, &b));
        assert_slice_equal(a.value, b.value);
        assert_slice_equal(a.meta, b.meta);
        assert_int_equal(a.seq, b.seq);
        assert_int_equal(a.stamp_ms, b.stamp_ms);
        assert_int_equal(a.tombstone, b.tombstone);
        assert_ptr_equal(b.value_blob, a.value_blob ? holder : NULL);
        assert_true(!b.value.len || (b.value.data > holder->data && b.value.data < holder->data + holder->size));
    }
    assert_false(object_next(come, &d, &b));
    return n;
}

static void check(struct rig *r, size_t siblings)
{
    struct blob *holder;
    struct store_result come = again(r, &holder);
    assert_true(come.exists);
    assert_int_equal(revision_cmp(come.object.revision, r->result.object.revision), 0);
    assert_int_equal(come.object.live, r->result.object.live);
    assert_int_equal(compare_siblings(&r->result.object, &come.object, holder), siblings);
    assert_int_equal(record_sibling_count(&come.object.record), siblings);
    blob_put(holder);
}

static void test_objects(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 3, 0), 0);
    check(&r, 1);
    assert_int_equal(put(&r, STORE_PUT, RECORD_INLINE_MAX + 1, RECORD_META_MAX + 1), 0); /* both in blobs */
    check(&r, 2);
    assert_int_equal(put(&r, STORE_PUT, RECORD_INLINE_MAX, RECORD_META_MAX), 0);
    assert_int_equal(put(&r, STORE_DELETE, 0, 0), 0);
    check(&r, 4);
    assert_int_equal(put(&r, STORE_PUT, 0, 0), 0);
    assert_int_equal(put(&r, STORE_PUT, 1, 1), E_TOO_MANY);
    assert_int_equal(r.result.number, 6);
    check(&r, 5);
    rig_fini(&r);
}

static void test_one_large_one_dead(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 3000, 300), 0);
    check(&r, 1);
    rig_fini(&r);
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 1, 0), 0);
    struct store_command c = {.op = STORE_DELETE, .stamp_ms = 1000100, .revision = {7, 2, 100}, .rules.reap_ms = 3000};
    store_key_init(&c.key, &r.key, slice_str(""), slice_str("b"), slice_str("k"));
    assert_int_equal(store_apply(r.store, &c, &r.result), 0);
    assert_false(r.result.object.live);
    check(&r, 1);
    rig_fini(&r);
}

static void test_without_object(void **state)
{
    static const int errs[] = {0, E_NOT_FOUND, E_FULL, E_STALE, E_UNKNOWN};
    struct rig r;
    struct blob *holder;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        r.result = (struct store_result){.err = errs[i], .repeated = i == 1, .revision = {UINT64_MAX, UINT32_MAX, i}};
        r.result.number = UINT64_MAX >> (15 * i);
        assert_false(again(&r, &holder).exists);
        blob_put(holder);
    }
    rig_fini(&r);
}

/* What does not fit leaves the buffer as it was. */
static void test_no_room(void **state)
{
    struct rig r;
    struct buf small;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 3000, 0), 0);
    buf_init(&small, 2000);
    assert_int_equal(buf_append_slice(&small, slice_str("before")), 0);
    assert_int_equal(object_msg_encode(&small, &r.result), E_TOO_LARGE);
    assert_slice_is(buf_slice(&small), "before");
    buf_fini(&small);
    rig_fini(&r);
}

/* Cut, or with a byte changed: an error, or something that can be read to its end. */
static void test_damaged(void **state)
{
    struct rig r;
    struct store_result out;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 20, 4), 0);
    assert_int_equal(put(&r, STORE_PUT, 600, 300), 0);
    assert_int_equal(object_msg_encode(&r.out, &r.result), 0);
    struct slice whole = buf_slice(&r.out);
    for (size_t n = 0; n < whole.len; n++) {
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, whole.data, n);
        int err = object_msg_decode(slice_make(exact, n), NULL, &out);
        assert_true(err == E_MALFORMED || n == 81); /* between the siblings */
        free(exact);
    }
    for (size_t i = 0; i < whole.len * 8; i++) {
        struct object_cursor c = {0};
        struct object_sibling s;
        size_t bytes = 0;
        uint8_t *exact = malloc(whole.len);
        memcpy(exact, whole.data, whole.len);
        exact[i / 8] ^= (uint8_t)(1 << i % 8);
        if (object_msg_decode(slice_make(exact, whole.len), NULL, &out) == 0 && out.exists)
            while (object_next(&out.object, &c, &s))
                bytes += s.value.len + s.meta.len;
        assert_true(bytes < whole.len);
        free(exact);
    }
    rig_fini(&r);
}

/* Another version, flags and an error that there are not; a record's reference, which is a pointer of ours. */
static void test_wrong_choices(void **state)
{
    static const uint8_t wrong[][2] = {
        {0, 2}, {1, 4}, {2, 200}, {52, RECORD_BLOB}, {52, RECORD_META | RECORD_META_BLOB}};
    struct rig r;
    struct store_result out;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, STORE_PUT, 20, 4), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buf_consume(&r.out, buf_len(&r.out));
        assert_int_equal(object_msg_encode(&r.out, &r.result), 0);
        assert_int_equal(object_msg_decode(buf_slice(&r.out), NULL, &out), 0);
        uint8_t *at = r.out.data + r.out.start + wrong[i][0];
        *at = wrong[i][1];
        assert_int_equal(object_msg_decode(buf_slice(&r.out), NULL, &out), E_MALFORMED);
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),        cmocka_unit_test(test_one_large_one_dead),
        cmocka_unit_test(test_without_object), cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_wrong_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
