/* SPDX-License-Identifier: Apache-2.0 */
/* Replicas of one group in one process, in virtual time, with a network that can be cut and that can lose, double and
 * reorder what it carries. The state machine is a set of numbers; a copy of it takes as long as the world says.
 *
 * An oracle watches: whatever is applied at an index must be the same at every replica. */
#ifndef CONSENSUS_WORLD_H
#define CONSENSUS_WORLD_H

#include "base/rng.h"
#include "consensus/group.h"
#include "consensus/read_index.h"

#define WORLD_MAX    8    /* places for replicas */
#define NUMBERS_MAX  8192 /* commands are numbers below it */
#define ORACLE_MAX   65536
#define ELECTION_MS  300
#define HEARTBEAT_MS 50

struct world;

struct replica {
    struct world *world;
    unsigned place;
    uint64_t id;
    struct group *group; /* NULL: does not run */
    bool has[NUMBERS_MAX];
    uint64_t numbers;
    struct read_index reads;
    const char *broken;
    uint64_t leader; /* as the news had it */
    struct buf out;
    uint64_t out_to;
    unsigned copies_wanted, unreachable_ends;
    uint64_t copy_done_ms; /* of the copy that it makes; 0: none */
    uint64_t copy_to;
    /* What it was copied, while the install message is on its way. */
    bool copied[NUMBERS_MAX];
    uint64_t copied_from, copied_index;
    uint64_t bytes_sent, ticks;
    int drift;          /* of its clock, in thousandths; for all its life */
    uint64_t stands_ms; /* its turn has begun at this time of its clock, and goes on; 0: turns take no time */
};

struct message {
    struct message *next;
    unsigned from, to;
    uint64_t due_ms;
    size_t len;
    uint8_t bytes[];
};

struct world {
    uint64_t now_ms;
    struct replica replica[WORLD_MAX];
    uint64_t next_id;
    bool cut[WORLD_MAX][WORLD_MAX]; /* one way */
    struct message *network, **network_end;
    struct rng rng;
    unsigned lose, twice, late; /* of 100 messages */
    uint64_t copy_ms;           /* how long a copy takes; UINT64_MAX: for ever */
    size_t log_max;
    uint64_t oracle[ORACLE_MAX]; /* hash of what was applied at an index, 0: nothing yet */
    unsigned violations, applied;
};

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);

/* For cmocka: *state is a world of seed 1. */
int world_setup(void **state);
int world_teardown(void **state);

/* `count` replicas in places 0.., all voters, and `phantoms` voters that never run. */
void world_form(struct world *w, unsigned count, unsigned phantoms);
/* A replica with a new id that knows nothing. Returns its id. */
uint64_t world_join(struct world *w, unsigned place);
/* A replica with that id and birth, over the numbers 0 to `numbers` - 1. */
void world_start(struct world *w, unsigned place, uint64_t id, const struct group_birth *birth, unsigned numbers);
void world_crash(struct world *w, unsigned place);

/* That replica's clock; and as its turn has it, which is what its group is told. */
uint64_t world_clock(const struct world *w, unsigned place);
uint64_t world_turn_clock(const struct world *w, unsigned place);

/* Time passes: messages arrive, deadlines are met. */
void world_run(struct world *w, uint64_t ms);
/* Until a replica leads that a majority follows, and all is quiet; its place. Fails the test after 10 s. */
unsigned world_lead(struct world *w);
/* The place of the leader with the highest term; WORLD_MAX: none. */
unsigned world_leader(const struct world *w);
/* Leadership goes there. */
void world_transfer(struct world *w, unsigned to);
/* All links between the two sets, both ways, are cut (or mended); a set has a bit for each place. */
void world_split(struct world *w, unsigned a, unsigned b, bool cut);
void world_mend(struct world *w);

/* Proposes at that place; the index, or 0. */
uint64_t world_put(struct world *w, unsigned place, unsigned number);
bool world_has(const struct world *w, unsigned place, unsigned number);
void world_change(struct world *w, unsigned place, enum group_change what, uint64_t id); /* must be accepted */
/* Adds a new replica in that place as a spare, catches it up and makes it a voter. */
void world_add_voter(struct world *w, unsigned place);

/* All that run have applied the same and hold the same. */
void world_expect_equal(const struct world *w);

#endif
