/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the world: one connection to one node at a time, over which it speaks Riak's protocol as a client does,
 * one request after the other, and writes down what it asked and what it was told. */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "base/buf.h"
#include "base/rng.h"
#include "base/timers.h"
#include "io/stream.h"
#include "sim/sets.h"
#include "wire/frame.h"
#include "wire/vclock.h"

#define SIM_KEYS_MAX   512
#define SIM_BUCKET     "b" /* where all keys are: key-0, key-1, ... */
#define SIM_KEY        "key-%u"
#define SIM_MAPPED_MAX 12  /* of one job */
#define SIM_COUNTERS   3   /* counters beside them: their numbers begin at SIM_KEYS_MAX */
#define SIM_COUNTED    "c" /* where those are */
/* What stands in the history for the permission to query indexes, which operators grant and revoke. */
#define SIM_PERMISSION (SIM_KEYS_MAX + SIM_COUNTERS)
/* And for the elements of the sets. */
#define SIM_ELEMENT(set, element) (SIM_PERMISSION + 1 + (set)*SIM_ELEMENTS + (element))

struct names {
    const char *type, *bucket; /* the type "": the default one */
    char key[32];
};
/* Of what has that number in the history, but for the permission. */
struct names client_names(unsigned key);

struct world;
struct line;

enum client_state { CLIENT_OUT, CLIENT_COMING, CLIENT_IN };

enum request_kind {
    ASK_PUT,
    ASK_CREATE,
    ASK_CAS,
    ASK_DELETE,
    ASK_GET,
    ASK_GET_ANY,
    ASK_QUERY,
    ASK_MAP,  /* a job that maps some keys, from one on */
    ASK_KEYS, /* the list of all */
    ASK_ADD,
    ASK_COUNT,
    ASK_PROPS,
    ASK_GRANT,
    ASK_REVOKE,
    ASK_MEMBERS,
    ASK_CHANGE, /* of a set */
    ASK_TYPE,   /* that of the sets */
    ASK_KINDS
};

/* What it has last seen of a key. */
struct seen {
    uint32_t value; /* 0: nothing */
    uint8_t vclock[VCLOCK_SIZE];
};

struct client {
    struct world *world;
    unsigned number;
    char name[16];
    struct rng chance;
    struct line *line; /* its connection; NULL: none */
    enum client_state state;
    unsigned through;     /* the node that it is connected to */
    uint32_t connections; /* how many it has had */
    struct buf in;
    struct timer next;     /* the next request, or the next try to connect */
    struct timer patience; /* with what it waits for now */
    bool quiet;            /* asks nothing new */
    bool operates;         /* it comes with the certificate of a node, and may do everything */
    unsigned untyped;      /* 1 + the set that was refused, as its type is not there yet; 0: none was */
    bool needs_props;      /* counters are refused until their bucket allows siblings */
    bool asked;            /* a request is under way: */
    enum request_kind kind;
    unsigned key;
    uint32_t value;
    uint64_t listed[SIM_KEYS_MAX / 64]; /* the keys of the list so far, as bits */
    uint32_t mapped[SIM_MAPPED_MAX];    /* what a job has mapped so far; 0: nothing is there */
    size_t mapped_count;
    unsigned ttl_s;
    uint64_t ttl_from_us;
    size_t op;  /* its place in the history, the first of */
    size_t ops; /* so many: of a set one for each element, of a list or a job one for each key */
    size_t may; /* of a query: that of what it tells about the permission */
    struct seen seen[SIM_PERMISSION + 1];
    unsigned set, adds, removes; /* of a set: its elements, as bits */
    struct set_seen set_seen[SIM_SETS];
    uint64_t answered;
    /* For a last look at everything: the keys from here on, one after the other, through one node. */
    bool surveys;
    unsigned survey_key;
};

void client_init(struct client *c, struct world *w, unsigned number);
void client_fini(struct client *c);
void client_begin(struct client *c);
/* Asks nothing new, and waits for what it has asked. */
void client_quiet(struct client *c);
/* Reads every key once, through that node, from now on; client_is_done() says when. */
void client_survey(struct client *c, unsigned through);
static inline bool client_is_done(const struct client *c)
{
    return c->quiet && !c->asked && !c->surveys;
}

#endif
