/* SPDX-License-Identifier: Apache-2.0 */
/* The places of one port for strangers: connections that have not authenticated yet. They are bounded, and apart from
 * the places of those who have. When all are taken, one who says nothing gives way to the one that comes; and no
 * address keeps more than half of them from the others.
 *
 * A data structure: it closes nothing, and its time is given to it. */
#ifndef NET_STRANGERS_H
#define NET_STRANGERS_H

#include "base/hash.h"
#include "base/list.h"

#include <stdint.h>
#include <sys/socket.h>

/* How long a stranger may be silent while others wait for its place: before its first byte (one of a thousand of a busy
 * proxy may be late), and after it (the client's own part of a TLS handshake, in a storm of them). */
#define STRANGER_SILENT_MS 500
#define STRANGER_SPOKE_MS  1000
/* Addresses are counted by the group that their hash gives them. IPv6: by their first 64 bits. */
#define STRANGER_GROUPS 1024u

/* Part of the connection. */
struct stranger {
    struct list queue; /* of `strangers`; in none: it waits for this node */
    uint64_t heard_ms; /* when it sent something last, or came */
    uint16_t group;
    bool expected; /* from the address of a known node: it gives way to such a one alone */
    bool spoke;
    bool counted;
};

struct strangers {
    size_t max, count;
    struct list silent, spoke, expected; /* each in the order of heard_ms */
    struct hash_key key;
    unsigned largest; /* the group with more than half of the places; STRANGER_GROUPS: none */
    size_t of_group[STRANGER_GROUPS];
};

void strangers_init(struct strangers *s, size_t max, const struct hash_key *key);
void stranger_init(struct stranger *g, const struct strangers *s, const struct sockaddr *address, bool expected,
                   uint64_t now_ms);

static inline bool strangers_are_full(const struct strangers *s)
{
    return s->count >= s->max;
}

void strangers_add(struct strangers *s, struct stranger *g);
/* Its place is free. Also of one that has none. */
void strangers_remove(struct strangers *s, struct stranger *g);
/* Of one with a place: it has sent something, or this node has done what it waited for. */
void strangers_heard(struct strangers *s, struct stranger *g, uint64_t now_ms);
/* It waits for this node, and so does not give way, until strangers_heard(). */
static inline void stranger_waits(struct stranger *g)
{
    list_remove(&g->queue);
}

/* Which one gives way to `newcomer`, that has no place yet. NULL: none, for now. */
struct stranger *strangers_give_way(const struct strangers *s, const struct stranger *newcomer, uint64_t now_ms);

#endif
