/* SPDX-License-Identifier: Apache-2.0 */
/* One source of candidates, and the loop's part in it. A source only asks and reports, once for each time that it is
 * told to; when it is asked again, what is kept of an older answer, and how answers of several sources become one view
 * is the loop's. A new kind of source is a file with an `ask` and a `destroy`, and a line in discovery.c. */
#ifndef DISCOVERY_SOURCE_H
#define DISCOVERY_SOURCE_H

#include "discovery/discovery.h"

/* From a good answer to the next question. DNS of orchestrators changes within seconds, and a node that seeks others
 * should not wait longer for them than they took to start. */
#define SOURCE_INTERVAL_MS 10000
/* After no answer or an empty one: soon, as a node often starts together with its network and its peers; then doubled
 * each time up to the interval, so that a broken name server is not pressed. A random half of it is taken off, so that
 * nodes that started together do not ask together. */
#define SOURCE_RETRY_MS 500
/* After an API has refused to answer: nobody will change that soon. Doubled each time, up to the second. */
#define SOURCE_REFUSED_MS     ((uint64_t)5000)
#define SOURCE_REFUSED_MAX_MS ((uint64_t)5 * 60 * 1000)
/* Questions without an answer after which nobody waits for that of an API: it cannot be reached from here. */
#define SOURCE_FAILURES_MAX 2
/* How long an address stays a candidate that a source no longer lists. DNS leaves out who is not ready for a moment,
 * and who is cut off from the orchestrator; a node counts as lost after a minute (lost-after), and must be found until
 * then, with the caches of DNS on the way, which hold a minute or two. */
#define SOURCE_KEEP_MS ((uint64_t)5 * 60 * 1000)

#define SOURCE_TEXT_SIZE 256

struct source;

struct source_ops {
    /* Asks once. Exactly one source_answered() or source_failed() follows, from inside this call or later; it is not
     * called again before. */
    void (*ask)(struct source *s);
    /* Frees the source after source_fini(). A question under way is given up: nothing may be reported for it. */
    void (*destroy)(struct source *s);
};

/* What the loop gives to a source; outlives it. */
struct source_home {
    struct timers *timers;
    const struct clock *clock;
    struct resolver *resolver;
    struct http *http; /* NULL: no source may need it */
    const struct log *log;
    void (*changed)(void *arg); /* what a source knows has changed, perhaps */
    void (*listed)(void *arg, const struct discovery_roster *roster);
    void *arg;
};

struct sighting {
    struct discovery_candidate candidate;
    bool listed;      /* in the last answer; */
    uint64_t gone_ms; /* else since when not */
};

struct source {
    const struct source_ops *ops;
    const struct source_home *home; /* borrowed */
    char name[300];                 /* for the log */
    bool authoritative;
    bool changes;  /* is asked again and again */
    bool fallback; /* another source knows better: that this one knows nothing is not worth a warning */
    bool api;      /* an orchestrator's: as long as it is authoritative, what fallbacks list does not count for N */
    uint64_t interval_ms; /* from a good answer to the next question; 0: SOURCE_INTERVAL_MS */
    /* What a source may set before it answers: */
    unsigned stated;                /* nodes that it lists at least, whatever addresses it has */
    int size;                       /* nodes that there are to be; -1: it does not say */
    char note[SOURCE_TEXT_SIZE];    /* what else it has said, for people */
    char problem[SOURCE_TEXT_SIZE]; /* what is wrong with the answer, which is used; empty: nothing */

    /* The loop's. */
    struct sighting *sightings; /* at most DISCOVERY_CANDIDATES_MAX */
    size_t count;
    struct timer timer; /* runs always where `changes` */
    uint64_t retry_ms;  /* the next delay after no answer */
    bool asking, answered;
    bool refused;         /* its last answer was a refusal */
    uint64_t refused_ms;  /* the delay after the next */
    unsigned failures;    /* questions without an answer since the last */
    bool seeks;           /* asked more often, as this node seeks others */
    uint64_t asked_ms;    /* the last question */
    uint64_t answered_ms; /* the last answer; 0: none */
    uint64_t took_ms;     /* from the question to it */
    uint64_t failed_ms;   /* the last time without an answer; 0: never */
    char error[SOURCE_TEXT_SIZE];
    bool announced;      /* the log was told that it lists somebody */
    bool complained;     /* the log was told that there is no answer, or an empty one, ... */
    uint64_t said_ms;    /* ... at this time last */
    uint64_t nothing_ms; /* since when its answers are empty; 0: the last was not */
};

/* For a source's own constructor, with the fields before sightings set. Nothing is asked before source_ask(). */
void source_init(struct source *s, const struct source_ops *ops, const struct source_home *home);
void source_fini(struct source *s);

void source_ask(struct source *s);
/* This node seeks others, or not any more: while it does, it asks as after no answer, from SOURCE_RETRY_MS on after
 * each answer that brings something new. */
void source_seek(struct source *s, bool seeks);
/* One that changes: as soon as its timer can, unless it is being asked. */
void source_ask_now(struct source *s);

/* What a source reports. `list` (without its `listed`) is borrowed for the call; what is behind
 * DISCOVERY_CANDIDATES_MAX is not taken. */
void source_answered(struct source *s, const struct discovery_candidate *list, size_t count);
/* What an orchestrator's API has listed: before source_answered() of the same answer. Borrowed for the call. */
void source_listed(struct source *s, const struct discovery_roster *roster);
/* Nobody has answered: what was known stays. `why` for the log. */
void source_failed(struct source *s, const char *why);
/* It has answered that this node may not know, and that lasts: it lists nobody any more. */
void source_refused(struct source *s, const char *why);

struct peer;

/* The kinds. Owned by the caller: ops->destroy(). NULL: no memory. */
struct source *static_source_create(const struct source_home *home, const struct peer *peers, size_t count);
struct source *dns_source_create(const struct source_home *home, const struct peer *peer);
bool dns_source_is_of(const struct source *s, const struct peer *peer); /* s may be of any kind */
struct source *kubernetes_source_create(const struct source_home *home, const struct discovery_kubernetes *config,
                                        uint16_t epmd_port);
struct source *marathon_source_create(const struct source_home *home, const struct discovery_marathon *config,
                                      uint16_t epmd_port);

#endif
