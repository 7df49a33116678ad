/* SPDX-License-Identifier: Apache-2.0 */
/* Which connection gives way when all places of those that have not authenticated are taken. */
#include "net/strangers.h"

#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define PLACES 8

struct rig {
    struct strangers places;
    struct stranger g[2 * PLACES];
    uint64_t now_ms;
};

static struct sockaddr_in6 address_of(const char *host)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        return v6;
    assert_int_equal(inet_pton(AF_INET, host, &v4.sin_addr), 1);
    memcpy(&v6, &v4, sizeof v4);
    return v6;
}

static int setup(void **state)
{
    static const struct hash_key key = {1, 2};
    static struct rig rig;
    rig = (struct rig){.now_ms = 1000};
    strangers_init(&rig.places, PLACES, &key);
    *state = &rig;
    return 0;
}

static struct stranger *comes(struct rig *r, unsigned i, const char *host, bool expected)
{
    struct sockaddr_in6 a = address_of(host);
    stranger_init(&r->g[i], &r->places, (const struct sockaddr *)&a, expected, r->now_ms);
    return &r->g[i];
}

/* Connections [from, to) of one address get places. */
static void fill(struct rig *r, unsigned from, unsigned to, const char *host, bool expected)
{
    for (unsigned i = from; i < to; i++)
        strangers_add(&r->places, comes(r, i, host, expected));
}

/* An address of its own for each. */
static void fill_by_many(struct rig *r, unsigned from, unsigned to)
{
    char host[32];
    for (unsigned i = from; i < to; i++) {
        snprintf(host, sizeof host, "10.1.%u.1", i);
        fill(r, i, i + 1, host, false);
    }
}

static void test_places_are_counted(void **state)
{
    struct rig *r = *state;
    fill_by_many(r, 0, PLACES - 1);
    assert_false(strangers_are_full(&r->places));
    fill(r, PLACES - 1, PLACES, "10.2.0.1", false);
    assert_true(strangers_are_full(&r->places));
    strangers_remove(&r->places, &r->g[3]);
    strangers_remove(&r->places, &r->g[3]);
    assert_int_equal(r->places.count, PLACES - 1);
}

static void test_the_longest_silent_gives_way(void **state)
{
    struct rig *r = *state;
    for (unsigned i = 0; i < PLACES; i++, r->now_ms++)
        fill_by_many(r, i, i + 1);
    struct stranger *n = comes(r, PLACES, "10.2.0.1", false);
    assert_null(strangers_give_way(&r->places, n, r->g[0].heard_ms + STRANGER_SILENT_MS - 1));
    r->now_ms = r->g[0].heard_ms + STRANGER_SILENT_MS;
    assert_ptr_equal(strangers_give_way(&r->places, n, r->now_ms), &r->g[0]);
    strangers_heard(&r->places, &r->g[0], r->now_ms);
    assert_ptr_equal(strangers_give_way(&r->places, n, r->now_ms + 1), &r->g[1]);
}

static void test_those_that_spoke_have_more_time(void **state)
{
    struct rig *r = *state;
    fill_by_many(r, 0, PLACES);
    for (unsigned i = 0; i < PLACES; i++)
        strangers_heard(&r->places, &r->g[PLACES - 1 - i], r->now_ms + i);
    struct stranger *n = comes(r, PLACES, "10.2.0.1", false);
    assert_null(strangers_give_way(&r->places, n, r->now_ms + STRANGER_SPOKE_MS - 1));
    assert_ptr_equal(strangers_give_way(&r->places, n, r->now_ms + STRANGER_SPOKE_MS), &r->g[PLACES - 1]);
}

static void test_who_waits_for_this_node_stays(void **state)
{
    struct rig *r = *state;
    fill_by_many(r, 0, PLACES);
    for (unsigned i = 0; i < PLACES; i++)
        stranger_waits(&r->g[i]);
    struct stranger *n = comes(r, PLACES, "10.2.0.1", false);
    assert_null(strangers_give_way(&r->places, n, r->now_ms + 100000));
    strangers_heard(&r->places, &r->g[5], r->now_ms);
    assert_ptr_equal(strangers_give_way(&r->places, n, r->now_ms + 100000), &r->g[5]);
}

