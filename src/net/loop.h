/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of a node: libuv's, with the node's clock and timers on it, and the scratch memory that all its
 * connections share. One thread. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "io/clock.h"

#include <uv.h>

/* One read, and one batch of encryption: four TLS records. */
#define LOOP_CHUNK ((size_t)64 * 1024)
/* How long the connections of one turn may be read before timers and others have their turn. */
#define LOOP_TURN_US 2000
#define HANDSHAKE_US 2000 /* of one turn for handshakes: a storm of them gets half of the core, not all */
/* So many connections, those that had something to read last, keep their TLS record buffers, 34 KB each. */
#define LOOP_BUSY_MAX 64

/* Turns that take so much of the processor are counted and logged, as debug messages; above the second, as warnings. */
#define LOOP_LONG_US      10000
#define LOOP_VERY_LONG_US 50000

/* How long turns take. */
struct loop_turns {
    uint64_t woke_ms;          /* when its sleep ended, of uv_now(); 0: it has not slept yet */
    uint64_t stamp_us, cpu_us; /* what the processor had done for this thread some time before */
};

struct net_loop {
    uv_loop_t uv;
    uv_timer_t wakeup;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t handshaking; /* runs while handshakes wait for their turn */
    struct clock clock;
    struct timers timers;
    void (*turn_end)(void *arg); /* NULL: nobody asked */
    void *turn_end_arg;
    bool woken;             /* the wakeup has fired since this turn began */
    uint64_t boot_ms;       /* of this turn; 0: not asked yet */
    uint64_t turn_end_us;   /* when this turn stops reading; 0: not begun */
    uint64_t round;         /* in which every connection that has something is read once; 1 or more */
    bool round_goes_on;     /* this turn's time ran out before all were read: the next turn is for the others */
    struct list handshakes; /* connections with handshake bytes to be worked on */
    struct list busy;       /* connections that keep their record buffers, the one that was read last at the end */
    unsigned busy_count;
    struct loop_turns turns;
    const struct log *log;   /* NULL: nothing is logged */
    struct metrics *metrics; /* NULL: nothing is counted */
    uint8_t *cipher_in;      /* LOOP_CHUNK bytes */
    uint8_t *plain;          /* LOOP_CHUNK bytes */
    struct buf cipher_out;
};

int net_loop_init(struct net_loop *l);
/* What took long was not a turn's work, but the start's: the clock's milliseconds are read again. */
void net_loop_refresh_clock(struct net_loop *l);
/* Long turns are logged and counted from now on. Borrowed until net_loop_fini(). */
void net_loop_watch(struct net_loop *l, const struct log *log, struct metrics *metrics);
/* Runs until nothing is left to wait for. */
void net_loop_run(struct net_loop *l);
/* All handles but the loop's own must be closed. */
void net_loop_fini(struct net_loop *l);

/* `fn` is called at the end of each turn, when all callbacks of the turn have been made and before the loop sleeps:
 * what belongs together can be sent together there, and leaves at once. Timers that it starts count. One function;
 * NULL: none any more. */
void net_loop_on_turn_end(struct net_loop *l, void (*fn)(void *arg), void *arg);

/* Whether a connection that was last read in round *read_in may be read now; then *read_in is this round. A round takes
 * more than one turn where time runs out, be it that the process was not running: whoever comes first in the kernel's
 * order must not be the only one that is served. Who is refused stays readable and is asked about again. */
bool net_loop_may_read(struct net_loop *l, uint64_t *read_in);

/* libuv's codes in ours. */
int net_error(int uv_code);

#endif
