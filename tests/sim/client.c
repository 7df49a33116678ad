/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/client_impl.h"

#include "base/assert.h"
#include "wire/admin_msg.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_US 6000000
#define AGAIN_US   300000 /* until it tries another node, at most */
#define THINK_US   120000 /* at most, between two requests */
#define OPERATORS  4      /* every so many clients one is */

static void connect_soon(struct client *c);
static void ask_soon(struct client *c);

/* --- its connection --- */

/* Leaves its connection. What was asked over it may have had its effect, or may have it later. */
static void leave_line(struct client *c)
{
    struct line *l = c->line;
    c->line = NULL;
    c->state = CLIENT_OUT;
    timer_stop(&c->world->timers, &c->patience);
    buf_consume(&c->in, buf_len(&c->in));
    if (c->asked)
        client_note_answer(c, HISTORY_UNKNOWN, slice_make(NULL, 0));
    if (!l)
        return;
    l->client = NULL;
    if (l->stream)
        l->stream->ops->close(l->stream);
}

static void try_another(struct client *c)
{
    leave_line(c);
    connect_soon(c);
}

static void send_out(struct client *c)
{
    c->line->stream->ops->flush(c->line->stream);
}

static void take_frame(struct client *c, const struct frame *f)
{
    struct slice none = slice_make(NULL, 0);
    if (c->state == CLIENT_IN) {
        if (!c->asked)
            world_fail(c->world, "%s: an answer to nothing, with the code %u", c->name, f->code);
        else if (client_take_answer(c, f)) {
            timer_stop(&c->world->timers, &c->patience);
            ask_soon(c);
        }
    } else if (f->code == MSG_START_TLS) {
        c->line->stream->ops->start_tls(c->line->stream, false);
        ASSERT(admin_auth_req_put(client_out(c), slice_str("sim"), none) == 0);
    } else if (f->code == MSG_AUTH_RESP) {
        c->state = CLIENT_IN;
        timer_stop(&c->world->timers, &c->patience);
        ask_soon(c);
    } else {
        try_another(c); /* it is not let in */
    }
}

static size_t on_input(struct stream_user *u, struct slice in)
{
    struct client *c = ((struct line *)(void *)u)->client;
    struct line *l = (struct line *)(void *)u;
    if (!c)
        return in.len;
    ASSERT(buf_append_slice(&c->in, in) == 0);
    while (l->client == c) {
        struct slice all = buf_slice(&c->in);
        struct frame f;
        size_t len = all.len;
        if (frame_take(&all, UINT32_MAX, &f) <= 0)
            break;
        take_frame(c, &f);
        if (l->client == c)
            buf_consume(&c->in, len - all.len);
    }
    return in.len;
}

static void on_secure(struct stream_user *u, const struct stream_peer *peer)
{
    (void)u;
    (void)peer;
}

static void on_drained(struct stream_user *u)
{
    (void)u;
}

static void on_closed(struct stream_user *u, const char *why)
{
    struct line *l = (struct line *)(void *)u;
    struct client *c = l->client;
    (void)why;
    free(l);
    if (!c)
        return;
    c->line = NULL;
    try_another(c);
}

static void on_patience(struct timer *t)
{
    try_another(LIST_ENTRY(t, struct client, patience));
}

static void dial(struct client *c)
{
    static const struct stream_user_ops ops = {on_input, on_secure, on_drained, on_closed};
    struct world *w = c->world;
    struct line *l = calloc(1, sizeof *l);
    size_t mark;
    ASSERT(l);
    *l = (struct line){.user = {&ops}, .client = c};
    c->line = l;
    c->state = CLIENT_COMING;
    c->connections++;
    if (!c->surveys)
        c->through = (unsigned)rng_below(&c->chance, w->nodes);
    ASSERT(network_dial(&w->network, NULL, w->node[c->through].address, PORT_PROTO, &l->user, &l->stream) == 0);
    if (c->operates)
        network_operate(l->stream);
    ASSERT(frame_begin(client_out(c), MSG_START_TLS, &mark) == 0);
    frame_end(client_out(c), mark);
    world_timer(w, &c->patience, CONNECT_US);
}

/* --- requests --- */

static void ask(struct client *c)
{
    uint32_t timeout_ms = client_pick_and_ask(c);
    client_note_asked(c);
    world_timer(c->world, &c->patience, timeout_ms * (uint64_t)1000 + rng_below(&c->chance, 3 * SECOND_US));
    send_out(c);
}

static void on_next(struct timer *t)
{
    struct client *c = LIST_ENTRY(t, struct client, next);
    if (c->quiet && !c->surveys)
        return;
    if (c->state == CLIENT_OUT)
        dial(c);
    else if (c->state == CLIENT_IN && chance_of(&c->chance, 1) && !c->surveys)
        try_another(c); /* as clients do that live shortly */
    else if (c->state == CLIENT_IN)
        ask(c);
}

static void next_in(struct client *c, uint64_t us)
{
    timer_stop(&c->world->timers, &c->next);
    world_timer(c->world, &c->next, us);
}

static void connect_soon(struct client *c)
{
    next_in(c, rng_below(&c->chance, AGAIN_US));
}

/* What of a survey it has just asked for; another request may have been under way when that began. */
static unsigned surveyed(const struct client *c)
{
    unsigned keys = c->world->options.keys;
    return c->kind == ASK_KEYS    ? keys + SIM_COUNTERS
           : c->kind == ASK_GET   ? c->key
           : c->kind == ASK_COUNT ? keys + c->key - SIM_KEYS_MAX
                                  : UINT_MAX;
}

static void ask_soon(struct client *c)
{
    if (c->surveys && surveyed(c) == c->survey_key && client_present(c)->outcome <= HISTORY_ABSENT)
        c->survey_key++;
    if (c->surveys && c->survey_key > c->world->options.keys + SIM_COUNTERS)
        c->surveys = false;
    next_in(c, c->surveys ? 1000 : rng_below(&c->chance, THINK_US));
}

void client_begin(struct client *c)
{
    c->quiet = false;
    connect_soon(c);
}

void client_quiet(struct client *c)
{
    c->quiet = true;
}

void client_survey(struct client *c, unsigned through)
{
    c->surveys = true;
    c->survey_key = 0;
    c->through = through;
    leave_line(c);
    connect_soon(c);
}

void client_init(struct client *c, struct world *w, unsigned number)
{
    *c = (struct client){.world = w, .number = number, .operates = number % OPERATORS == 0};
    snprintf(c->name, sizeof c->name, "client %u", number);
    rng_seed(&c->chance, rng_next(&w->chance));
    buf_init(&c->in, SIZE_MAX / 2);
    timer_init(&c->next, on_next);
    timer_init(&c->patience, on_patience);
}

void client_fini(struct client *c)
{
    c->quiet = true;
    c->surveys = false;
    leave_line(c);
    timer_stop(&c->world->timers, &c->next);
    buf_fini(&c->in);
}
