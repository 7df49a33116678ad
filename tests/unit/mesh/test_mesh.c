/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between nodes, over a network that is the test itself: who is let in, who is reached where and when, and
 * what is written. */
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

/* --- hello --- */

static void test_hello_both_ways(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    struct wire *out = rig_dialed(&r, 1, PLANE_CONTROL);
    assert_non_null(out);
    assert_int_equal(outq_len(&out->stream.out), 0); /* not before the handshake */
    rig_secure(out, 1);
    rig_expect_hello(out, PLANE_CONTROL);
    assert_null(rig_link(&r, 1, PLANE_CONTROL));
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    rig_say(out, &h);
    assert_int_equal(r.opened, 1);
    assert_non_null(rig_link(&r, 1, PLANE_CONTROL));
    assert_false(mesh_sees(&r.mesh, rig_peer(&r, 1)));
    struct wire *in = rig_accept(&r);
    rig_secure(in, 1);
    assert_int_equal(outq_len(&in->stream.out), 0); /* it is asked first what the connection is for */
    rig_say(in, &h);
    rig_expect_hello(in, PLANE_CONTROL);
    assert_true(mesh_sees(&r.mesh, rig_peer(&r, 1)));
    assert_int_equal(r.opened, 1);
    rig_end(in);
    assert_false(mesh_sees(&r.mesh, rig_peer(&r, 1)));
    assert_non_null(rig_link(&r, 1, PLANE_CONTROL));
    rig_end(out);
    assert_null(rig_link(&r, 1, PLANE_CONTROL));
    assert_int_equal(r.closed, 2);
    assert_int_equal(r.lines, 0);
    assert_int_equal(r.mesh.malformed, 0);
}

static void test_who_comes_is_dialed_where_it_says_it_is(void **state)
{
    (void)state;
    rig_visit(&r, 1, PLANE_CONTROL);
    assert_int_equal(rig_dials(&r, 1), 1);
    rig_visit(&r, 2, PLANE_RAFT); /* for data: it has said the same on the other plane */
    assert_int_equal(rig_dials(&r, 2), 0);
}

/* Of another release or name: it hears which this is, so that it can say why. */
static bool hears_why(const struct peer_hello *h)
{
    const struct peer_hello ours = rig_hello(1, PLANE_CONTROL);
    return h->version != ours.version || strcmp(h->name, ours.name) != 0;
}

/* Closed, not counted as malformed, and said once, however often it comes. */
static void expect_refused(unsigned certified, const struct peer_hello *h, bool is_news, const char *why)
{
    unsigned lines = r.lines;
    uint64_t malformed = r.mesh.malformed;
    for (unsigned i = 0; i < 3; i++) {
        struct wire *w = rig_accept(&r);
        rig_secure(w, certified);
        rig_say(w, h);
        assert_true(rig_is_shut(w));
        if (hears_why(h))
            rig_expect_hello(w, PLANE_CONTROL);
        assert_int_equal(outq_len(&w->stream.out), 0);
        rig_run(&r, 1000);
    }
    assert_int_equal(r.lines, lines + is_news);
    if (is_news)
        assert_non_null(strstr(r.line, why));
    assert_true(r.mesh.malformed == malformed);
    assert_int_equal(r.mesh.peer_count, 0);
}

static void test_refusals_are_said_once(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    (void)state;
    h.version++;
    expect_refused(1, &h, true, "version");
    h = rig_hello(1, PLANE_CONTROL);
    h.name[0] = 'x';
    expect_refused(1, &h, true, "cluster-name");
    h = rig_hello(1, PLANE_CONTROL);
    expect_refused(2, &h, true, "certificate");
    h.address[0] = '\0';
    expect_refused(1, &h, true, "advertise");
    h = rig_hello(1, PLANE_CONTROL);
    h.epmd_port = 0;
    expect_refused(1, &h, false, NULL); /* the same reason */
    h = rig_hello(1, PLANE_CONTROL);
    h.handoff_port = 0;
    expect_refused(1, &h, false, NULL);
    h = rig_hello(1, PLANE_CONTROL);
    h.version++;
    expect_refused(1, &h, false, NULL);
    h = rig_hello(3, PLANE_CONTROL);
    h.version++;
    expect_refused(3, &h, false, NULL); /* one that was started again, at the same address */
    r.from = "[fd00::7]:40000";
    expect_refused(3, &h, true, "fd00::7 "); /* another node */
    r.from = "10.0.0.8:40000";
    h = rig_hello(200, PLANE_CONTROL);
    expect_refused(1, &h, true, "certificate"); /* this node's own, with another's certificate */
    rig_run(&r, REPEATS_PERIOD_MS);
    unsigned lines = r.lines;
    struct wire *w = rig_accept(&r);
    rig_secure(w, 1);
    rig_say(w, &h);
    assert_int_equal(r.lines, lines + 1); /* it lasts */
    assert_non_null(strstr(r.line, "(3 times"));
    r.from = NULL;
}

