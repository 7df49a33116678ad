/* SPDX-License-Identifier: Apache-2.0 */
/* Another incarnation where one was: what proves that the first is dead, and what does not (R-PROOF). */
#include "mesh_rig.h"

#include "base/err.h"
#include "support.h"

static struct rig r;

static int begin(void **state)
{
    (void)state;
    rig_init(&r);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_fini(&r);
    return 0;
}

/* --- incarnations and proofs of death --- */

/* Number 2 answers where 1 was. */
static void answer_as(struct wire *w, unsigned number, unsigned address_of, const char *place)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL), there = rig_hello(address_of, PLANE_CONTROL);
    memcpy(h.address, there.address, sizeof h.address);
    memset(h.place, 0, sizeof h.place);
    strcpy(h.place, place);
    rig_secure(w, number);
    rig_say(w, &h);
    assert_false(rig_is_shut(w));
}

static bool proves(unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    return mesh_proves_dead(&r.mesh, h.incarnation, h.address, h.epmd_port, 0);
}

static void test_another_incarnation_at_the_same_address(void **state)
{
    (void)state;
    rig_reach(&r, 1, true);
    rig_run(&r, 2000);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL)); /* the others are half open: nobody has told */
    rig_run(&r, 100);
    struct wire *raft = rig_dialed(&r, 1, PLANE_RAFT), *bulk = rig_dialed(&r, 1, PLANE_BULK);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    assert_true(rig_is_shut(raft) && rig_is_shut(bulk));
    assert_non_null(rig_peer(&r, 1));
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        assert_null(rig_link(&r, 1, i));
    assert_non_null(rig_link(&r, 2, PLANE_CONTROL));
    assert_true(proves(1));
    assert_false(proves(2));
}

static void test_r_proof_only_a_dial_begun_after_it_was_last_heard(void **state)
{
    (void)state;
    struct wire *in = rig_visit(&r, 1, PLANE_CONTROL), *out = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_run(&r, 10);
    answer_as(out, 2, 1, ""); /* the dial was begun when it spoke */
    assert_false(proves(1));
    rig_frame(in, PEER_RENEW, "", 0); /* and it speaks later */
    assert_false(proves(1));
    rig_end(out);
    rig_run(&r, 2000);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    assert_true(proves(1));
    rig_frame(in, PEER_RENEW, "", 0); /* and is heard again */
    assert_false(proves(1));
}

static void test_r_proof_an_answer_is_hearing_too(void **state)
{
    (void)state;
    rig_reach(&r, 1, true);
    struct wire *raft = rig_dialed(&r, 1, PLANE_RAFT);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 2000);
    struct wire *again = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_run(&r, 10);
    rig_frame(raft, PEER_ANSWER, "", 0); /* it answers, after the dial was begun */
    answer_as(again, 2, 1, "");
    assert_false(proves(1));
    rig_end(again);
    rig_run(&r, 2000);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    assert_true(proves(1));
}

static void test_r_proof_exactly_the_same_address(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    (void)state;
    rig_candidate(&r, 1);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 3, ""); /* at that address somebody who says he is at another */
    assert_false(proves(1));
    rig_run(&r, 2000);
    rig_candidate(&r, 4);
    answer_as(rig_dialed(&r, 4, PLANE_CONTROL), 5, 1, ""); /* at another somebody who says he is there */
    assert_false(proves(1));
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 2000);
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    struct peer_hello moved = rig_hello(7, PLANE_CONTROL); /* there, but as he says with another port */
    memcpy(moved.address, h.address, sizeof moved.address);
    moved.epmd_port++;
    rig_secure(w, 7);
    rig_say(w, &moved);
    assert_false(proves(1));
    rig_end(w);
    rig_run(&r, 2000);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 6, 1, "");
    assert_true(proves(1));
    assert_false(mesh_proves_dead(&r.mesh, h.incarnation, h.address, 4370, 0)); /* another port: another node */
    assert_true(mesh_proves_dead(&r.mesh, h.incarnation, h.address, 4369, 0));
}

/* The next process of a pod is there, while the one before still runs: for seconds, or beyond a cut. */
static void test_r_proof_never_by_the_name_of_a_place(void **state)
{
    (void)state;
    rig_candidate(&r, 9);
    answer_as(rig_dialed(&r, 9, PLANE_CONTROL), 2, 9, "place-1");
    assert_false(proves(1));
    rig_reach(&r, 3, false);
    rig_end(rig_dialed(&r, 3, PLANE_CONTROL));
    rig_run(&r, 2000);
    rig_candidate(&r, 8);
    answer_as(rig_dialed(&r, 8, PLANE_CONTROL), 4, 8, "place-3");
    assert_false(proves(3));
    assert_false(proves(4));
}

