/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/discovery.h"

#include "base/assert.h"
#include "base/err.h"
#include "discovery/marathon_names.h"
#include "discovery/peers.h"
#include "discovery/view.h"

#include <stdio.h>
#include <stdlib.h>

struct sources {
    struct source **list; /* at most one of addresses, then one of each name */
    size_t count;
};

struct discovery {
    struct source_home home;
    struct sources sources;
    struct sources orchestrator; /* those of an orchestrator, which no list of peers changes; among `sources` too */
    uint16_t epmd_port;
    discovery_found found;
    discovery_listed listed;
    void *arg;
    struct view views[2];
    struct view *current, *next; /* each one of them */
    bool started, told;
    bool seeks;            /* what discovery_seek() has said */
    uint64_t refreshed_ms; /* the sources were last asked out of turn; 0: never */
    bool holding;          /* several sources are about to report: tell of it once */
    bool telling;          /* found() is being called */
};

/* --- what is told --- */

static void tell(struct discovery *d)
{
    struct view *made = d->next;
    view_make(made, d->sources.list, d->sources.count);
    if (made->too_many && !d->current->too_many)
        log_warn(d->home.log, "discovery",
                 "the sources name more than %d addresses: further ones are not tried; give a narrower list of peers",
                 DISCOVERY_CANDIDATES_MAX);
    bool changed = !d->told || !view_equal(made, d->current);
    d->next = d->current;
    d->current = made;
    if (!changed)
        return;
    d->told = d->telling = true;
    log_debug(d->home.log, "discovery", "%zu candidates, %u nodes listed%s", made->view.count, made->view.listed,
              made->view.answered ? "" : ", not all sources have answered yet");
    d->found(d->arg, &made->view);
    d->telling = false;
}

static void on_changed(void *arg)
{
    struct discovery *d = arg;
    if (!d->holding)
        tell(d);
}

static void on_listed(void *arg, const struct discovery_roster *roster)
{
    struct discovery *d = arg;
    if (d->listed)
        d->listed(d->arg, roster);
}

/* Those that were never asked. */
static void ask_new(struct discovery *d)
{
    d->holding = true;
    for (size_t i = 0; i < d->sources.count; i++)
        if (!d->sources.list[i]->answered)
            source_ask(d->sources.list[i]);
    d->holding = false;
    tell(d);
}

/* --- the sources --- */

static bool has(const struct sources *s, const struct source *wanted)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i] == wanted)
            return true;
    return false;
}

/* All but those that `kept` has too, and the orchestrator's. */
static void destroy_sources(const struct discovery *d, struct sources *s, const struct sources *kept)
{
    for (size_t i = 0; i < s->count; i++)
        if (!has(kept, s->list[i]) && !has(&d->orchestrator, s->list[i]))
            s->list[i]->ops->destroy(s->list[i]);
    free(s->list);
    *s = (struct sources){0};
}

/* The orchestrator's stand first. One of them may have the same name, but counts otherwise. */
static struct source *source_of(const struct discovery *d, const struct peer *p)
{
    for (size_t i = d->orchestrator.count; i < d->sources.count; i++)
        if (dns_source_is_of(d->sources.list[i], p))
            return d->sources.list[i];
    return dns_source_create(&d->home, p);
}

static int add_source(struct sources *s, struct source *source)
{
    if (!source)
        return E_NOMEM;
    s->list[s->count++] = source;
    return 0;
}

static bool has_address(const struct peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (peers[i].kind == PEER_ADDRESS)
            return true;
    return false;
}

static void add_orchestrator(const struct discovery *d, struct sources *out)
{
    for (size_t i = 0; i < d->orchestrator.count; i++)
        out->list[out->count++] = d->orchestrator.list[i];
}

/* Sources that are there already are taken over, and are in both lists until the old one is given up. */
static int make_sources(const struct discovery *d, const struct peer *peers, size_t count, struct sources *out)
{
    *out = (struct sources){.list = calloc(d->orchestrator.count + count + 1, sizeof(struct source *))};
    int err = out->list ? 0 : E_NOMEM;
    if (!err)
        add_orchestrator(d, out);
    if (!err && has_address(peers, count))
        err = add_source(out, static_source_create(&d->home, peers, count));
    for (size_t i = 0; i < count && !err; i++)
        if (peers[i].kind != PEER_ADDRESS)
            err = add_source(out, source_of(d, &peers[i]));
    if (err)
        destroy_sources(d, out, &d->sources);
    return err;
}

/* --- the orchestrator's --- */

/* An orchestrator's DNS knows what its API says, later and in part: it is asked in case that nobody answers there. */
static int add_name(struct discovery *d, enum peer_kind kind, const char *name, const char *what)
{
    struct peer peer = {.kind = kind, .port = kind == PEER_HOST ? d->epmd_port : 0};
    snprintf(peer.name, sizeof peer.name, "%s", name);
    struct source *s = dns_source_create(&d->home, &peer);
    if (s) {
        s->stated = 0; /* it stands for any number of nodes */
        s->fallback = true;
        snprintf(s->name, sizeof s->name, "%s %.250s", what, peer.name);
    }
    return add_source(&d->orchestrator, s);
}

static int add_mesos_name(struct discovery *d, enum peer_kind kind, const char *format, const char *label)
{
    char name[PEER_NAME_MAX + 1];
    snprintf(name, sizeof name, format, label);
    return add_name(d, kind, name, "Mesos-DNS");
}

#define MARATHON_SOURCES 3

