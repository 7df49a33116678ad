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

static void print_info(struct slice node, struct slice version, const struct client_conn *c)
{
    fputs("node     ", stdout);
    text_name(node, true, stdout);
    fputs("\nversion  ", stdout);
    text_name(version, true, stdout);
    printf("\ntls      %s %s, the node's certificate ends in %lld days\n", client_conn_tls_version(c),
           client_conn_tls_cipher(c), (long long)certificate_days(c));
}

static void print_info_json(struct slice node, struct slice version, const struct client_conn *c)
{
    struct json j = json_to(stdout);
    char end[VALIDITY_TEXT_SIZE];
    json_open(&j, NULL, '{');
    json_string(&j, "node", node);
    json_string(&j, "version", version);
    json_string(&j, "tls_version", slice_str(client_conn_tls_version(c)));
    json_string(&j, "tls_cipher", slice_str(client_conn_tls_cipher(c)));
    json_string(&j, "certificate_ends", slice_str(validity_text(client_conn_server_not_after(c), end)));
    json_signed(&j, "certificate_days", certificate_days(c));
    json_close(&j, '}');
    json_end(&j);
}

int cmd_info(struct context *x)
{
    struct client_server_info info;
    int err = client_server_info(x->client, &info);
    if (err)
        return command_failed(x, err);
    (x->options->output == OUTPUT_JSON ? print_info_json : print_info)(info.node, info.version,
                                                                       client_connection(x->client));
    return EX_OK;
}