static const struct endpoint *endpoint_of(unsigned number)
{
    const struct endpoint *e = rig_endpoint(&r, number);
    assert_non_null(e);
    return e;
}

/* For operators: why nobody was reached there, or is not talked to. */
static void test_an_endpoint_knows_why(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    (void)state;
    rig_candidate(&r, 1);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    assert_string_equal(endpoint_of(1)->failure, "gone");
    assert_null(endpoint_of(1)->refusal);
    rig_run(&r, 1000);
    h.name[0] = 'x';
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_secure(w, 1);
    rig_say(w, &h); /* what it answers */
    assert_non_null(strstr(endpoint_of(1)->refusal, "cluster-name"));
    rig_end(w);
    assert_non_null(endpoint_of(1)->refusal);
    rig_reach(&r, 1, false);
    assert_null(endpoint_of(1)->refusal);
    assert_string_equal(endpoint_of(1)->failure, "");
    /* It comes by itself, and is none. */
    rig_candidate(&r, 2);
    h = rig_hello(2, PLANE_CONTROL);
    h.version++;
    w = rig_accept(&r);
    rig_secure(w, 2);
    rig_say(w, &h);
    assert_non_null(strstr(endpoint_of(2)->refusal, "version"));
    assert_int_equal(endpoint_of(2)->refused_ms, r.now_ms);
}

static void test_a_certificate_must_name_a_node(void **state)
{
    struct stream_peer none = {.is_node = true}, client = {.is_node = false, .incarnation = {{1}}};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct wire *w = rig_accept(&r);
        w->user->ops->secure(w->user, i % 2 ? &none : &client);
        assert_true(rig_is_shut(w));
    }
    assert_int_equal(r.lines, 1);
    assert_non_null(strstr(r.line, "incarnation"));
}

static void test_what_was_dialed_answers_for_its_plane(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_BULK);
    (void)state;
    rig_candidate(&r, 1);
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_secure(w, 1);
    rig_say(w, &h);
    assert_true(rig_is_shut(w));
    assert_int_equal(r.opened, 0);
}

static void test_a_node_recognises_itself(void **state)
{
    (void)state;
    rig_candidate(&r, 1); /* an address that leads back to here */
    struct wire *out = rig_dialed(&r, 1, PLANE_CONTROL), *in = rig_accept(&r);
    struct peer_hello self = r.mesh.config.self;
    rig_secure(out, 200);
    rig_secure(in, 200);
    rig_say(in, &self);
    assert_true(rig_is_shut(in));
    rig_say(out, &self);
    assert_true(rig_is_shut(out));
    rig_run(&r, 60000);
    assert_int_equal(rig_dials(&r, 1), 1);
    assert_int_equal(r.lines, 0);
    assert_int_equal(r.mesh.peer_count, 0);
    rig_candidate(&r, 200); /* nor is its own address dialed */
    assert_int_equal(rig_dials(&r, 200), 0);
}

static void test_r_proof_a_hello_does_not_change(void **state)
{
    struct peer_hello h = rig_hello(1, PLANE_CONTROL);
    (void)state;
    rig_reach(&r, 1, false);
    memcpy(h.place, "another", 8);
    struct wire *w = rig_accept(&r);
    rig_secure(w, 1);
    rig_say(w, &h);
    assert_true(rig_is_shut(w));
    assert_int_equal(r.lines, 1);
    assert_string_equal(rig_peer(&r, 1)->hello.place, "place-1");
}

static void test_a_hello_must_come_in_time(void **state)
{
    (void)state;
    struct wire *silent = rig_accept(&r), *speaks = rig_visit(&r, 2, PLANE_RAFT);
    rig_secure(silent, 1);
    rig_candidate(&r, 3);
    struct wire *out = rig_dialed(&r, 3, PLANE_CONTROL);
    rig_secure(out, 3);
    rig_run(&r, 4990);
    assert_false(rig_is_shut(silent) || rig_is_shut(out));
    rig_run(&r, 20);
    assert_true(rig_is_shut(silent) && rig_is_shut(out));
    assert_false(rig_is_shut(speaks));
    assert_int_equal(r.lines, 2);
    rig_run(&r, 60000);
    assert_false(rig_is_shut(speaks));
}

