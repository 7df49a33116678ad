/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that the operator wrote down. Its answer is always the same, and at hand: another list is another
 * source. */
#include "discovery/peers.h"
#include "discovery/source.h"

#include <stdio.h>
#include <stdlib.h>

struct static_source {
    struct source source; /* first: cast back */
    size_t count;
    struct discovery_candidate list[];
};

static void ask(struct source *s)
{
    struct static_source *self = (struct static_source *)s;
    source_answered(s, self->list, self->count);
}

static void destroy(struct source *s)
{
    source_fini(s);
    free(s);
}

static const struct source_ops ops = {.ask = ask, .destroy = destroy};

struct source *static_source_create(const struct source_home *home, const struct peer *peers, size_t count)
{
    struct static_source *self = calloc(1, sizeof *self + count * sizeof self->list[0]);
    if (!self)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct discovery_candidate *c = &self->list[self->count];
        if (peers[i].kind != PEER_ADDRESS)
            continue;
        snprintf(c->address, sizeof c->address, "%.45s", peers[i].name);
        c->epmd_port = peers[i].port;
        self->count++;
    }
    self->source.authoritative = true;
    self->source.stated = (unsigned)self->count;
    snprintf(self->source.name, sizeof self->source.name, "peers' addresses");
    source_init(&self->source, &ops, home);
    return &self->source;
}
