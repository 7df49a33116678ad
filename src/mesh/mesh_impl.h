/* SPDX-License-Identifier: Apache-2.0 */
/* What link.c and mesh.c say to each other. */
#ifndef MESH_MESH_IMPL_H
#define MESH_MESH_IMPL_H

#include "mesh/mesh.h"

/* Why a peer's connection is closed, and what else it can make happen over and over: said of each address when it
 * begins, then once in a minute. */
enum refusal {
    REFUSED_CERTIFICATE,
    REFUSED_VERSION,
    REFUSED_NAME,
    REFUSED_INCARNATION,
    REFUSED_PLANE,
    REFUSED_ADDRESS,
    REFUSED_CHANGED,
    REFUSED_TOO_MANY,
    REFUSED_SILENT,
    REFUSED_MALFORMED,
    REFUSED_LARGE, /* not of the peer: what was to be sent to it */
    REFUSAL_COUNT,
    MESH_SILENT = REFUSAL_COUNT, /* nobody answers there */
    MESH_TWO_HOLDERS,
    MESH_NOT_REACHED
};

/* Whether the log is to be told now. `again` is for the end of the line. */
bool mesh_is_news(struct mesh *m, const char *subject, enum refusal why, char again[REPEATS_TEXT_SIZE]);

struct link *mesh_new_link(struct mesh *m);
/* Once its stream has ended, or could not be begun. */
void mesh_free_link(struct link *l);
void mesh_say_hello(struct link *l);
void mesh_on_later(struct timer *t);
/* This node does not talk to who is there; `why` is static. `e` may be NULL. */
void mesh_note_refusal(struct mesh *m, struct endpoint *e, const char *why);
/* This node has answered there itself. */
void mesh_is_self(struct mesh *m, struct endpoint *e);
/* The other side has said who it is. E_TOO_MANY: there is no room for another; E_NOMEM. */
int mesh_greeted(struct link *l, const struct peer_hello *h);
int mesh_take_beacon(struct link *l, struct slice body);
void mesh_link_gone(struct link *l, const char *why);
/* For the log: borrowed. */
const char *mesh_link_name(const struct link *l);

#endif
