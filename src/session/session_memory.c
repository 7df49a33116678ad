/* SPDX-License-Identifier: Apache-2.0 */
/* What one session holds of the server's budgets, and how it waits for more. */
#include "session/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

#define PRESSURE_MS      250  /* how often is looked who holds memory, while others wait for it */
#define PRESSURE_IDLE_MS 5000 /* who holds some so long and makes no progress is closed then */

static struct budget_share *mine(const struct session *s, const struct budget *b)
{
    return share_of(s->server, s->share, b);
}

void session_overload(struct session *s, const char *what)
{
    s->protocol->refuse(s, &(struct outcome){.code = OUTCOME_OVERLOAD, .name = slice_str(what)});
}

/* --- the output queue --- */

static size_t unread(const struct session *s)
{
    return outq_len(&s->stream->out) + s->stream->unsent;
}

static bool holds(const struct session *s)
{
    return unread(s) > 0 || session_is_receiving(s);
}

/* Less of the queue, more of the body. */
static void note_progress(struct session *s)
{
    s->holder_mark = s->body_have - unread(s);
    s->progress_ms = clock_boot_ms(s->server->clock);
}

static void charge_queue(struct session *s, size_t size)
{
    struct budget *b = &s->server->small;
    size_t held = s->queue_held;
    s->queue_held = size;
    if (size > held)
        budget_force(b, mine(s, b), BUDGET_ANSWERS, size - held);
    else if (size < held)
        budget_return(b, mine(s, b), BUDGET_ANSWERS, held - size);
}

static void charge_answers(struct session *s, size_t size)
{
    struct budget *b = &s->server->large;
    size_t held = s->answer_held;
    s->answer_held = size;
    if (size < held)
        budget_return(b, mine(s, b), BUDGET_ANSWERS, held - size);
}

void session_settle(struct session *s)
{
    size_t size = unread(s), held = s->answer_held;
    /* The memory of a large answer goes as a whole. */
    if (size < held && size < STREAM_HIGH_WATER)
        charge_answers(s, size);
    charge_queue(s, (size > held ? size - held : 0) + session_line_cost(s));
    if (!holds(s)) {
        list_remove(&s->holder);
    } else if (list_empty(&s->holder)) {
        list_append(&s->server->holders, &s->holder);
        note_progress(s);
    }
}

/* --- the user's share --- */

void session_memory_init(struct session *s)
{
    s->share = share_of_strangers(&s->server->shares);
    list_init(&s->holder);
}

/* What it holds goes along. */
void session_use_share(struct session *s, const char *user)
{
    size_t held = s->queue_held;
    charge_queue(s, 0);
    share_put(s->share);
    s->share = share_get(&s->server->shares, user);
    charge_queue(s, held);
}

void session_forget_memory(struct session *s)
{
    session_stop_waiting(s);
    session_return_granted(s);
    list_remove(&s->holder);
    charge_queue(s, 0);
    charge_answers(s, 0);
}

void session_memory_fini(struct session *s)
{
    share_put(s->share);
}

/* --- waiting --- */

void session_wait(struct session *s, enum session_wait what, uint64_t wait_ms)
{
    struct server *server = s->server;
    s->waits = what;
    s->waits_since_ms = clock_boot_ms(server->clock);
    server->metrics->bodies_waited++;
    timer_start(server->timers, &s->wait_timer, wait_ms);
    if (!timer_runs(&server->pressure))
        timer_start(server->timers, &server->pressure, PRESSURE_MS);
}

void session_stop_waiting(struct session *s)
{
    s->waits = WAIT_NOTHING;
    timer_stop(s->server->timers, &s->wait_timer);
    budget_forget(&s->waiter);
}

void session_on_granted(struct budget_waiter *w)
{
    struct session *s = LIST_ENTRY(w, struct session, waiter);
    enum session_wait what = s->waits;
    session_stop_waiting(s);
    if (what == WAIT_BODY) {
        session_body_charged(s, w->size, clock_boot_ms(s->server->clock) - s->waits_since_ms);
    } else {
        s->granted = w->size;
        s->granted_of = w->of;
    }
    /* In a turn of its own: this is called while another session is at work. */
    timer_start(s->server->timers, &s->pause_timer, 0);
}

void session_on_wait_over(struct timer *t)
{
    struct session *s = LIST_ENTRY(t, struct session, wait_timer);
    enum session_wait what = s->waits;
    session_stop_waiting(s);
    if (what == WAIT_BODY)
        session_refuse_body(s);
    else if (what == WAIT_ANSWER)
        session_refuse_shelved(s);
    else
        s->overdue = true;
    session_go_on_now(s);
}

void session_return_granted(struct session *s)
{
    size_t granted = s->granted;
    s->granted = 0;
    if (granted)
        budget_return(s->granted_of, mine(s, s->granted_of), BUDGET_ANSWERS, granted);
}

/* --- answers --- */

/* The present request's answer has so much of the large budget. */
static void hold_large(struct session *s, size_t charged)
{
    if (s->request == session_first(s))
        s->answer_held += charged;
    else
        s->request->kept_large += charged;
}

void session_return_kept(struct session_request *rq)
{
    struct budget *b = &rq->session->server->large;
    size_t charged = rq->kept_large;
    rq->kept_large = 0;
    if (charged)
        budget_return(b, mine(rq->session, b), BUDGET_ANSWERS, charged);
}

