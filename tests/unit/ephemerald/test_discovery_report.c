/* SPDX-License-Identifier: Apache-2.0 */
/* What discovery and the cluster know, put together: over a discovery on a made-up network, and a cluster that only
 * remembers. */
#include "ephemerald/discovery_report.h"
#include "../discovery/rig.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

struct cluster {
    bool seeks;
    size_t places; /* that discovery does not know */
};

bool cluster_seeks(const struct cluster *c)
{
    return c->seeks;
}

void cluster_status(const struct cluster *c, struct status_node *out)
{
    *out = (struct status_node){.state = c->seeks ? STATUS_SEEKING : STATUS_MEMBER, .why = "in no cluster"};
}

void cluster_judge_candidate(const struct cluster *c, const char *address, uint16_t epmd_port,
                             struct status_candidate *out)
{
    (void)c;
    assert_string_equal(out->address, address);
    out->state = epmd_port == PORT ? STATUS_CANDIDATE_SILENT : STATUS_CANDIDATE_SELF;
    snprintf(out->why, sizeof out->why, "connection to %s refused", address);
}

/* The first is one that discovery lists. */
bool cluster_place(const struct cluster *c, size_t i, char address[STATUS_ADDRESS_MAX], uint16_t *epmd_port)
{
    snprintf(address, STATUS_ADDRESS_MAX, i ? "10.9.%zu.%zu" : "10.0.0.1", i / 250, i % 250);
    *epmd_port = PORT;
    return i <= c->places;
}

const char *status_node_state_text(enum status_node_state state)
{
    return state == STATUS_SEEKING ? "seeking" : "member";
}

const char *status_candidate_state_text(enum status_candidate_state state)
{
    return state == STATUS_CANDIDATE_SELF ? "this node" : "not reached";
}

static struct rig r;
static struct cluster cluster;
static struct discovery_report report;
static struct status_discovery page;

static void begin(const char *peers)
{
    rig_init(&r, peers);
    cluster = (struct cluster){.seeks = true};
    discovery_start(r.d);
    discovery_report_init(&report, r.d, &cluster, &r.timers, &r.clock, &r.log);
}

static void end(void)
{
    discovery_report_fini(&report);
    rig_fini(&r);
}

static void test_sources_and_candidates(void **state)
{
    (void)state;
    begin("10.0.0.1:7,10.0.0.2,a,b");
    rig_pass(&r, 20);
    rig_answer(&r, "a", "10.0.0.2 10.0.0.3");
    rig_pass(&r, 100);
    rig_fail(&r, "b", E_IO);
    rig_pass(&r, 80);
    discovery_report_fill(&report, 0, &page);
    assert_int_equal(page.source_total, 3);
    assert_int_equal(page.source_count, 3);
    assert_string_equal(page.source[0].name, "peers' addresses");
    assert_true(page.source[0].authoritative);
    assert_int_equal(page.source[0].nodes, 2);
    assert_int_equal(page.source[0].answered_age_ms, 200);
    assert_string_equal(page.source[1].name, "peer a");
    assert_int_equal(page.source[1].answered_age_ms, 180);
    assert_int_equal(page.source[1].took_ms, 20);
    assert_int_equal(page.source[1].addresses, 2);
    assert_int_equal(page.source[1].size, -1);
    assert_true(page.source[1].failed_age_ms == UINT64_MAX);
    assert_true(page.source[2].answered_age_ms == UINT64_MAX);
    assert_int_equal(page.source[2].failed_age_ms, 80);
    assert_string_equal(page.source[2].error, "no name server answered");
    assert_int_equal(page.candidate_total, 4); /* the cluster's own one is another port of the same host */
    assert_string_equal(page.candidate[0].address, "10.0.0.1");
    assert_int_equal(page.candidate[0].epmd_port, 7);
    assert_int_equal(page.candidate[0].sources, 1);
    assert_int_equal(page.candidate[1].sources, 3);
    assert_int_equal(page.candidate[2].sources, 2);
    assert_int_equal(page.candidate[3].sources, 0);
    assert_int_equal(page.candidate[3].state, STATUS_CANDIDATE_SILENT);
    end();
}

