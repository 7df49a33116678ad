/* SPDX-License-Identifier: Apache-2.0 */
/* Who might be a peer: a loop that yields candidate addresses from several sources, never a step that must succeed
 * (architecture.md, "R-FORM"). A candidate is a place where a node may listen on the control plane's port, no more:
 * whether one is there, whether it belongs to the same cluster, and whether it is this very node, its hello says. So
 * the own address among the candidates is fine.
 *
 * It reads no clock and no socket of its own: time comes through timers and clock, names are turned into addresses by
 * the resolver. Everything that is given is borrowed until discovery_destroy(). */
#ifndef DISCOVERY_DISCOVERY_H
#define DISCOVERY_DISCOVERY_H

#include "base/log.h"
#include "base/timers.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/resolver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four times the most members of a cluster: room for those that went and those that come, and a bound to the
 * connections that a wrong DNS answer makes a node try. */
#define DISCOVERY_CANDIDATES_MAX 256

struct discovery_candidate {
    char address[46]; /* numeric, in its shortest spelling; IPv4 mapped into IPv6 as IPv4 */
    uint16_t epmd_port;
    /* A source lists it now. Otherwise it is kept for a while from an older answer: worth a try, but its silence says
     * nothing (R-FRESH asks for those that are listed). */
    bool listed;
};

struct discovery_view {
    /* Ordered by address and port, each once; at most DISCOVERY_CANDIDATES_MAX. */
    const struct discovery_candidate *candidates;
    size_t count;
    /* How many nodes the sources list now, for N = max(expected, listed). A name that stands for one host counts as one
     * before it has an address; a host of IPv4 and IPv6 counts once; addresses that a name no longer has are candidates
     * for a while, but do not count. */
    unsigned listed;
    /* `listed` is the word of sources that know it: N may fall to it. A list of addresses is such a source, DNS is not:
     * nodes that it does not list may still exist. */
    bool authoritative;
    /* Every source has answered at least once, or has certainly nothing (R-READY). A name server that cannot be reached
     * has not answered; a name that does not exist has. */
    bool answered;
};

/* Every place that an orchestrator's API lists, in whatever state: what may be gone is what is not among them. */
struct discovery_roster {
    const struct discovery_candidate *places; /* without their `listed`; a node may have several */
    size_t count;
    uint64_t asked_ms; /* when the first page of the answer was asked for, on the clock of the configuration */
    /* All pages came, and each place has an address. Otherwise a place that is not among them may be there too. */
    bool whole;
    /* This node is among them by name, perhaps without an address: on many machines the own name is one of loopback.
     * Its address the owner knows. */
    bool lists_self;
};

/* For each answer of an orchestrator's API, also when nothing has changed; before discovery_found() of it. `roster` is
 * borrowed for the call, in which nothing of this header may be called. */
typedef void (*discovery_listed)(void *arg, const struct discovery_roster *roster);

/* `view` is borrowed for the call, in which nothing of this header but discovery_current() may be called. */
typedef void (*discovery_found)(void *arg, const struct discovery_view *view);

/* Marathon's API, and what Mesos-DNS says of the same app. All texts are borrowed for the call of discovery_create();
 * all but app_id may be NULL. */
struct discovery_marathon {
    const char *urls;    /* of the API, with commas between them; NULL: those of marathon_names.h */
    const char *app_id;  /* /prod/ephemeral-store */
    const char *task_id; /* this node's */
    const char *token_file;
    const char *user, *password_file; /* both or neither */
    const char *root_file;            /* of https */
};

/* The Kubernetes API, and the name of the headless service. All texts are borrowed for the call of discovery_create();
 * api and service may be NULL, not both. */
struct discovery_kubernetes {
    const char *api;      /* its URL, without a slash at its end; NULL: it is not asked */
    const char *account;  /* the folder with the service account's token and ca.crt */
    const char *space;    /* the namespace */
    const char *selector; /* of the pods, as kubectl's -l: name=ephemeral-store */
    const char *pod;      /* this node's; empty: not known */
    const char *address;  /* this node's, numeric; empty: not known */
    const char *service;  /* a name with A or AAAA records; NULL: it is not asked */
};

struct discovery_config {
    const char *peers;                             /* the list of peers.h, borrowed for the call; NULL or empty: none */
    uint16_t epmd_port;                            /* of entries that name none: this node's own */
    const struct discovery_marathon *marathon;     /* borrowed for the call; NULL: it is not asked */
    const struct discovery_kubernetes *kubernetes; /* likewise; at most one of the two */
    struct timers *timers;
    const struct clock *clock;
    struct resolver *resolver; /* may be NULL when the list has addresses only */
    struct http *http;         /* may be NULL without an orchestrator's API */
    const struct log *log;     /* may be NULL */
    discovery_found found;
    discovery_listed listed; /* may be NULL */
    void *arg;
};

struct discovery;

/* E_INVALID, E_TOO_MANY (a bad list of peers), E_NOMEM, with its text in `why`; *out is NULL then. Nothing is asked
 * yet. */
int discovery_create(const struct discovery_config *config, struct discovery **out, char *why, size_t why_size);
/* *d may be NULL. Answers that the resolver still owes are let go when they come. */
void discovery_destroy(struct discovery **d);

/* Once. Calls found() before it returns, with what is known without asking; from then on, whenever something in the
 * view has changed. */
void discovery_start(struct discovery *d);
/* Another list of peers: entries that were there before keep what they know, the addresses of others go at once. Errors
 * as of discovery_create(): the old list stays. After discovery_start(). */
int discovery_reload(struct discovery *d, const char *peers, char *why, size_t why_size);

/* This node seeks others, or not any more: while it does, sources are asked more often. After discovery_start(). */
void discovery_seek(struct discovery *d, bool seeks);

/* What one source has said, for operators. Times are of the configuration's clock. */
struct discovery_source {
    const char *name;     /* borrowed, as all texts here, until the source is asked again or the list changes */
    bool authoritative;   /* N may fall by its word */
    uint64_t answered_ms; /* its last answer; 0: none yet */
    uint64_t took_ms;     /* from the question to that answer */
    unsigned nodes;       /* that it lists, with an address or without */
    unsigned addresses;   /* that it lists */
    int size;             /* nodes that there are to be; -1: it does not say */
    const char *note;     /* what else the answer says; empty: nothing */
    const char *problem;  /* what is wrong with the answer, which is used; empty: nothing */
    uint64_t failed_ms;   /* the last question without an answer; 0: none */
    const char *error;    /* why it had none */
};
size_t discovery_source_count(const struct discovery *d);
void discovery_source_get(const struct discovery *d, size_t i, struct discovery_source *out);
/* Whether the source i lists that candidate of discovery_current() now. */
bool discovery_source_lists(const struct discovery *d, size_t i, const struct discovery_candidate *c);

/* Asks the sources that change now, not only when their interval is over; one that is being asked is not asked twice.
 * However often it is called, at most once in DISCOVERY_REFRESH_MS. Nothing is reported from inside this call. After
 * discovery_start(). */
#define DISCOVERY_REFRESH_MS 1000
void discovery_refresh(struct discovery *d);

/* What found() was told last; borrowed until the next change. */
const struct discovery_view *discovery_current(const struct discovery *d);

#endif
