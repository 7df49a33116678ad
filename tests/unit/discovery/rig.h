/* A discovery on a made-up network: time that stands still until the test moves it, chance that the test gives, and a
 * resolver whose questions the test answers. */
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

struct rig {
    struct resolver resolver; /* first: cast back */
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

/* Runs what is due until then, each at its time. */
void rig_pass(struct rig *r, uint64_t ms);

/* Answers the oldest question, which must be for that name. `list`: addresses with a blank between them, as
 * "10.0.0.1" or, of SRV, "10.0.0.1 80"; NULL: none. */
void rig_answer(struct rig *r, const char *name, const char *list);
void rig_answer_many(struct rig *r, const struct resolved *list, size_t count);
void rig_answer_service(struct rig *r, const char *name, const char *address, uint16_t port);
void rig_fail(struct rig *r, const char *name, int err);

/* What found() was told last. */
void assert_seen(const struct rig *r, const char *candidates, unsigned listed);

#endif
