/* SPDX-License-Identifier: Apache-2.0 */
/* The node's only sources of time and chance. A simulation gives its own. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
    /* Milliseconds since the machine's start, suspension included; the same during one turn of the loop. */
    uint64_t (*boot_ms)(void *arg);
    /* Microseconds of the same clock, read afresh at each call: for bounding how long a turn takes, and for what must
     * hold at the very moment (R-READ). Never earlier than boot_ms(). */
    uint64_t (*precise_us)(void *arg);
    /* Milliseconds since the Unix epoch; asked once at the start (R-TIME) and for certificates. */
    uint64_t (*wall_ms)(void *arg);
    /* Bytes that nobody can predict. */
    void (*random)(void *arg, void *out, size_t n);
    void *arg;
};

static inline uint64_t clock_boot_ms(const struct clock *c)
{
    return c->boot_ms(c->arg);
}

static inline uint64_t clock_precise_us(const struct clock *c)
{
    return c->precise_us(c->arg);
}

static inline uint64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c->arg);
}

static inline void clock_random(const struct clock *c, void *out, size_t n)
{
    c->random(c->arg, out, n);
}

#endif
