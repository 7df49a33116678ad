/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of map/reduce share. Not for users. */
#ifndef RIAK_MAPRED_IMPL_H
#define RIAK_MAPRED_IMPL_H

#include "router/index_match.h"
#include "riak/mapred/mapred_map.h"
#include "riak/mapred/mapred_set.h"
#include "riak/mapred/mapred_sort.h"
#include "session/scan.h"

/* Objects of one phase that are asked for at once: one at first, and twice as many with each that comes, while they are
 * small; after a large one, one. */
#define MAPRED_ASKS_MAX 8
#define MAPRED_SMALL    ((size_t)64 * 1024)

/* One of them: what came of it stands here until those that were asked for before have come. */
struct mapred_ask {
    struct router_request request; /* first */
    struct mapred *job;
    struct mapred_input input; /* views of what the phase goes through, or of */
    json_t *source;            /* one of the job's list; NULL */
    uint64_t key_tag;          /* of its key, for the vclock of the object */
    bool done;
    int err;
    const char *why; /* what is wrong with the object; NULL: nothing, or memory is out */
    json_t *values;  /* that came of it; NULL: none, or it is not well */
    size_t bytes;    /* what they weigh */
    bool large;      /* the object */
};

struct mapred {
    struct scan scan; /* first */
    struct mapred_job job;
    struct buf text;         /* of the job, where the message is not kept */
    struct mapred_list list; /* what follows of the job's own */
    json_t *input;           /* the last of it */
    size_t checked;          /* so many of it are well */
    bool checking;           /* they are looked at before the job begins */
    struct buf inputs;       /* of a bucket or an index: each a length u32 and a key */
    struct buf terms;        /* of the index query: what `query` is a view of */
    struct router_query query;
    unsigned phase;
    size_t next;              /* input of the phase: a place in `inputs`, or in the list of the phase before */
    json_t *values;           /* what came of the phase before; NULL: this is the first */
    json_t *out;              /* of this one */
    size_t bytes;             /* what those weigh, */
    size_t held;              /* and those of the phase before */
    size_t reduced;           /* how many there were in `out` when a part was last reduced */
    struct mapred_set set;    /* what is in `out`, where it is to be united */
    struct mapred_sort *sort; /* of a reduce phase; NULL: it does not sort, or not yet */
    bool reducing;            /* `values` are reduced into `out`, so far up to `next` */
    bool sending;             /* what the phase keeps is being sent, */
    size_t sent;              /* so many of it are */
    json_int_t deleted;
    struct mapred_ask ask[MAPRED_ASKS_MAX]; /* a ring */
    unsigned first_ask, asks, asks_max;
    bool running; /* it goes on, or will with the session's next turn: answers wait for that */
    bool *gone;   /* whoever goes on: set when the job ends meanwhile */
    uint64_t end_us;
};

static inline const struct mapred_phase *mapred_phase_of(const struct mapred *m)
{
    return &m->job.phase[m->phase];
}

/* --- mapred.c --- */

extern const struct scan_ops mapred_scan_ops;
/* A list of two to four parts, as an input or as what a phase has left for the next. False: it is none. */
bool mapred_input_of(const json_t *v, struct mapred_input *out);
/* Goes on with what has come. Only here does a job come to its end. */
void mapred_go_on(struct mapred *m);

/* --- mapred_ask.c --- */

/* Asks the router for one more object, or to delete it; there is room for one more. True: it is under way, or its
 * answer is there already (mapred_ask_first()). False: the user may not, or time is out. That was answered, the job is
 * over, and `m` must not be touched any more. */
bool mapred_ask(struct mapred *m, const struct mapred_input *in);
/* The first of those under way; NULL: it has not come yet, or there is none. */
struct mapred_ask *mapred_ask_first(struct mapred *m);
/* It is no more. */
void mapred_ask_end(struct mapred *m);
/* None is answered any more. */
void mapred_ask_forget(struct mapred *m);

#endif
