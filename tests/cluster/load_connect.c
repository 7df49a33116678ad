/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <stdio.h>
#include <string.h>

#define REFUSED_PAUSE_MS 50

struct client_identity *load_identity(const struct load_options *o)
{
    struct client_identity *id;
    char why[TLS_WHY_MAX] = "";
    if (client_identity_create(&(struct client_identity_options){.certs_dir = o->certs}, &id, why, sizeof why))
        load_die("%s", why);
    return id;
}

bool load_connect(struct load *l, struct client_identity *id, unsigned host, struct client **client)
{
    char why[TLS_WHY_MAX] = "";
    struct client_options options = {
        .identity = id, .host = l->options.host[host], .timeout_ms = l->options.timeout_ms};
    if (client_connect(&options, client, why, sizeof why) == 0)
        return true;
    load_count_error(l, host, why);
    return false;
}

bool load_refused(const struct client *c)
{
    static const char begin[] = "unavailable: this node is ";
    return client_alive(c) && strncmp(client_error(c), begin, sizeof begin - 1) == 0;
}

void load_failed(struct load *l, unsigned host, struct client **client, int err)
{
    const char *text = client_error(*client);
    load_count_error(l, host, *text ? text : err_text(err));
    bool refused = load_refused(*client);
    if (!client_alive(*client))
        client_close(client);
    if (refused)
        load_pause(REFUSED_PAUSE_MS);
}