/* --- dialing --- */

static void test_redial_with_backoff(void **state)
{
    static const unsigned gaps[] = {50, 100, 200, 400, 800, 1000, 1000, 1000};
    uint64_t last = r.now_ms;
    (void)state;
    rig_candidate(&r, 1);
    for (unsigned i = 0; i < 8; i++) {
        rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
        while (!rig_dialed(&r, 1, PLANE_CONTROL))
            rig_run(&r, 1);
        uint64_t gap = rig_dialed(&r, 1, PLANE_CONTROL)->dialed_ms - last;
        assert_in_range(gap, gaps[i], gaps[i] + 1);
        last += gap;
        assert_int_equal(r.lines, i >= 4); /* said once, when it is not only a little late */
    }
    assert_non_null(strstr(r.line, "10.0.0.1 port 4369: no node of this cluster answers"));
}

static void fail_dials(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        rig_end(rig_dialed(&r, number, PLANE_CONTROL));
        while (!rig_dialed(&r, number, PLANE_CONTROL))
            rig_run(&r, 1);
    }
}

/* Who reaches this node, but is not where it says that it is, hears so, and why. */
static void test_who_is_dialed_in_vain_is_told(void **state)
{
    struct buf keep;
    (void)state;
    buf_init(&keep, SIZE_MAX / 2);
    struct wire *w = rig_visit(&r, 1, PLANE_CONTROL);
    rig_take(w, PEER_HELLO, &keep);
    fail_dials(1, 4);
    assert_int_equal(outq_len(&w->stream.out), 0);
    fail_dials(1, 1);
    mesh_flush(&r.mesh);
    struct coder c = coder_reader(rig_take(w, PEER_NOT_REACHED, &keep));
    struct peer_not_reached m;
    code_not_reached(&c, &m);
    assert_int_equal(coder_end(&c), 0);
    assert_true(m.why[0] != '\0');
    buf_fini(&keep);
}

static void test_what_is_told_about_this_node_is_logged(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    rig_greet(w, 1, PLANE_CONTROL);
    for (unsigned i = 0; i < 3; i++)
        rig_frame(w, PEER_NOT_REACHED, "\x07refused", 8);
    assert_int_equal(r.lines, 1);
    assert_non_null(strstr(r.line, "(refused)"));
    assert_non_null(strstr(r.line, "(advertise)"));
    rig_frame(rig_visit(&r, 1, PLANE_CONTROL), PEER_NOT_REACHED, "\x07refused", 8); /* it was not dialed for that */
    assert_int_equal(r.mesh.malformed, 1);
}

static void test_redial_of_what_stood_is_at_once(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    for (unsigned i = 0; i < 10; i++) { /* let in and thrown out: no better than not let in */
        rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
        rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
        while (!rig_dialed(&r, 1, PLANE_CONTROL))
            rig_run(&r, 1);
    }
    uint64_t begun = r.now_ms;
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 990);
    assert_null(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 20);
    assert_in_range(rig_dialed(&r, 1, PLANE_CONTROL)->dialed_ms - begun, 1000, 1001);
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    rig_run(&r, 1000);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_run(&r, 51);
    assert_non_null(rig_dialed(&r, 1, PLANE_CONTROL));
}

static void test_a_dial_that_cannot_begin_is_tried_again(void **state)
{
    (void)state;
    r.dial_err = E_NOMEM;
    rig_candidate(&r, 1);
    rig_run(&r, 500);
    assert_true(mesh_is_empty(&r.mesh));
    r.dial_err = 0;
    rig_run(&r, 1000);
    assert_non_null(rig_dialed(&r, 1, PLANE_CONTROL));
}