static void test_pages(void **state)
{
    (void)state;
    begin("10.0.0.1,10.0.0.2");
    cluster.places = 100;
    discovery_report_fill(&report, 0, &page);
    assert_int_equal(page.candidate_total, 102);
    assert_int_equal(page.candidate_count, STATUS_CANDIDATES_MAX);
    assert_string_equal(page.candidate[2].address, "10.9.0.1");
    discovery_report_fill(&report, 64, &page);
    assert_int_equal(page.candidate_count, 38);
    assert_string_equal(page.candidate[37].address, "10.9.0.100");
    assert_int_equal(page.source_count, 1);
    discovery_report_fill(&report, UINT32_MAX, &page);
    assert_int_equal(page.candidate_count, 0);
    assert_int_equal(page.candidate_total, 102);
    end();
}

static void test_more_sources_than_room(void **state)
{
    char peers[1000] = "";
    (void)state;
    for (int i = 0; i < 70; i++)
        sprintf(peers + strlen(peers), "%sh%d", i ? "," : "", i);
    rig_init(&r, peers); /* is not asked */
    cluster.seeks = false;
    discovery_report_init(&report, r.d, &cluster, &r.timers, &r.clock, &r.log);
    discovery_report_fill(&report, 0, &page);
    assert_int_equal(page.source_total, 70);
    assert_int_equal(page.source_count, STATUS_SOURCES_MAX);
    end();
}

static unsigned count(const char *part)
{
    unsigned n = 0;
    for (const char *p = r.lines; (p = strstr(p, part)); p++)
        n++;
    return n;
}

/* After ten seconds, then once in a minute, until it is in a cluster. */
static void test_lines_while_it_seeks(void **state)
{
    (void)state;
    begin("10.0.0.1,a");
    rig_fail(&r, "a", E_IO);
    rig_pass(&r, REPORT_FIRST_MS - 1);
    discovery_report_turn(&report);
    assert_int_equal(count("seeking for"), 0);
    rig_pass(&r, 1);
    assert_int_equal(
        count("seeking for 10 s; sources: peers' addresses: 1 node(s), 1 address(es), 10 s ago; peer a: no "
              "answer: no name server answered"),
        1);
    assert_int_equal(count("seeking: in no cluster; candidates: 10.0.0.1:4369 not reached: connection to 10.0.0.1 "
                           "refused (ephemeralctl discovery shows all)"),
                     1);
    rig_pass(&r, 3 * REPORT_AGAIN_MS);
    assert_int_equal(count("seeking for"), 4);
    cluster.seeks = false;
    discovery_report_turn(&report);
    rig_pass(&r, 3 * REPORT_AGAIN_MS);
    assert_int_equal(count("seeking for"), 4);
    cluster.seeks = true; /* stranded */
    discovery_report_turn(&report);
    rig_pass(&r, REPORT_FIRST_MS);
    assert_int_equal(count("seeking for 10 s"), 2);
    end();
}

/* However many there are, a line has its bound, and says what it leaves out. */
static void test_long_lines(void **state)
{
    (void)state;
    begin("10.0.0.1");
    cluster.places = 200;
    rig_pass(&r, REPORT_FIRST_MS);
    assert_int_equal(count("; and 1"), 1);
    assert_true(strlen(r.lines) < 2 * LOG_LINE_MAX);
    assert_non_null(strstr(r.lines, "more (ephemeralctl discovery shows all)"));
    end();
}

/* A node that seeks asks more often. */
static void test_it_lets_discovery_know(void **state)
{
    (void)state;
    begin("a");
    rig_answer(&r, "a", "10.0.0.1");
    rig_pass(&r, 500);
    assert_int_equal(r.asked, 2);
    rig_answer(&r, "a", "10.0.0.1");
    cluster.seeks = false;
    discovery_report_turn(&report);
    rig_pass(&r, 1000); /* what was planned */
    rig_answer(&r, "a", "10.0.0.1");
    rig_pass(&r, 9999);
    assert_int_equal(r.asked, 3);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_and_candidates),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_more_sources_than_room),
        cmocka_unit_test(test_lines_while_it_seeks),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_it_lets_discovery_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
