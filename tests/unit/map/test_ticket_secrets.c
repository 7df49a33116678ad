/* SPDX-License-Identifier: Apache-2.0 */
#include "map/ticket_secrets.h"

#include "support.h"

static const uint8_t seed[RATCHET_SIZE] = {1, 2, 3}, other[RATCHET_SIZE] = {4, 5, 6};

static void test_it_begins_with_a_current_and_a_next(void **state)
{
    struct ticket_secrets a, b;
    (void)state;
    assert_int_equal(ticket_secrets_begin(&a, seed, 77), 0);
    assert_int_equal(ticket_secrets_begin(&b, seed, 77), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.count, 2);
    assert_int_equal(ticket_secrets_current(&a), 1);
    assert_int_equal(a.rotated_ms, 77);
    assert_memory_not_equal(a.secret[0], a.secret[1], RATCHET_SIZE);
    assert_memory_not_equal(a.ratchet.key, seed, RATCHET_SIZE);
    assert_int_equal(ticket_secrets_begin(&b, other, 77), 0);
    assert_memory_not_equal(a.secret[0], b.secret[0], RATCHET_SIZE);
}

/* The next becomes current, the current stays for one rotation, and what was before that is nowhere any more. */
static void test_a_rotation(void **state)
{
    struct ticket_secrets t, before;
    (void)state;
    assert_int_equal(ticket_secrets_begin(&t, seed, 0), 0);
    for (uint32_t i = 1; i < 5; i++) {
        before = t;
        ticket_secrets_rotate(&t, other, 1000 * i);
        assert_int_equal(t.generation, i);
        assert_int_equal(t.rotated_ms, 1000 * i);
        assert_int_equal(t.count, 3);
        assert_int_equal(ticket_secrets_current(&t), 1);
        assert_memory_equal(t.secret[1], before.secret[0], RATCHET_SIZE);
        assert_memory_equal(t.secret[2], before.secret[1], RATCHET_SIZE);
        if (before.count == 3)
            assert_null(memmem(&t, sizeof t, before.secret[2], RATCHET_SIZE));
        assert_null(memmem(&t, sizeof t, before.ratchet.key, RATCHET_SIZE));
        assert_null(memmem(&before, sizeof before, t.secret[0], RATCHET_SIZE));
    }
}

static void test_wiped(void **state)
{
    static const struct ticket_secrets none;
    struct ticket_secrets t;
    (void)state;
    assert_int_equal(ticket_secrets_begin(&t, seed, 0), 0);
    ticket_secrets_wipe(&t);
    assert_memory_equal(&t, &none, sizeof t);
    assert_int_equal(ticket_secrets_current(&t), 0);
}

/* What a node without memory has lost comes with the whole state, and not with the next rotation. */
static void test_wiped_it_stays_so(void **state)
{
    struct ticket_secrets t;
    (void)state;
    assert_int_equal(ticket_secrets_begin(&t, seed, 0), 0);
    ticket_secrets_wipe(&t);
    ticket_secrets_rotate(&t, seed, 1000);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.generation, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_begins_with_a_current_and_a_next),
        cmocka_unit_test(test_a_rotation),
        cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_wiped_it_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