static void test_planes(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    rig_endpoint(&r, 1)->wants_data = true;
    mesh_dial(&r.mesh);
    assert_null(rig_dialed(&r, 1, PLANE_RAFT)); /* who is there says on which port */
    rig_reach(&r, 1, true);
    for (unsigned i = 0; i < PLANE_COUNT; i++) {
        struct link *l = rig_link(&r, 1, i);
        assert_non_null(l);
        assert_int_equal(l->plane, i);
    }
    assert_int_equal(r.opened, 3);
    rig_end(rig_dialed(&r, 1, PLANE_RAFT));
    assert_null(rig_link(&r, 1, PLANE_RAFT));
    assert_non_null(rig_link(&r, 1, PLANE_BULK));
    rig_run(&r, 2000);
    rig_greet(rig_dialed(&r, 1, PLANE_RAFT), 1, PLANE_RAFT);
    assert_non_null(rig_link(&r, 1, PLANE_RAFT));
    struct wire *bulk = rig_dialed(&r, 1, PLANE_BULK), *raft = rig_dialed(&r, 1, PLANE_RAFT);
    raft->user->ops->drained(raft->user);
    assert_int_equal(r.drained, 0);
    bulk->user->ops->drained(bulk->user);
    assert_int_equal(r.drained, 1);
}

static void test_candidates_that_answer_stay_known(void **state)
{
    (void)state;
    rig_candidate(&r, 1);
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    struct wire *in = rig_visit(&r, 2, PLANE_CONTROL); /* never answered where it says it is */
    rig_candidate(&r, 3);
    assert_int_equal(rig_dials(&r, 3), 1);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_end(rig_dialed(&r, 2, PLANE_CONTROL));
    rig_run(&r, 2000);
    assert_int_equal(rig_dials(&r, 1), 2);
    assert_int_equal(rig_dials(&r, 2), 2);
    rig_end(in);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    rig_end(rig_dialed(&r, 2, PLANE_CONTROL));
    rig_candidate(&r, 3); /* those who do not answer are forgotten */
    unsigned dials[] = {rig_dials(&r, 1), rig_dials(&r, 2)};
    rig_run(&r, 5000);
    assert_int_equal(rig_dials(&r, 1), dials[0]);
    assert_int_equal(rig_dials(&r, 2), dials[1]);
}

static void test_a_node_under_two_addresses(void **state)
{
    struct peer_hello alias = rig_hello(9, PLANE_CONTROL);
    (void)state;
    rig_reach(&r, 1, true);
    rig_candidate(&r, 9); /* an address under which 1 is found, too */
    struct wire *w = rig_dialed(&r, 9, PLANE_CONTROL);
    rig_greet(w, 1, PLANE_CONTROL);
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        assert_string_equal(rig_link(&r, 1, i)->endpoint->address, rig_peer(&r, 1)->hello.address);
    rig_end(rig_dialed(&r, 1, PLANE_CONTROL));
    assert_string_equal(rig_link(&r, 1, PLANE_CONTROL)->endpoint->address, alias.address);
    assert_non_null(rig_link(&r, 1, PLANE_RAFT)); /* the data's connections did not end */
    rig_run(&r, 2000);
    rig_greet(rig_dialed(&r, 1, PLANE_CONTROL), 1, PLANE_CONTROL);
    assert_string_equal(rig_link(&r, 1, PLANE_CONTROL)->endpoint->address, rig_peer(&r, 1)->hello.address);
}

/* --- writing --- */

static void test_what_is_written(void **state)
{
    struct buf keep;
    (void)state;
    buf_init(&keep, SIZE_MAX / 2);
    rig_reach(&r, 1, false);
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    struct link *l = rig_link(&r, 1, PLANE_CONTROL);
    rig_run(&r, 1);
    rig_expect_hello(w, PLANE_CONTROL);
    unsigned flushes = w->flushes;
    struct buf *out = link_begin(l, PEER_RENEW);
    assert_int_equal(buf_append(out, "first", 5), 0);
    link_end(l, 0);
    out = link_begin(l, PEER_GRANT);
    assert_int_equal(buf_append(out, "taken back", 10), 0);
    link_end(l, E_NOMEM);
    out = link_begin(l, PEER_ADMIT);
    assert_int_equal(buf_append(out, "second", 6), 0);
    link_end(l, 0);
    assert_int_equal(link_backlog(l), 2 * PEER_FRAME_HEAD + 11);
    assert_int_equal(w->flushes, flushes);
    mesh_flush(&r.mesh);
    mesh_flush(&r.mesh);
    assert_int_equal(w->flushes, flushes + 1); /* once for all of the turn */
    assert_slice_is(rig_take(w, PEER_RENEW, &keep), "first");
    assert_slice_is(rig_take(w, PEER_ADMIT, &keep), "second");
    assert_int_equal(link_backlog(l), 0);
    buf_fini(&keep);
}

