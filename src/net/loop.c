/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <time.h>

static uint64_t read_clock_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t boot_ms(void *arg)
{
    struct net_loop *l = arg;
    if (!l->boot_ms)
        l->boot_ms = read_clock_us(CLOCK_BOOTTIME) / 1000;
    return l->boot_ms;
}

static uint64_t precise_us(void *arg)
{
    (void)arg;
    return read_clock_us(CLOCK_BOOTTIME);
}

static uint64_t wall_ms(void *arg)
{
    (void)arg;
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

static void os_random(void *arg, void *out, size_t n)
{
    (void)arg;
    int err = uv_random(NULL, NULL, out, n, 0, NULL);
    ASSERT(err == 0); /* Linux gives random bytes from the first second on */
}

/* Only ends the loop's sleep. Timers are run once a turn, by on_check(): libuv 1.44 calls a timer that is started anew
 * at once again and again, and nobody's bytes would be read meanwhile. */
static void on_wakeup(uv_timer_t *t)
{
    struct net_loop *l = t->data;
    l->woken = true;
}

/* The earliest timer has changed. It repeats, so that libuv 1.45 and later, which call it at a turn's end, have
 * something to go on for until on_prepare() sees to it. */
static void rearm(void *arg)
{
    struct net_loop *l = arg;
    uint64_t now = boot_ms(l), due = timers_next_ms(&l->timers);
    uv_timer_start(&l->wakeup, on_wakeup, due > now ? due - now : 0, 1);
}

/* It was used up: by a timer that on_check() is still to run, by one that was stopped, or too early, as libuv's clock
 * has other milliseconds than ours. */
static void after_wakeup(struct net_loop *l)
{
    l->woken = false;
    if (timers_next_ms(&l->timers) != UINT64_MAX)
        rearm(l);
}

/* After the sockets had their share of the turn. */
static void on_check(uv_check_t *c)
{
    struct net_loop *l = c->data;
    uint64_t due = timers_next_ms(&l->timers);
    l->turns.woke_ms = uv_now(&l->uv); /* libuv reads its clock when the sleep ends */
    if (due == UINT64_MAX || due > boot_ms(l))
        return;
    timers_run(&l->timers);
}

/* --- how long turns take --- */

#define STAMP_US 5000 /* a turn's share of the processor is known to that */

void net_loop_watch(struct net_loop *l, const struct log *log, struct metrics *metrics)
{
    l->log = log;
    l->metrics = metrics;
    l->turns = (struct loop_turns){0};
    log_debug(log, "net", "turns of the loop that take %d ms of the processor or more are logged", LOOP_LONG_US / 1000);
}

static void note_long_turn(struct net_loop *l, uint64_t wall_us, uint64_t cpu_us)
{
    unsigned long long wall_ms = wall_us / 1000, cpu_ms = cpu_us / 1000;
    if (cpu_us < LOOP_LONG_US)
        return;
    l->metrics->turns_over_10ms++;
    if (cpu_us > l->metrics->turn_longest_us)
        l->metrics->turn_longest_us = cpu_us;
    if (cpu_us >= LOOP_VERY_LONG_US)
        log_warn(l->log, "net", "a turn of the loop took %llu ms, %llu ms of the processor: all requests waited",
                 wall_ms, cpu_ms);
    else
        log_debug(l->log, "net", "a turn of the loop took %llu ms, %llu ms of the processor", wall_ms, cpu_ms);
}

/* The processor's clock costs a call of the kernel: it is read for turns that were long, and now and then. (So does
 * libuv's own count of the time that it sleeps, UV_METRICS_IDLE_TIME: one more epoll_wait() for each sleep.) */
static void measure_turn(struct net_loop *l)
{
    struct loop_turns *t = &l->turns;
    uint64_t now_ns = uv_hrtime(), woke_us = t->woke_ms * 1000;
    uint64_t wall_us = woke_us && now_ns / 1000 > woke_us ? now_ns / 1000 - woke_us : 0;
    if (now_ns / 1000 - t->stamp_us >= STAMP_US) {
        uint64_t cpu_us = read_clock_us(CLOCK_THREAD_CPUTIME_ID), used_us = cpu_us - t->cpu_us;
        if (wall_us >= LOOP_LONG_US && t->cpu_us)
            note_long_turn(l, wall_us, used_us < wall_us ? used_us : wall_us);
        t->cpu_us = cpu_us;
        t->stamp_us = now_ns / 1000;
    }
    t->woke_ms = 0;
}

/* Before the loop sleeps: the turn ends, a new one begins. */
static void on_prepare(uv_prepare_t *p)
{
    struct net_loop *l = p->data;
    if (l->turn_end)
        l->turn_end(l->turn_end_arg);
    if (l->metrics)
        measure_turn(l);
    l->boot_ms = 0;
    if (l->woken) {
        after_wakeup(l);
        l->boot_ms = 0; /* of after the sleep */
    }
    if (timers_next_ms(&l->timers) == UINT64_MAX) /* the last one was stopped: there is nothing to wake up for */
        uv_timer_stop(&l->wakeup);
    l->turn_end_us = 0;
    if (!l->round_goes_on)
        l->round++;
    l->round_goes_on = false;
}

void net_loop_on_turn_end(struct net_loop *l, void (*fn)(void *arg), void *arg)
{
    l->turn_end = fn;
    l->turn_end_arg = arg;
}

static bool has_time(struct net_loop *l)
{
    uint64_t now = clock_precise_us(&l->clock);
    if (!l->turn_end_us)
        l->turn_end_us = now + LOOP_TURN_US;
    return now < l->turn_end_us;
}

bool net_loop_may_read(struct net_loop *l, uint64_t *read_in)
{
    if (*read_in == l->round)
        return false;
    if (!has_time(l)) {
        l->round_goes_on = true;
        return false;
    }
    *read_in = l->round;
    return true;
}

int net_loop_init(struct net_loop *l)
{
    *l = (struct net_loop){.clock = {boot_ms, precise_us, wall_ms, os_random, l}};
    list_init(&l->handshakes);
    list_init(&l->busy);
    timers_init(&l->timers, boot_ms, rearm, l);
    buf_init(&l->cipher_out, 4 * LOOP_CHUNK);
    l->cipher_in = malloc(LOOP_CHUNK);
    l->plain = malloc(LOOP_CHUNK);
    if (!l->cipher_in || !l->plain || uv_loop_init(&l->uv))
        return E_NOMEM;
    uv_timer_init(&l->uv, &l->wakeup);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->handshaking);
    l->wakeup.data = l->prepare.data = l->check.data = l->handshaking.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->check);
    return 0;
}

void net_loop_refresh_clock(struct net_loop *l)
{
    l->boot_ms = 0;
}

void net_loop_run(struct net_loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void net_loop_fini(struct net_loop *l)
{
    uv_close((uv_handle_t *)&l->wakeup, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->handshaking, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int err = uv_loop_close(&l->uv);
    ASSERT(err == 0);
    timers_fini(&l->timers);
    buf_fini(&l->cipher_out);
    free(l->cipher_in);
    free(l->plain);
}

int net_error(int uv_code)
{
    switch (uv_code) {
    case 0:
        return 0;
    case UV_ENOMEM:
    case UV_ENOBUFS:
        return E_NOMEM;
    case UV_EADDRINUSE:
        return E_EXISTS;
    case UV_EACCES:
    case UV_EPERM:
        return E_DENIED;
    case UV_EADDRNOTAVAIL:
    case UV_EINVAL:
        return E_INVALID;
    case UV_ETIMEDOUT:
        return E_TIMEOUT;
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
        return E_CLOSED;
    default:
        return E_IO;
    }
}
