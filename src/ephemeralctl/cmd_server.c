/* SPDX-License-Identifier: Apache-2.0 */
#include "base/validity.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/json.h"
#include "ephemeralctl/text.h"

#include <sysexits.h>
#include <time.h>

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int cmd_ping(struct context *x)
{
    uint64_t begin = now_us();
    int err = client_ping(x->client);
    uint64_t took_us = now_us() - begin;
    if (err)
        return command_failed(x, err);
    if (x->options->output == OUTPUT_JSON) {
        struct json j = json_to(stdout);
        json_open(&j, NULL, '{');
        json_number(&j, "microseconds", took_us);
        json_close(&j, '}');
        json_end(&j);
    } else {
        printf("pong from %s port %u in %u.%03u ms\n", x->options->host, x->options->port, (unsigned)(took_us / 1000),
               (unsigned)(took_us % 1000));
    }
    return EX_OK;
}

static int64_t certificate_days(const struct client_conn *c)
{
    return validity_days_left(client_conn_server_not_after(c), (int64_t)time(NULL));
}

struct node_info {
    struct slice node, version;
    const char *release; /* empty: not known, as of Riak itself */
    const struct client_conn *conn;
};

static void print_info(const struct node_info *n)
{
    fputs("node     ", stdout);
    text_name(n->node, true, stdout);
    fputs("\nrelease  ", stdout);
    text_name(slice_str(*n->release ? n->release : "not known"), true, stdout);
    fputs("\nversion  ", stdout);
    text_name(n->version, true, stdout);
    printf(" (of Riak, as clients are told)\ntls      %s %s, the node's certificate ends in %lld days\n",
           client_conn_tls_version(n->conn), client_conn_tls_cipher(n->conn), (long long)certificate_days(n->conn));
}

static void print_info_json(const struct node_info *n)
{
    struct json j = json_to(stdout);
    char end[VALIDITY_TEXT_SIZE];
    json_open(&j, NULL, '{');
    json_string(&j, "node", n->node);
    if (*n->release)
        json_string(&j, "release", slice_str(n->release));
    else
        json_null(&j, "release");
    json_string(&j, "version", n->version);
    json_string(&j, "tls_version", slice_str(client_conn_tls_version(n->conn)));
    json_string(&j, "tls_cipher", slice_str(client_conn_tls_cipher(n->conn)));
    json_string(&j, "certificate_ends", slice_str(validity_text(client_conn_server_not_after(n->conn), end)));
    json_signed(&j, "certificate_days", certificate_days(n->conn));
    json_close(&j, '}');
    json_end(&j);
}

int cmd_info(struct context *x)
{
    struct client_server_info info;
    struct status_node s;
    if (client_cluster_status(x->client, &s))
        *s.release = '\0';
    int err = client_server_info(x->client, &info);
    if (err)
        return command_failed(x, err);
    const struct node_info n = {info.node, info.version, s.release, client_connection(x->client)};
    (x->options->output == OUTPUT_JSON ? print_info_json : print_info)(&n);
    return EX_OK;
}
