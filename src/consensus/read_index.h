/* SPDX-License-Identifier: Apache-2.0 */
/* Linearizable reads without an entry in the log (rule 9; Raft dissertation 6.4): the leader notes its commit index and
 * asks the voters whether its term is still theirs. Who says yes (group_promise()) had not voted for another leader
 * until then; if that is a majority, no other leader can have answered anything before the question was asked. In a
 * group of one the round is empty.
 *
 * All reads that come before a round is sent share it; which connections carry the rounds of which groups is the
 * caller's. */
#ifndef CONSENSUS_READ_INDEX_H
#define CONSENSUS_READ_INDEX_H

#include "consensus/group.h"

struct read_index {
    uint64_t term;      /* whose rounds these are */
    uint64_t sent;      /* the last round whose question went out */
    uint64_t confirmed; /* the last round that a majority answered */
    bool wanted;        /* reads wait for the round after `sent` */
    struct {
        uint64_t id, round;
    } heard[GROUP_MEMBERS_MAX];
};

void read_index_init(struct read_index *r);

/* For one read: it may be answered once *round is confirmed and *index applied, if the group's term is then still
 * *term. E_CLOSED: does not lead. E_AGAIN: it leads, but what was answered before may not be committed here yet. */
int read_index_ask(struct read_index *r, const struct group *g, uint64_t *term, uint64_t *round, uint64_t *index);
/* Once per turn of the loop. True: the question (r->term, r->sent) is to be put to every voter. */
bool read_index_send(struct read_index *r, const struct group *g);
/* The last round that it has answered; 0: none. */
uint64_t read_index_last(const struct read_index *r, uint64_t id);
/* A voter said yes. */
void read_index_heard(struct read_index *r, const struct group *g, uint64_t id, uint64_t term, uint64_t round);

#endif