static void test_an_address_with_more_than_half_gives_way_to_others_at_once(void **state)
{
    struct rig *r = *state;
    fill_by_many(r, 0, 3);
    fill(r, 3, PLACES, "10.9.9.9", false);
    strangers_heard(&r->places, &r->g[3], r->now_ms);
    assert_ptr_equal(strangers_give_way(&r->places, comes(r, PLACES, "10.2.0.1", false), r->now_ms), &r->g[4]);
    /* Its own have to wait, and drive out none of the others. */
    struct stranger *own = comes(r, PLACES, "10.9.9.9", false);
    assert_null(strangers_give_way(&r->places, own, r->now_ms + STRANGER_SILENT_MS - 1));
    assert_ptr_equal(strangers_give_way(&r->places, own, r->now_ms + STRANGER_SILENT_MS), &r->g[4]);
    /* With half it has not more than others may have. */
    strangers_remove(&r->places, &r->g[4]);
    fill(r, 4, 5, "10.2.0.1", false);
    assert_null(strangers_give_way(&r->places, comes(r, PLACES, "10.3.0.1", false), r->now_ms));
}

/* Behind one address may be all clients (a proxy): it may have all places while nobody else asks for one. */
static void test_one_address_may_have_all(void **state)
{
    struct rig *r = *state;
    fill(r, 0, PLACES, "10.9.9.9", false);
    assert_int_equal(r->places.count, PLACES);
    for (unsigned i = 0; i < PLACES; i++)
        strangers_heard(&r->places, &r->g[i], r->now_ms);
    assert_null(strangers_give_way(&r->places, comes(r, PLACES, "10.9.9.9", false), r->now_ms + STRANGER_SPOKE_MS - 1));
}

static void test_one_network_of_ipv6_is_one_address(void **state)
{
    struct rig *r = *state;
    char host[64];
    for (unsigned i = 0; i < PLACES; i++) {
        snprintf(host, sizeof host, "2001:db8:0:7::%x", i + 1);
        fill(r, i, i + 1, host, false);
    }
    assert_null(strangers_give_way(&r->places, comes(r, PLACES, "2001:db8:0:7::99", false), r->now_ms));
    assert_ptr_equal(strangers_give_way(&r->places, comes(r, PLACES, "2001:db8:0:8::1", false), r->now_ms), &r->g[0]);
}

static void test_the_expected_get_a_place_at_once_and_keep_it(void **state)
{
    struct rig *r = *state;
    fill_by_many(r, 0, PLACES - 2);
    fill(r, PLACES - 2, PLACES, "10.0.0.2", true);
    struct stranger *n = comes(r, PLACES, "10.0.0.3", true);
    for (unsigned i = 0; i < PLACES - 2; i++) {
        struct stranger *g = strangers_give_way(&r->places, n, r->now_ms);
        assert_ptr_equal(g, &r->g[i]);
        strangers_remove(&r->places, g);
        fill(r, i, i + 1, "10.0.0.4", true);
    }
    /* All places are theirs: the others get none, however long these are silent; their own, in time. */
    assert_null(strangers_give_way(&r->places, comes(r, PLACES, "10.2.0.1", false), r->now_ms + 100000));
    assert_null(strangers_give_way(&r->places, comes(r, PLACES, "10.0.0.3", true), r->now_ms));
    assert_ptr_equal(strangers_give_way(&r->places, comes(r, PLACES, "10.0.0.3", true), r->now_ms + STRANGER_SILENT_MS),
                     &r->g[PLACES - 2]);
}

static void test_the_expected_get_places_of_those_that_spoke(void **state)
{
    struct rig *r = *state;
    fill(r, 0, PLACES, "10.9.9.9", false);
    for (unsigned i = 0; i < PLACES; i++)
        strangers_heard(&r->places, &r->g[i], r->now_ms);
    assert_ptr_equal(strangers_give_way(&r->places, comes(r, PLACES, "10.9.9.9", true), r->now_ms), &r->g[0]);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places_are_counted),
        TEST(test_the_longest_silent_gives_way),
        TEST(test_those_that_spoke_have_more_time),
        TEST(test_who_waits_for_this_node_stays),
        TEST(test_an_address_with_more_than_half_gives_way_to_others_at_once),
        TEST(test_one_address_may_have_all),
        TEST(test_one_network_of_ipv6_is_one_address),
        TEST(test_the_expected_get_a_place_at_once_and_keep_it),
        TEST(test_the_expected_get_places_of_those_that_spoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
