/* SPDX-License-Identifier: Apache-2.0 */
/* A name: of hosts (A, AAAA) or of a service (SRV). What the name server says is somebody else's word: an answer is
 * taken address by address, and one that no node can have is left out. */
#include "base/err.h"
#include "discovery/peers.h"
#include "discovery/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The resolver's answer comes when it comes, perhaps after the source has gone. */
struct question {
    struct dns_source *source; /* NULL: nobody wants to know any more */
};

struct dns_source {
    struct source source; /* first: cast back */
    struct peer peer;
    struct question *question; /* under way, or NULL */
};

static const char *text_of(int err)
{
    return err == E_IO        ? "no name server answered"
           : err == E_TIMEOUT ? "the name server did not answer in time"
                              : err_text(err);
}

/* Returns how many of them are good. */
static size_t take(const struct dns_source *self, const struct resolved *found, size_t count,
                   struct discovery_candidate *out)
{
    size_t good = 0;
    for (size_t i = 0; i < count && good < DISCOVERY_CANDIDATES_MAX; i++) {
        uint16_t port = self->peer.kind == PEER_SERVICE ? found[i].port : self->peer.port;
        if (port == 0 || peer_address(found[i].address, out[good].address))
            log_debug(self->source.home->log, "discovery", "%s: no node can be at %.45s port %u: left out",
                      self->source.name, found[i].address, port);
        else
            out[good++].epmd_port = port;
    }
    return good;
}

static void on_resolved(void *arg, int err, const struct resolved *found, size_t count)
{
    struct question *q = arg;
    struct dns_source *self = q->source;
    struct discovery_candidate list[DISCOVERY_CANDIDATES_MAX];
    free(q);
    if (!self)
        return;
    self->question = NULL;
    if (err)
        source_failed(&self->source, text_of(err));
    else
        source_answered(&self->source, list, take(self, found, count, list));
}

static int resolve(struct dns_source *self)
{
    struct resolver *r = self->source.home->resolver;
    enum resolver_kind kind = self->peer.kind == PEER_SERVICE ? RESOLVE_SERVICE : RESOLVE_ADDRESS;
    return r ? r->ops->resolve(r, kind, self->peer.name, on_resolved, self->question) : E_UNSUPPORTED;
}

static void ask(struct source *s)
{
    struct dns_source *self = (struct dns_source *)s;
    struct question *q = self->question = malloc(sizeof *q);
    int err = q ? (q->source = self, resolve(self)) : E_NOMEM;
    if (!err)
        return;
    free(q);
    self->question = NULL;
    if (err == E_INVALID) /* no name at all: nobody is there, for certain */
        source_answered(s, NULL, 0);
    else
        source_failed(s, text_of(err));
}

static void destroy(struct source *s)
{
    struct dns_source *self = (struct dns_source *)s;
    if (self->question)
        self->question->source = NULL;
    source_fini(s);
    free(self);
}

static const struct source_ops ops = {.ask = ask, .destroy = destroy};

struct source *dns_source_create(const struct source_home *home, const struct peer *peer)
{
    struct dns_source *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->peer = *peer;
    self->source.changes = true;
    /* Who names a host says that a node is there; a service may have none. */
    self->source.stated = peer->kind == PEER_HOST;
    snprintf(self->source.name, sizeof self->source.name, "%s %s", peer->kind == PEER_HOST ? "peer" : "service",
             peer->name);
    source_init(&self->source, &ops, home);
    return &self->source;
}

bool dns_source_is_of(const struct source *s, const struct peer *peer)
{
    const struct dns_source *self = (const struct dns_source *)s;
    return s->ops == &ops && self->peer.kind == peer->kind && self->peer.port == peer->port &&
           strcmp(self->peer.name, peer->name) == 0;
}