/* Who was never heard, and is known only since then, may have come after who answered. */
static void test_r_proof_of_one_who_was_never_heard(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    (void)state;
    rig_candidate(&r, 1);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    assert_true(proves(1));
    assert_false(proves(2)); /* nobody is dead because he lives */
    assert_false(mesh_proves_dead(&r.mesh, h.incarnation, h.address, h.epmd_port, UINT64_MAX));
}

static void test_r_proof_never_by_what_comes_in(void **state)
{
    struct peer_hello h = rig_hello(2, PLANE_CONTROL), dead = rig_hello(1, PLANE_CONTROL);
    (void)state;
    memcpy(h.address, dead.address, sizeof h.address);
    memcpy(h.place, dead.place, sizeof h.place);
    struct wire *in = rig_accept(&r);
    rig_secure(in, 2);
    rig_say(in, &h);
    assert_false(rig_is_shut(in));
    rig_frame(in, PEER_RENEW, "", 0);
    assert_false(proves(1));
}

static void test_r_proof_of_one_who_was_forgotten(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    rig_run(&r, 100);
    rig_end(rig_visit(&r, 1, PLANE_RAFT)); /* 1 is heard after that; then others drive it out */
    for (unsigned i = 1000; rig_peer(&r, 1); i++)
        rig_end(rig_visit(&r, i, PLANE_RAFT));
    assert_false(proves(1));
}

/* --- the hint that a process has ended --- */

static void expect_ended(unsigned times, unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    assert_int_equal(r.ended, times);
    if (times)
        assert_string_equal(r.ended_address, h.address);
}

static void end_all(unsigned number)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        rig_end(rig_dialed(&r, number, (enum peer_plane)i));
}

/* As when a process is killed: its connections end, and nobody listens any more. */
static void test_a_dial_that_fails_hints_at_the_end(void **state)
{
    (void)state;
    rig_reach(&r, 1, true);
    rig_run(&r, 2000);
    end_all(1);
    expect_ended(0, 1);
    rig_run(&r, 1); /* it is dialed again */
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    expect_ended(1, 1);
}

static void test_another_incarnation_hints_at_the_end(void **state)
{
    (void)state;
    rig_reach(&r, 1, false);
    rig_run(&r, 2000);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 1);
    answer_as(rig_dialed(&r, 1, PLANE_CONTROL), 2, 1, "");
    expect_ended(1, 1);
}

/* A connection that was reset says nothing: the node answers the next dial, or is heard over another connection. */
static void test_no_hint_while_it_is_heard(void **state)
{
    (void)state;
    rig_reach(&r, 1, true);
    rig_run(&r, 2000);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 1);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL)); /* the others stand */
    expect_ended(0, 1);
    rig_run(&r, 2000);
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    expect_ended(0, 1);
}

/* The dial was under way when the node was heard last. */
static void test_no_hint_by_a_dial_begun_before(void **state)
{
    (void)state;
    rig_reach(&r, 1, false);
    rig_run(&r, 2000);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 1);
    struct wire *dial = rig_dialed(&r, 1, PLANE_CONTROL), *in = rig_visit(&r, 1, PLANE_RAFT);
    rig_run(&r, 5);
    rig_frame(in, PEER_RENEW, "", 0);
    rig_end(in);
    rig_end(dial);
    expect_ended(0, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_another_incarnation_at_the_same_address),
        TEST(test_r_proof_only_a_dial_begun_after_it_was_last_heard),
        TEST(test_r_proof_an_answer_is_hearing_too),
        TEST(test_r_proof_exactly_the_same_address),
        TEST(test_r_proof_never_by_the_name_of_a_place),
        TEST(test_r_proof_of_one_who_was_never_heard),
        TEST(test_r_proof_never_by_what_comes_in),
        TEST(test_r_proof_of_one_who_was_forgotten),
        TEST(test_a_dial_that_fails_hints_at_the_end),
        TEST(test_another_incarnation_hints_at_the_end),
        TEST(test_no_hint_while_it_is_heard),
        TEST(test_no_hint_by_a_dial_begun_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
