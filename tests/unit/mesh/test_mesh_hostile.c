/* SPDX-License-Identifier: Apache-2.0 */
/* What peers can say and not do harm: more of everything than there is room for, and what is no message. */
#include "mesh_rig.h"

#include "base/err.h"
#include "base/rng.h"
#include "support.h"

#include <stdlib.h>

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

/* --- bounds --- */

static void test_hundreds_of_incarnations_and_addresses(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    rig_candidate(&r, 2); /* listed, and does not answer */
    for (unsigned i = 0; i < 450; i++) {
        rig_end(rig_visit(&r, 1000 + i, PLANE_CONTROL));
        r.now_ms++;
        assert_true(r.mesh.peer_count <= MESH_PEERS_MAX && r.mesh.endpoint_count <= MESH_ENDPOINTS_MAX);
    }
    assert_int_equal(r.mesh.peer_count, MESH_PEERS_MAX);
    assert_int_equal(r.mesh.endpoint_count, MESH_ENDPOINTS_MAX);
    assert_non_null(rig_link(&r, 1, PLANE_CONTROL));             /* who is connected keeps its place, */
    assert_false(rig_is_shut(rig_dialed(&r, 2, PLANE_CONTROL))); /* and what discovery says */
    assert_true(rig_is_shut(&r.wire[3]) || r.wire[3].closed);
    assert_non_null(rig_endpoint(&r, 1449)); /* the latest of the others */
    rig_run(&r, 1);
    rig_candidate(&r, 3);
    assert_int_equal(rig_dials(&r, 3), 1);
}

static void test_more_peers_than_are_kept(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MESH_PEERS_MAX; i++)
        assert_false(rig_is_shut(rig_visit(&r, 1000 + i, PLANE_RAFT)));
    struct wire *w = rig_visit(&r, 2000, PLANE_RAFT);
    assert_true(rig_is_shut(w));
    assert_int_equal(r.lines, 1);
    assert_int_equal(r.mesh.malformed, 0);
    rig_end(&r.wire[7]);
    assert_false(rig_is_shut(rig_visit(&r, 2001, PLANE_RAFT)));
}

static void test_strangers_have_a_bound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MESH_STRANGERS_MAX; i++)
        assert_non_null(rig_accept(&r));
    assert_null(rig_accept(&r));
    rig_end(&r.wire[0]);
    struct wire *w = rig_accept(&r);
    assert_non_null(w);
    assert_null(rig_accept(&r));
    rig_greet(w, 1, PLANE_CONTROL); /* who has said hello is none */
    assert_non_null(rig_accept(&r));
}

static bool expects(const char *host)
{
    return r.mesh.acceptor.ops->expects(&r.mesh.acceptor, host);
}

/* The places of strangers are kept for the addresses of nodes, those that discovery names and those that nodes name. */
static void test_addresses_of_nodes_are_expected(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    struct peer_hello listed = rig_hello(1, PLANE_CONTROL), visitor = rig_hello(2, PLANE_CONTROL);
    assert_true(expects(listed.address));
    assert_false(expects(visitor.address));
    assert_false(expects("192.0.2.1"));
    rig_visit(&r, 2, PLANE_CONTROL);
    assert_true(expects(visitor.address));
}

static void test_connections_of_one_peer_have_a_bound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * MESH_IN_MAX; i++) {
        assert_false(rig_is_shut(rig_visit(&r, 1, PLANE_RAFT)));
        rig_run(&r, 1);
        assert_true(rig_peer(&r, 1)->in[PLANE_RAFT] <= MESH_IN_MAX);
    }
    assert_int_equal(rig_peer(&r, 1)->in[PLANE_RAFT], MESH_IN_MAX);
    assert_true(r.wire[0].closed);
    assert_false(rig_is_shut(&r.wire[r.wire_count - 1])); /* the latest is the one that is in use */
}

/* --- frames --- */

static void test_frames_in_pieces(void **state)
{
    static uint8_t body[RIG_FRAME_MAX - 1];
    struct buf b;
    struct rng rng;
    size_t start;
    (void)state;
    rng_seed(&rng, 1);
    rng_fill(&rng, body, sizeof body);
    struct wire *w = rig_visit(&r, 1, PLANE_BULK);
    buf_init(&b, SIZE_MAX / 2);
    static const size_t sizes[] = {0, 1, 700, sizeof body, 3, 0};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(peer_frame_begin(&b, PEER_REQUEST, &start), 0);
        assert_int_equal(buf_append(&b, body, sizes[i]), 0);
        peer_frame_end(&b, start);
    }
    rig_input(w, buf_slice(&b));
    assert_int_equal(r.frames, 6);
    uint64_t sum = r.body_sum;
    for (unsigned round = 0; round < 60; round++) {
        struct slice rest = buf_slice(&b);
        while (rest.len) {
            size_t most = round == 0   ? 1
                          : round == 1 ? 4
                                       : 1 + rng_below(&rng, round * 2000),
                   n = 1 + rng_below(&rng, most);
            n = n < rest.len ? n : rest.len;
            uint8_t *piece = malloc(n); /* its own memory, gone afterwards */
            memcpy(piece, rest.data, n);
            rig_input(w, slice_make(piece, n));
            free(piece);
            rest = slice_skip(rest, n);
        }
        assert_int_equal(r.frames, 6 * (round + 2));
        assert_true(r.body_sum == sum * (round + 2));
        const struct link *l = LIST_ENTRY(w->user, struct link, user);
        assert_int_equal(buf_len(&l->in), 0);
        assert_true(l->in.cap <= 64 * 1024); /* what a large one took is given back */
    }
    assert_false(rig_is_shut(w));
    assert_int_equal(r.mesh.malformed, 0);
    buf_fini(&b);
}

