/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/own_names.h"

#include "base/err.h"
#include "base/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The names to advertise in their order, and the host's own, which may be one of them. */
#define NAMES_MAX (CONFIG_ADVERTISE_NAMES_MAX + 1)

struct own_names;

/* The resolver's answer comes when it comes, perhaps after its owner has gone. */
struct question {
    struct own_names *owner; /* NULL: nobody wants to know any more */
    struct name *name;
};

struct name {
    const char *text;
    bool is_host, may_place;
    bool wanted; /* an answer is still of use */
    struct question *question;
    int err;          /* of the last answer */
    char address[46]; /* of the last answer: that may be advertised; empty: none */
};

struct own_names {
    struct own_names_config config;
    struct timer again, alone;
    struct name name[NAMES_MAX];
    size_t count;
    bool placed;
    bool tried;        /* all names were answered for once */
    unsigned failures; /* rounds without an address */
    uint64_t said_ms;  /* when the log last said so; 0: never */
};

/* --- what is there --- */

/* `source`: where the address is from, for the log. */
static void place(struct own_names *n, const char *address, const char *source, const char *name)
{
    n->placed = true;
    timer_stop(n->config.timers, &n->alone);
    for (size_t i = 0; i < n->count; i++)
        n->name[i].wanted = n->name[i].wanted && n->name[i].is_host;
    log_info(n->config.log, "node", "this node is at %s%s%s", address, source, name);
    n->config.placed(n->config.arg, address);
}

static const char *reason(const struct name *name)
{
    return name->err == E_TIMEOUT ? "no name server answers in time"
           : name->err == E_IO    ? "no name server answers"
           : name->err            ? err_text(name->err)
                                  : "it has no address that the others could connect to";
}

static void say_failure(struct own_names *n)
{
    uint64_t now = clock_boot_ms(n->config.clock);
    char list[512] = "";
    size_t len = 0;
    if (n->said_ms && now - n->said_ms < OWN_NAMES_SAY_MS)
        return;
    n->said_ms = now;
    for (size_t i = 0; i < n->count && len < sizeof list; i++)
        if (n->name[i].may_place)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s'%s': %s", len ? "; " : "", n->name[i].text,
                                    reason(&n->name[i]));
    log_warn(n->config.log, "node",
             "this node has no address yet, so it cannot take part in the cluster: %s. It asks again; to do without "
             "names, set EPHEMERAL_STORE_ADVERTISE to a numeric address",
             list);
}

static bool is_alone(const struct own_names *n)
{
    const struct config *c = n->config.config;
    return c->cluster_size == 1 && !c->advertise_given;
}

/* Not in place of a name that the operator gave, which may get its address later. */
static void try_route(struct own_names *n)
{
    char found[46], address[46];
    if (!n->config.config->advertise_given && n->config.route(n->config.arg, found) &&
        config_may_advertise(n->config.listen, found, false, address))
        place(n, address, ", from which it reaches the other nodes", "");
}

/* Every name was answered for. */
static void end_round(struct own_names *n)
{
    bool more = false;
    for (size_t i = 0; i < n->count && !n->placed; i++)
        if (n->name[i].may_place && *n->name[i].address)
            place(n, n->name[i].address, ", the address of ", n->name[i].text);
    if (!n->placed && is_alone(n))
        place(n, CONFIG_ADVERTISE_ALONE, "", "");
    n->tried = true;
    if (!n->placed)
        try_route(n);
    if (!n->placed)
        say_failure(n);
    for (size_t i = 0; i < n->count; i++)
        more = more || n->name[i].wanted;
    if (!more)
        return;
    uint64_t delay = OWN_NAMES_FIRST_MS << (n->failures < 4 ? n->failures : 4);
    n->failures++;
    timer_start(n->config.timers, &n->again, delay < OWN_NAMES_LAST_MS ? delay : OWN_NAMES_LAST_MS);
}

