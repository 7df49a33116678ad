/* SPDX-License-Identifier: Apache-2.0 */
/* A discovery on a made-up network: time that stands still until the test moves it, chance that the test gives, and a
 * resolver and an API whose questions the test answers. */
#ifndef RIG_H
#define RIG_H

#include "discovery/discovery.h"
#include "support.h"

#define QUESTIONS_MAX 64
#define PORT          4369

struct question_asked {
    enum resolver_kind kind;
    char name[256];
    uint64_t at_ms;
    resolver_done done;
    void *arg;
};

struct http_call {
    char url[6200];
    char files[200]; /* token, user, password, root: "-" for none, a blank between them */
    size_t body_max;
    http_done done;
    void *arg;
    bool under_way;
};

struct rig {
    struct resolver resolver; /* first: cast back */
    struct http http;
    struct http_call call;                      /* the last */
    unsigned calls;                             /* ever */
    int refuse_call;                            /* get() fails with it */
    unsigned listed;                            /* rosters that came */
    struct discovery_roster roster;             /* the last, without its places */
    char places[DISCOVERY_CANDIDATES_MAX * 64]; /* those */
    uint64_t now_ms;
    uint8_t chance; /* every random byte: 0 shortens the retries most, 255 not (as 32 bits) */
    struct clock clock;
    struct timers timers;
    struct log log;
    struct discovery *d;

    struct question_asked questions[QUESTIONS_MAX]; /* not answered yet */
    size_t question_count;
    unsigned asked; /* ever */
    int refuse;     /* resolve() fails with it */

    unsigned told;
    struct discovery_view view;
    char seen[DISCOVERY_CANDIDATES_MAX * 64]; /* "address:port" of each, a blank between them; (...): kept */
    char lines[4096];                         /* of the log, warnings and information */
    char why[256];
};

void rig_init(struct rig *r, const char *peers); /* created, not started */
int rig_create(struct rig *r, const char *peers);
void rig_fini(struct rig *r);
/* The same, of a node that Marathon has started, */
void rig_init_marathon(struct rig *r, const struct discovery_marathon *marathon, const char *peers);
/* and of a pod of Kubernetes. */
void rig_init_kubernetes(struct rig *r, const struct discovery_kubernetes *kubernetes, const char *peers);

/* Runs what is due until then, each at its time. */
void rig_pass(struct rig *r, uint64_t ms);

/* Answers the oldest question, which must be for that name. `list`: addresses with a blank between them, as
 * "10.0.0.1" or, of SRV, "10.0.0.1 80"; NULL: none. */
void rig_answer(struct rig *r, const char *name, const char *list);
void rig_answer_many(struct rig *r, const struct resolved *list, size_t count);
void rig_answer_service(struct rig *r, const char *name, const char *address, uint16_t port);
void rig_fail(struct rig *r, const char *name, int err);

/* Answers the request under way. */
void rig_http(struct rig *r, unsigned status, const char *body);
void rig_http_fails(struct rig *r, int err, const char *why);

/* What found() was told last. */
void assert_seen(const struct rig *r, const char *candidates, unsigned listed);

#endif
