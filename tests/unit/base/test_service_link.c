/* SPDX-License-Identifier: Apache-2.0 */
#include "base/service_link.h"

#include "support.h"

struct variable {
    const char *name, *value;
};

/* What Kubernetes sets for a service "ephemeral-store" and for one "ephemeral-store-proto". */
static void test_links(void **state)
{
    static const struct variable links[] = {
        {"EPHEMERAL_STORE_SERVICE_HOST", "10.96.0.7"},
        {"EPHEMERAL_STORE_SERVICE_PORT", "8087"},
        {"EPHEMERAL_STORE_SERVICE_PORT_PROTO", "8087"},
        {"EPHEMERAL_STORE_SERVICE_PORT_RIAK_PB", "8087"},
        {"EPHEMERAL_STORE_PORT", "tcp://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_PORT", "udp://10.96.0.7:53"},
        {"EPHEMERAL_STORE_PORT", "sctp://[fd00::7]:8087"},
        {"EPHEMERAL_STORE_PORT_8087_TCP", "tcp://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_PORT_8087_TCP_PROTO", "tcp"},
        {"EPHEMERAL_STORE_PORT_8087_TCP_PORT", "8087"},
        {"EPHEMERAL_STORE_PORT_8087_TCP_ADDR", "10.96.0.7"},
        {"EPHEMERAL_STORE_PORT_53_UDP_ADDR", "10.96.0.7"},
        {"EPHEMERAL_STORE_PORT_9_SCTP", "sctp://10.96.0.7:9"},
        {"EPHEMERAL_STORE_PROTO_SERVICE_HOST", "10.96.0.7"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_PROTO_PORT_8087_TCP", "tcp://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_EPMD_PORT", "tcp://10.96.0.7:4369"},
        {"EPHEMERAL_STORE_HANDOFF_PORT", "tcp://[fd00::7]:8099"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (!service_link_is(links[i].name, links[i].value))
            fail_msg("%s=%s", links[i].name, links[i].value);
}

/* Options, and mistakes that somebody must hear of. */
static void test_others(void **state)
{
    static const struct variable others[] = {
        {"", ""},
        {"EPHEMERAL_STORE_PROTO_PORT", ""},
        {"EPHEMERAL_STORE_PROTO_PORT", "8087"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:"},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:80x"},
        {"EPHEMERAL_STORE_PROTO_PORT", "http://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_LISTEN", "tcp://10.96.0.7:8087"},
        {"EPHEMERAL_STORE_SERVICE", "x"},
        {"EPHEMERAL_STORE_SERVICE_HOSTS", "x"},
        {"EPHEMERAL_STORE_SERVICE_PORTS", "x"},
        {"EPHEMERAL_STORE_PORT_PROTO", "8087"},
        {"EPHEMERAL_STORE_PORT_8087", "8087"},
        {"EPHEMERAL_STORE_PORT__TCP", "8087"},
        {"EPHEMERAL_STORE_PORT_8087_TLS", "8087"},
        {"EPHEMERAL_STORE_PORT_8087_TCPX", "8087"},
        {"EPHEMERAL_STORE_PORT_8087_TCP_NAME", "8087"},
        {"EPHEMERAL_STORE_PEERS", "10.0.0.1,10.0.0.2"},
        {"PORT_PROTO", "31087"},
        {"PORT_8087", "31087"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (service_link_is(others[i].name, others[i].value))
            fail_msg("%s=%s", others[i].name, others[i].value);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
