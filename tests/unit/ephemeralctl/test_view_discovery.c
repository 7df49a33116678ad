/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs get to see of discovery, letter by letter. */
#include "ephemeralctl/view_discovery.h"

#include "support.h"

#include <stdlib.h>

static char *text;
static size_t length;
static FILE *out;

static int set_up(void **state)
{
    (void)state;
    out = open_memstream(&text, &length);
    return out ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fclose(out);
    free(text);
    return 0;
}

static const struct status_node node = {
    .state = STATUS_SEEKING, .why = "in no cluster: sees 2 of 5 nodes, 3 are needed to form one", .expected = 5};

static const struct status_discovery sample = {
    .source_total = 4,
    .source_count = 4,
    .source = {{.name = "Marathon's API, app /ephemeral-store",
                .authoritative = true,
                .answered_age_ms = 3000,
                .took_ms = 12,
                .nodes = 5,
                .addresses = 3,
                .size = 5,
                .note = "3 of 5 instances run",
                .failed_age_ms = 125000,
                .error = "http://m: no connection"},
               {.name = "Mesos-DNS store.marathon.mesos",
                .answered_age_ms = UINT64_MAX,
                .size = -1,
                .failed_age_ms = 1000,
                .error = "no name server answered"},
               {.name = "peer a\x1b[2J",
                .answered_age_ms = 61000,
                .took_ms = 1,
                .nodes = 1,
                .addresses = 1,
                .size = -1,
                .failed_age_ms = UINT64_MAX},
               {.name = "peers' addresses",
                .authoritative = true,
                .answered_age_ms = 0,
                .nodes = 1,
                .addresses = 1,
                .size = -1,
                .note = "n",
                .problem = "p",
                .failed_age_ms = UINT64_MAX}},
    .candidate_total = 3,
    .candidate_count = 3,
    .candidate = {
        {.address = "10.0.0.1", .epmd_port = 4369, .sources = 5, .state = STATUS_CANDIDATE_SELF},
        {.address = "10.0.0.2",
         .epmd_port = 4369,
         .sources = 1,
         .state = STATUS_CANDIDATE_SILENT,
         .why = "connection refused"},
        {.address = "fd00::1", .epmd_port = 7, .state = STATUS_CANDIDATE_SEEKING, .why = "in no cluster"},
    }};

static void show(const struct status_discovery *d, bool as_json, const char *expected)
{
    struct view_discovery v;
    assert_true(view_discovery_begin(&v, &node, d, as_json, out));
    view_discovery_page(&v, d);
    assert_true(view_discovery_end(&v, true));
    fflush(out);
    assert_string_equal(text, expected);
}

static void tables(void **state)
{
    (void)state;
    show(&sample, false,
         "this node    seeking: in no cluster: sees 2 of 5 nodes, 3 are needed to form one, 5 nodes expected\n"
         "\n"
         "#  SOURCE                                ANSWERED    TOOK  NODES  ADDRESSES  SIZE  AUTHORITATIVE  SAYS\n"
         "1  Marathon's API, app /ephemeral-store  3s ago     12 ms      5          3     5  yes            3 of 5 "
         "instances run; last failed 2m05s ago: http://m: no connection\n"
         "2  Mesos-DNS store.marathon.mesos        never          -      0          0     -  no             no answer: "
         "no name server answered\n"
         "3  peer a\\x1b[2J                         1m01s ago   1 ms      1          1     -  no             -\n"
         "4  peers' addresses                      0s ago      0 ms      1          1     -  yes            n; p\n"
         "\n"
         "CANDIDATE      SOURCES  STATE        WHY\n"
         "10.0.0.1:4369  1,3      this node    -\n"
         "10.0.0.2:4369  1        not reached  connection refused\n"
         "[fd00::1]:7    -        seeking      in no cluster\n");
}

static void json(void **state)
{
    struct status_discovery d = sample;
    (void)state;
    d.source_count = 2;
    show(
        &d, true,
        "{\"state\":\"seeking\",\"why\":\"in no cluster: sees 2 of 5 nodes, 3 are needed to form one\","
        "\"expected\":5,\"source_total\":4,\"sources\":["
        "{\"name\":\"Marathon's API, app /ephemeral-store\",\"authoritative\":true,\"answered_age_ms\":3000,"
        "\"took_ms\":12,\"nodes\":5,\"addresses\":3,\"size\":5,\"note\":\"3 of 5 instances run\",\"problem\":null,"
        "\"failed_age_ms\":125000,\"error\":\"http://m: no connection\"},"
        "{\"name\":\"Mesos-DNS store.marathon.mesos\",\"authoritative\":false,\"answered_age_ms\":null,"
        "\"took_ms\":null,\"nodes\":0,\"addresses\":0,\"size\":null,\"note\":null,\"problem\":null,"
        "\"failed_age_ms\":1000,\"error\":\"no name server answered\"}],"
        "\"candidates\":["
        "{\"address\":\"10.0.0.1\",\"epmd_port\":4369,\"sources\":[0,2],\"state\":\"this node\",\"why\":null},"
        "{\"address\":\"10.0.0.2\",\"epmd_port\":4369,\"sources\":[0],\"state\":\"not reached\","
        "\"why\":\"connection refused\"},"
        "{\"address\":\"fd00::1\",\"epmd_port\":7,\"sources\":[],\"state\":\"seeking\",\"why\":\"in no cluster\"}]}\n");
}

static void nothing(void **state)
{
    static const struct status_discovery none;
    (void)state;
    show(&none, false,
         "this node    seeking: in no cluster: sees 2 of 5 nodes, 3 are needed to form one, 5 nodes expected\n"
         "sources      none: this node looks for no others (peers)\n"
         "\n"
         "\n"
         "candidates   none\n");
}

static void more_sources_than_room(void **state)
{
    struct status_discovery d = {.source_total = 70, .source_count = 1, .source = {sample.source[2]}};
    (void)state;
    struct view_discovery v;
    assert_true(view_discovery_begin(&v, &node, &d, false, out));
    assert_true(view_discovery_end(&v, false)); /* a page has failed: no half of a table */
    fflush(out);
    assert_non_null(strstr(text, "and 69 sources more, for which there is no room\n"));
    assert_null(strstr(text, "candidates"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_sources_than_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
