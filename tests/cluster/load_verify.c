/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

void load_reader_init(struct load_reader *r, struct load *l)
{
    *r = (struct load_reader){.load = l,
                              .identity = load_identity(&l->options),
                              .deadline_ms = client_now_ms() + (uint64_t)l->options.patience_s * 1000};
}

void load_reader_fini(struct load_reader *r)
{
    if (r->client)
        client_close(&r->client);
    client_identity_destroy(&r->identity);
}

static bool try_once(struct load_reader *r, const char *name, uint32_t *out)
{
    struct load *l = r->load;
    if (!r->client && !load_connect(l, r->identity, r->host, &r->client))
        return false;
    int err = load_get_number(l, r->client, name, out);
    if (err)
        load_failed(l, r->host, &r->client, err);
    return !err;
}

bool load_reader_get(struct load_reader *r, const char *name, uint32_t *out)
{
    while (!try_once(r, name, out)) {
        if (client_now_ms() >= r->deadline_ms)
            return false;
        if (r->client)
            client_close(&r->client);
        r->host = (r->host + 1) % r->load->options.hosts;
        load_pause(20);
    }
    return true;
}