static void on_alone(struct timer *t)
{
    struct own_names *n = LIST_ENTRY(t, struct own_names, alone);
    place(n, CONFIG_ADVERTISE_ALONE, "", "");
}

/* --- asking --- */

static void take(struct own_names *n, struct name *name, const struct resolved *found, size_t count)
{
    const struct config *c = n->config.config;
    name->address[0] = '\0';
    for (size_t i = 0; i < count && !*name->address; i++)
        if (!config_may_advertise(n->config.listen, found[i].address, c->advertise_given, name->address))
            name->address[0] = '\0';
    if (name->is_host && !name->err) {
        name->wanted = name->may_place && !n->placed;
        if (count && found[0].full_name && strchr(found[0].full_name, '.'))
            n->config.named(n->config.arg, found[0].full_name);
        name->is_host = false;
    }
}

static bool is_answered(const struct own_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->name[i].question)
            return false;
    return true;
}

static void on_resolved(void *arg, int err, const struct resolved *found, size_t count)
{
    struct question *q = arg;
    struct own_names *n = q->owner;
    struct name *name = q->name;
    free(q);
    if (!n)
        return;
    name->question = NULL;
    name->err = err;
    take(n, name, found, err ? 0 : count);
    if (is_answered(n))
        end_round(n);
}

static void ask(struct own_names *n, struct name *name)
{
    struct resolver *r = n->config.resolver;
    struct question *q = name->question = malloc(sizeof *q);
    name->err = E_NOMEM;
    name->address[0] = '\0';
    if (!q)
        return;
    *q = (struct question){n, name};
    name->err =
        r->ops->resolve(r, name->is_host ? RESOLVE_HOST : RESOLVE_ADDRESS, name->text, on_resolved, name->question);
    if (name->err) {
        free(q);
        name->question = NULL;
    }
}

static void ask_all(struct own_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->name[i].wanted)
            ask(n, &n->name[i]);
    if (is_answered(n))
        end_round(n);
}

static void on_again(struct timer *t)
{
    ask_all(LIST_ENTRY(t, struct own_names, again));
}

/* --- life --- */

static void add(struct own_names *n, const char *text, bool is_host, bool may_place)
{
    n->name[n->count++] = (struct name){.text = text, .is_host = is_host, .may_place = may_place, .wanted = true};
}

static void add_names(struct own_names *n)
{
    const struct config *c = n->config.config;
    bool host_is_there = !config_is_host_name(c->host_name);
    for (size_t i = 0; i < c->advertise_name_count; i++) {
        bool is_host = strcasecmp(c->advertise_names[i], c->host_name) == 0;
        add(n, c->advertise_names[i], is_host, true);
        host_is_there = host_is_there || is_host;
    }
    if (!host_is_there)
        add(n, c->host_name, true, false);
}

int own_names_create(const struct own_names_config *config, struct own_names **out)
{
    struct own_names *n = *out = calloc(1, sizeof *n);
    if (!n)
        return E_NOMEM;
    n->config = *config;
    n->placed = *config->config->advertise != '\0';
    timer_init(&n->again, on_again);
    timer_init(&n->alone, on_alone);
    add_names(n);
    return 0;
}

void own_names_start(struct own_names *n)
{
    if (!n->count)
        return;
    timer_start(n->config.timers, &n->again, 0);
    if (!n->placed && is_alone(n))
        timer_start(n->config.timers, &n->alone, OWN_NAMES_ALONE_MS);
}

void own_names_routed(struct own_names *n)
{
    if (!n->placed && n->tried)
        try_route(n);
}

void own_names_destroy(struct own_names **np)
{
    struct own_names *n = *np;
    *np = NULL;
    if (!n)
        return;
    timer_stop(n->config.timers, &n->again);
    timer_stop(n->config.timers, &n->alone);
    for (size_t i = 0; i < n->count; i++)
        if (n->name[i].question)
            n->name[i].question->owner = NULL;
    free(n);
}
