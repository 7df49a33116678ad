/* The event loop of a node: libuv's, with the node's clock and timers on it, and the scratch memory that all its
 * connections share. One thread. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/buf.h"
#include "base/list.h"
#include "base/timers.h"
#include "io/clock.h"

#include <uv.h>

/* One read, and one batch of encryption: four TLS records. */
#define LOOP_CHUNK ((size_t)64 * 1024)
/* How long the connections of one turn may be read before timers and others have their turn; the rest stays readable.
 */
#define LOOP_TURN_US 2000
#define HANDSHAKE_US 2000 /* of one turn for handshakes: a storm of them gets half of the core, not all */

struct net_loop {
    uv_loop_t uv;
    uv_timer_t wakeup;
    uv_prepare_t prepare;
    uv_idle_t handshaking; /* runs while handshakes wait for their turn */
    struct clock clock;
    struct timers timers;
    uint64_t boot_ms;       /* of this turn; 0: not asked yet */
    uint64_t turn_end_us;   /* when this turn stops reading; 0: not begun */
    struct list handshakes; /* connections with handshake bytes to be worked on */
    struct list read_later; /* connections that had their share of this turn */
    uint8_t *cipher_in;     /* LOOP_CHUNK bytes */
    uint8_t *plain;         /* LOOP_CHUNK bytes */
    struct buf cipher_out;
};

int net_loop_init(struct net_loop *l);
/* Runs until nothing is left to wait for. */
void net_loop_run(struct net_loop *l);
/* All handles but the loop's own must be closed. */
void net_loop_fini(struct net_loop *l);

/* Whether this turn may read more. */
bool net_loop_has_time(struct net_loop *l);

/* libuv's codes in ours. */
int net_error(int uv_code);

#endif