static int add_marathon(struct discovery *d, const struct discovery_marathon *config)
{
    char id[MARATHON_ID_SIZE], label[MARATHON_LABEL_SIZE];
    if (marathon_id(config->app_id, id))
        return E_INVALID;
    d->orchestrator.list = calloc(MARATHON_SOURCES, sizeof(struct source *));
    if (!d->orchestrator.list)
        return E_NOMEM;
    marathon_label(id, label);
    int err = add_source(&d->orchestrator, marathon_source_create(&d->home, config, d->epmd_port));
    if (!err)
        err = add_mesos_name(d, PEER_SERVICE, "_epmd._%s._tcp.marathon.mesos", label);
    return err ? err : add_mesos_name(d, PEER_HOST, "%s.marathon.mesos", label);
}

#define KUBERNETES_SOURCES 2

/* The service's name is completed by the search list of the pod's resolv.conf, as the cluster's domain is not known. */
static int add_kubernetes(struct discovery *d, const struct discovery_kubernetes *config)
{
    int err = 0;
    d->orchestrator.list = calloc(KUBERNETES_SOURCES, sizeof(struct source *));
    if (!d->orchestrator.list)
        return E_NOMEM;
    if (config->api)
        err = add_source(&d->orchestrator, kubernetes_source_create(&d->home, config, d->epmd_port));
    if (!err && config->service)
        err = add_name(d, PEER_HOST, config->service, "headless service");
    return err;
}

static int add_orchestrators(struct discovery *d, const struct discovery_config *config)
{
    ASSERT(!config->marathon || !config->kubernetes);
    if (config->marathon)
        return add_marathon(d, config->marathon);
    return config->kubernetes ? add_kubernetes(d, config->kubernetes) : 0;
}

/* --- the list of peers --- */

static int read_peers(const struct discovery *d, const char *text, struct sources *out, char *why, size_t why_size)
{
    struct peer *peers;
    size_t count;
    int err = peers_parse(text, d->epmd_port, &peers, &count, why, why_size);
    if (err)
        return err;
    err = make_sources(d, peers, count, out);
    free(peers);
    if (err)
        snprintf(why, why_size, "%s", err_text(err));
    return err;
}

/* --- its life --- */

int discovery_create(const struct discovery_config *config, struct discovery **out, char *why, size_t why_size)
{
    struct discovery *d = *out = calloc(1, sizeof *d);
    if (!d) {
        snprintf(why, why_size, "%s", err_text(E_NOMEM));
        return E_NOMEM;
    }
    d->home = (struct source_home){.timers = config->timers,
                                   .clock = config->clock,
                                   .resolver = config->resolver,
                                   .http = config->http,
                                   .log = config->log,
                                   .changed = on_changed,
                                   .listed = on_listed,
                                   .arg = d};
    d->epmd_port = config->epmd_port;
    d->found = config->found;
    d->listed = config->listed;
    d->arg = config->arg;
    d->current = &d->views[0];
    d->next = &d->views[1];
    d->current->view.candidates = d->current->candidates;
    struct sources sources = {0};
    int err = add_orchestrators(d, config);
    if (err)
        snprintf(why, why_size, "%s", err_text(err));
    else
        err = read_peers(d, config->peers, &sources, why, why_size);
    d->sources = sources;
    if (err)
        discovery_destroy(out);
    return err;
}

void discovery_destroy(struct discovery **d)
{
    if (!*d)
        return;
    ASSERT(!(*d)->telling);
    destroy_sources(*d, &(*d)->sources, &(struct sources){0});
    struct sources orchestrator = (*d)->orchestrator;
    (*d)->orchestrator = (struct sources){0};
    destroy_sources(*d, &orchestrator, &(struct sources){0});
    free(*d);
    *d = NULL;
}

void discovery_start(struct discovery *d)
{
    ASSERT(!d->started);
    d->started = true;
    ask_new(d);
}

int discovery_reload(struct discovery *d, const char *peers, char *why, size_t why_size)
{
    struct sources sources = {0}, old = d->sources;
    ASSERT(d->started && !d->telling);
    int err = read_peers(d, peers, &sources, why, why_size);
    if (err)
        return err;
    d->sources = sources;
    destroy_sources(d, &old, &d->sources);
    ask_new(d);
    discovery_seek(d, d->seeks);
    return 0;
}

void discovery_refresh(struct discovery *d)
{
    uint64_t now = clock_boot_ms(d->home.clock);
    if (!d->started || (d->refreshed_ms && now - d->refreshed_ms < DISCOVERY_REFRESH_MS))
        return;
    d->refreshed_ms = now;
    for (size_t i = 0; i < d->sources.count; i++)
        source_ask_now(d->sources.list[i]);
}

void discovery_seek(struct discovery *d, bool seeks)
{
    d->seeks = seeks;
    for (size_t i = 0; i < d->sources.count; i++)
        if (d->sources.list[i]->changes)
            source_seek(d->sources.list[i], seeks);
}

/* --- for operators --- */

size_t discovery_source_count(const struct discovery *d)
{
    return d->sources.count;
}

void discovery_source_get(const struct discovery *d, size_t i, struct discovery_source *out)
{
    const struct source *s = d->sources.list[i];
    *out = (struct discovery_source){.name = s->name,
                                     .authoritative = s->authoritative,
                                     .answered_ms = s->answered_ms,
                                     .took_ms = s->took_ms,
                                     .nodes = view_nodes_of(s),
                                     .addresses = view_addresses_of(s),
                                     .size = s->size,
                                     .note = s->note,
                                     .problem = s->problem,
                                     .failed_ms = s->failed_ms,
                                     .error = s->error};
}

bool discovery_source_lists(const struct discovery *d, size_t i, const struct discovery_candidate *c)
{
    return view_lists(d->sources.list[i], c);
}

const struct discovery_view *discovery_current(const struct discovery *d)
{
    return &d->current->view;
}