static void test_one_byte_over_frame_max(void **state)
{
    static const uint8_t body[RIG_FRAME_MAX];
    (void)state;
    struct wire *w = rig_visit(&r, 1, PLANE_BULK);
    rig_frame(w, PEER_REQUEST, body, RIG_FRAME_MAX - 1);
    assert_int_equal(r.frames, 1);
    rig_frame(w, PEER_REQUEST, body, RIG_FRAME_MAX);
    assert_int_equal(r.frames, 1);
    assert_true(rig_is_shut(w));
    assert_int_equal(r.mesh.malformed, 1);
}

static void test_what_is_no_frame_closes_and_is_counted(void **state)
{
    static const uint8_t large[2000];
    uint64_t n = 0;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct wire *w = rig_visit(&r, 1, PLANE_CONTROL);
        rig_input(w, slice_make((const uint8_t *)"\0\0\0\1\x7f", 5)); /* no such kind */
        assert_true(rig_is_shut(w));
        assert_int_equal(r.mesh.malformed, ++n);
        w = rig_visit(&r, 1, PLANE_CONTROL);
        rig_greet(w, 1, PLANE_CONTROL); /* hello again */
        assert_true(rig_is_shut(w));
        assert_int_equal(r.mesh.malformed, ++n);
        w = rig_accept(&r);
        rig_secure(w, 1);
        rig_frame(w, PEER_RENEW, "", 0); /* before hello */
        assert_true(rig_is_shut(w));
        assert_int_equal(r.mesh.malformed, ++n);
        w = rig_accept(&r);
        rig_secure(w, 1);
        rig_frame(w, PEER_HELLO, large, sizeof large); /* who is not known is not listened to for long */
        assert_true(rig_is_shut(w));
        assert_int_equal(r.mesh.malformed, ++n);
        w = rig_accept(&r);
        rig_secure(w, 1);
        rig_frame(w, PEER_HELLO, large, 10);
        assert_true(rig_is_shut(w));
        assert_int_equal(r.mesh.malformed, ++n);
        rig_run(&r, 1000);
    }
    assert_int_equal(r.frames, 0);
    assert_int_equal(r.lines, 2); /* of the node that has said where it is, and of the address from which nobody has */
}

static void test_what_the_hook_does_not_know(void **state)
{
    (void)state;
    struct wire *w = rig_visit(&r, 1, PLANE_CONTROL);
    r.frame_err = E_NOMEM; /* as if the network had lost it */
    rig_frame(w, PEER_RENEW, "", 0);
    assert_false(rig_is_shut(w));
    r.frame_err = E_MALFORMED;
    rig_frame(w, PEER_RENEW, "", 0);
    assert_true(rig_is_shut(w));
    assert_int_equal(r.mesh.malformed, 1);
    assert_int_equal(r.lines, 1);
    rig_frame(w, PEER_RENEW, "", 0); /* nobody listens any more */
    assert_int_equal(r.frames, 2);
}

static void test_a_hook_may_close(void **state)
{
    struct buf b;
    size_t start;
    (void)state;
    buf_init(&b, 1000);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(peer_frame_begin(&b, PEER_RENEW, &start), 0);
        peer_frame_end(&b, start);
    }
    r.closes = true;
    for (size_t split = 1; split < buf_len(&b); split++) {
        struct wire *w = rig_visit(&r, 1, PLANE_CONTROL);
        r.frames = 0;
        rig_input(w, slice_make(b.data, split));
        rig_input(w, slice_make(b.data + split, buf_len(&b) - split));
        assert_int_equal(r.frames, 1);
        assert_true(rig_is_shut(w));
        rig_run(&r, 1);
    }
    buf_fini(&b);
}

static void test_beacons_come_on_the_speakers_own_control_connection(void **state)
{
    struct peer_beacon b = {.state = PEER_MEMBER, .n = 5, .epoch = 7};
    (void)state;
    struct wire *in = rig_visit(&r, 1, PLANE_CONTROL);
    rig_beacon(in, &b);
    assert_int_equal(r.beacons, 1);
    assert_true(rig_peer(&r, 1)->has_beacon);
    assert_int_equal(rig_peer(&r, 1)->beacon.epoch, 7);
    struct wire *data = rig_visit(&r, 1, PLANE_RAFT);
    rig_beacon(data, &b);
    assert_true(rig_is_shut(data));
    rig_reach(&r, 1, false);
    struct wire *out = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_beacon(out, &b);
    assert_true(rig_is_shut(out));
    rig_frame(in, PEER_BEACON, "short", 5);
    assert_true(rig_is_shut(in));
    assert_int_equal(r.mesh.malformed, 3);
    assert_int_equal(r.beacons, 1);
    assert_int_equal(rig_peer(&r, 1)->beacon.epoch, 7); /* what was said before is not half overwritten */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hundreds_of_incarnations_and_addresses),
        TEST(test_more_peers_than_are_kept),
        TEST(test_strangers_have_a_bound),
        TEST(test_addresses_of_nodes_are_expected),
        TEST(test_connections_of_one_peer_have_a_bound),
        TEST(test_frames_in_pieces),
        TEST(test_one_byte_over_frame_max),
        TEST(test_what_is_no_frame_closes_and_is_counted),
        TEST(test_what_the_hook_does_not_know),
        TEST(test_a_hook_may_close),
        TEST(test_beacons_come_on_the_speakers_own_control_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
