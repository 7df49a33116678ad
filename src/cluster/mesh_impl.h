/* What link.c and mesh.c say to each other. */
#ifndef CLUSTER_MESH_IMPL_H
#define CLUSTER_MESH_IMPL_H

#include "cluster/mesh.h"

/* Why a peer's connection is closed: said once of each incarnation, whatever it goes on trying. */
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
    REFUSAL_COUNT
};

/* Whether it is to be in the log: it is not there yet. */
bool mesh_is_news(struct mesh *m, const uint8_t *incarnation, enum refusal why);

struct link *mesh_new_link(struct mesh *m);
/* Once its stream has ended, or could not be begun. */
void mesh_free_link(struct link *l);
void mesh_say_hello(struct link *l);
void mesh_on_later(struct timer *t);
/* The other side has said who it is. E_TOO_MANY: there is no room for another; E_NOMEM. */
int mesh_greeted(struct link *l, const struct peer_hello *h);
int mesh_take_beacon(struct link *l, struct slice body);
void mesh_link_gone(struct link *l, const char *why);
/* For the log: borrowed. */
const char *mesh_link_name(const struct link *l);

#endif