static void test_what_is_larger_than_others_take_is_not_sent(void **state)
{
    static const uint8_t body[RIG_FRAME_MAX];
    (void)state;
    rig_reach(&r, 1, false);
    struct link *l = rig_link(&r, 1, PLANE_CONTROL);
    size_t before = link_backlog(l);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(buf_append(link_begin(l, PEER_RAFT), body, RIG_FRAME_MAX), 0);
        link_end(l, 0);
        assert_int_equal(link_backlog(l), before);
    }
    assert_int_equal(r.lines, 1);
    assert_int_equal(buf_append(link_begin(l, PEER_RAFT), body, RIG_FRAME_MAX - 1), 0);
    link_end(l, 0);
    assert_int_equal(link_backlog(l), before + PEER_FRAME_HEAD + RIG_FRAME_MAX - 1);
}

static void test_nothing_is_written_to_what_closes(void **state)
{
    (void)state;
    rig_reach(&r, 1, false);
    struct link *l = rig_link(&r, 1, PLANE_CONTROL);
    link_close(l);
    link_close(l);
    assert_null(link_begin(l, PEER_RENEW));
    assert_null(link_begin(NULL, PEER_RENEW));
    assert_null(rig_link(&r, 1, PLANE_CONTROL));
    assert_int_equal(r.closed, 0); /* not before it has */
    rig_run(&r, 0);
    assert_int_equal(r.closed, 1);
}

/* --- ends --- */

static void test_another_incarnation_of_its_own(void **state)
{
    struct incarnation incarnation = {{9, 9}};
    (void)state;
    rig_reach(&r, 1, true);
    struct wire *in = rig_visit(&r, 1, PLANE_CONTROL);
    mesh_set_incarnation(&r.mesh, incarnation);
    assert_true(rig_is_shut(in));
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        assert_true(rig_is_shut(rig_dialed(&r, 1, i)));
    rig_run(&r, 2000);
    struct wire *w = rig_dialed(&r, 1, PLANE_CONTROL);
    assert_null(rig_dialed(&r, 1, PLANE_RAFT)); /* whose member it is has to be said anew */
    rig_secure(w, 1);
    rig_expect_hello(w, PLANE_CONTROL);
}

static void test_the_end(void **state)
{
    (void)state;
    rig_reach(&r, 1, true);
    struct wire *in = rig_visit(&r, 2, PLANE_CONTROL), *stranger = rig_accept(&r);
    unsigned opened = r.opened;
    assert_non_null(link_begin(rig_link(&r, 1, PLANE_CONTROL), PEER_RENEW));
    link_end(rig_link(&r, 1, PLANE_CONTROL), 0);
    struct wire *out = rig_dialed(&r, 1, PLANE_CONTROL);
    unsigned flushes = out->flushes;
    mesh_end(&r.mesh);
    assert_int_equal(out->flushes, flushes + 1); /* what was written leaves first */
    for (unsigned i = 0; i < r.wire_count; i++)
        assert_true(rig_is_shut(&r.wire[i]));
    assert_false(mesh_is_empty(&r.mesh));
    rig_frame(in, PEER_RENEW, "", 0);
    rig_secure(stranger, 3);
    assert_null(rig_accept(&r));
    mesh_dial(&r.mesh);
    rig_run(&r, 10000);
    assert_true(mesh_is_empty(&r.mesh));
    assert_int_equal(r.frames, 0);
    assert_int_equal(r.closed, 0); /* nobody is told any more */
    assert_int_equal(r.opened, opened);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hello_both_ways),
        TEST(test_who_comes_is_dialed_where_it_says_it_is),
        TEST(test_refusals_are_said_once),
        TEST(test_an_endpoint_knows_why),
        TEST(test_a_certificate_must_name_a_node),
        TEST(test_what_was_dialed_answers_for_its_plane),
        TEST(test_a_node_recognises_itself),
        TEST(test_r_proof_a_hello_does_not_change),
        TEST(test_a_hello_must_come_in_time),
        TEST(test_redial_with_backoff),
        TEST(test_who_is_dialed_in_vain_is_told),
        TEST(test_what_is_told_about_this_node_is_logged),
        TEST(test_redial_of_what_stood_is_at_once),
        TEST(test_a_dial_that_cannot_begin_is_tried_again),
        TEST(test_planes),
        TEST(test_candidates_that_answer_stay_known),
        TEST(test_a_node_under_two_addresses),
        TEST(test_what_is_written),
        TEST(test_what_is_larger_than_others_take_is_not_sent),
        TEST(test_nothing_is_written_to_what_closes),
        TEST(test_another_incarnation_of_its_own),
        TEST(test_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