/* `size` bytes of the budget are there for an answer that is written next. */
static void use(struct session *s, struct budget *b, size_t size)
{
    if (b == &s->server->large)
        hold_large(s, budget_charge(b, size));
    else /* it is charged as it stands in the queue, or in the line */
        budget_return(b, mine(s, b), BUDGET_ANSWERS, budget_charge(b, size));
}

/* Of a request that is not the first: without waiting, as the answers of those before it may need the memory too. */
static bool try_to_keep(struct session *s, struct budget *b, size_t size)
{
    bool has = session_may_keep(s, size) && budget_try(b, mine(s, b), BUDGET_ANSWERS, size);
    if (has)
        use(s, b, size);
    return has;
}

/* Of the first. Who waits for memory gives back what he can. */
static bool take_or_wait(struct session *s, struct budget *b, size_t size)
{
    if (outq_len(&s->stream->out) >= STREAM_HIGH_WATER)
        return false;
    if (budget_take(b, mine(s, b), BUDGET_ANSWERS, size, &s->waiter)) {
        use(s, b, size);
        return true;
    }
    session_wait(s, WAIT_ANSWER, s->request->router.timeout_ms);
    session_shelve_kept(s);
    return false;
}

bool session_take_answer(struct session *s, size_t size)
{
    struct session_request *rq = s->request;
    struct budget *b = budget_of(s->server, size);
    bool first = rq == session_first(s);
    ASSERT(rq->state == REQUEST_WAITS);
    /* It has waited, and the object may have grown meanwhile; or the request itself holds a part of the budget: waiting
     * for more could be without end. */
    if (!rq->repeatable || rq->body || (first && s->granted)) {
        session_force_answer(s, size);
        session_return_granted(s);
        return true;
    }
    rq->no_room = first ? !take_or_wait(s, b, size) : !try_to_keep(s, b, size);
    return !rq->no_room;
}

void session_force_answer(struct session *s, size_t size)
{
    struct budget *b = budget_of(s->server, size);
    if (b != &s->server->large)
        return; /* it is charged as it stands in the queue */
    budget_force(b, mine(s, b), BUDGET_ANSWERS, budget_charge(b, size));
    hold_large(s, budget_charge(b, size));
}

bool session_has_room(struct session *s, size_t size, uint64_t wait_ms, session_go_on go_on)
{
    struct budget *b = &s->server->small;
    session_settle(s);
    if (s->granted) { /* it has waited for that */
        session_return_granted(s);
        return true;
    }
    if (budget_take(b, mine(s, b), BUDGET_ANSWERS, size, &s->waiter)) {
        budget_return(b, mine(s, b), BUDGET_ANSWERS, budget_charge(b, size));
        return true;
    }
    s->go_on = go_on;
    session_wait(s, WAIT_TO_GO_ON, wait_ms);
    return false;
}

bool session_try_gathered(struct session *s, size_t size)
{
    struct budget *b = &s->server->large;
    return budget_try(b, mine(s, b), BUDGET_ANSWERS, size);
}

void session_return_gathered(struct session *s, size_t size)
{
    struct budget *b = &s->server->large;
    if (size)
        budget_return(b, mine(s, b), BUDGET_ANSWERS, size);
}

void session_answer_gathered(struct session *s, size_t size)
{
    s->answer_held += size;
}

void session_wait_gathered(struct session *s, size_t size, uint64_t wait_ms, session_go_on go_on)
{
    struct budget *b = &s->server->large;
    s->go_on = go_on;
    session_return_granted(s);
    if (!budget_take(b, mine(s, b), BUDGET_ANSWERS, size, &s->waiter)) {
        session_wait(s, WAIT_TO_GO_ON, wait_ms);
        return;
    }
    s->granted = budget_charge(b, size);
    s->granted_of = b;
    timer_start(s->server->timers, &s->pause_timer, 0);
}

size_t session_gathered(struct session *s)
{
    size_t granted = s->granted_of == &s->server->large ? s->granted : 0;
    s->granted -= granted;
    return granted;
}

/* --- pressure --- */

static void give_way(struct session *s)
{
    struct server *server = s->server;
    server->metrics->stalled_closed++;
    char again[REPEATS_TEXT_SIZE];
    if (session_is_news(s, SAID_GIVES_WAY, again))
        log_warn(
            server->log, "session",
            "%s: closing the connection: %zu bytes wait to be read by it, %zu are to come from it, none did for %d ms, "
            "and others wait for the memory%s",
            s->name, unread(s), s->body_len - s->body_have, PRESSURE_IDLE_MS, again);
    outq_fini(&s->stream->out); /* nobody reads that */
    session_end(s);
    session_drop_line(s);
    session_drop_body(s);
    session_settle(s);
}

static void press(struct session *s)
{
    uint64_t idle_ms = clock_boot_ms(s->server->clock) - s->progress_ms;
    session_settle(s);
    if (!holds(s) || s->state == SESSION_CLOSED)
        return;
    if (s->body_have - unread(s) != s->holder_mark)
        note_progress(s);
    else if (idle_ms >= PRESSURE_IDLE_MS)
        give_way(s);
    else if (session_is_receiving(s))
        session_shrink_body(s);
}

void session_on_pressure(struct timer *t)
{
    struct server *server = LIST_ENTRY(t, struct server, pressure);
    for (struct list *i = server->holders.next, *next; i != &server->holders; i = next) {
        next = i->next;
        press(LIST_ENTRY(i, struct session, holder));
    }
    if (!list_empty(&server->small.waiting) || !list_empty(&server->large.waiting))
        timer_start(server->timers, &server->pressure, PRESSURE_MS);
}
