/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a client share. Not for users. */
#ifndef SIM_CLIENT_IMPL_H
#define SIM_CLIENT_IMPL_H

#include "sim/client.h"

#include "sim/world.h"

#define VALUE_PREFIX "v" /* values are this and their number, then dots */
#define SIM_ABSENT   "-" /* what a job has of a key that is not there */

/* A connection, which lives until its stream is closed; its client may have turned to another before. */
struct line {
    struct stream_user user; /* first */
    struct client *client;   /* NULL: has left it */
    struct stream *stream;
};

static inline struct buf *client_out(struct client *c)
{
    return outq_tail(&c->line->stream->out);
}

/* --- what kind of request it is --- */

static inline bool client_writes(const struct client *c)
{
    return c->kind == ASK_PUT || c->kind == ASK_CREATE || c->kind == ASK_CAS;
}

static inline bool client_counts(const struct client *c)
{
    return c->kind == ASK_ADD || c->kind == ASK_COUNT;
}

static inline bool client_is_at_set(const struct client *c)
{
    return c->kind == ASK_MEMBERS || c->kind == ASK_CHANGE;
}

static inline bool client_permits(const struct client *c)
{
    return c->kind == ASK_GRANT || c->kind == ASK_REVOKE;
}

/* Changes of the catalog and of properties are not judged by themselves. */
static inline bool client_is_noted(const struct client *c)
{
    return c->kind != ASK_PROPS && c->kind != ASK_TYPE;
}

/* --- client_note.c: what it writes down --- */

/* What it has just asked; client_present() is the first of what was written down for it. */
void client_note_asked(struct client *c);
struct history_op *client_present(struct client *c);
/* How it ended; `vclock` may be empty. */
void client_note_answer(struct client *c, enum history_outcome outcome, struct slice vclock);
/* What a job has mapped of each. */
void client_note_mapped(struct client *c);
/* For each of what was written down, whether it is there: a bit of `there`. */
void client_note_there(struct client *c, const uint64_t *there);
/* Whether a query was served; no other answer tells anything of that. */
void client_note_permission(struct client *c, enum history_outcome outcome);

/* --- client_ask.c --- */

/* Picks a request, and writes it out. Returns its time-out, ms. */
uint32_t client_pick_and_ask(struct client *c);

/* --- client_told.c --- */

/* Takes one frame of the answer. False: more follow. */
bool client_take_answer(struct client *c, const struct frame *f);

#endif
