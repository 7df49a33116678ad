/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of a session: its states (session.c), what comes in (session_input.c), the line of requests
 * (session_line.c), large bodies (session_body.c), and its account with the budgets (session_memory.c). */
#ifndef SESSION_SESSION_PARTS_H
#define SESSION_SESSION_PARTS_H

#include "session/session.h"

size_t session_input(struct session *s, struct slice in);
/* Memory is taken, by answers too that the peer has not read. */
bool session_is_short(const struct session *s);
/* What was written is sent in the next turn, with all that comes until then. */
void session_flush_later(struct session *s);
/* Whether the next request may be begun. */
bool session_can_go_on(const struct session *s);
/* Goes on with what a request waited for, if one did, and with what was kept. */
void session_go_on_now(struct session *s);
/* Goes on with what was kept, from outside of session_input(). */
void session_resume(struct session *s);

/* --- session_line.c --- */

/* Begins the request that was cut, of which all is there; a large body is s->body. False: it has to wait for others;
 * nothing of it was done. */
bool session_begin(struct session *s, const struct cut *c, struct slice body);
/* A place in the line for an answer that no handler writes; between the two it is written. False: no memory, and the
 * session is over. */
bool session_open_answer(struct session *s);
void session_close_answer(struct session *s);
/* The same, when there is nothing to answer after all. */
void session_cancel_answer(struct session *s);
/* The next request waits. */
void session_hold(struct session *s, enum session_hold hold);
/* True: the line has no room for another, or the next one has to wait. */
bool session_line_is_full(const struct session *s);
/* True: the first has to be begun again, and can be. */
bool session_has_shelved(const struct session *s);
/* Begins again what can be. */
void session_begin_shelved(struct session *s);
/* The first has waited too long for the memory that its answer needs. */
void session_refuse_shelved(struct session *s);
/* What the line takes of the small budget, bytes. */
size_t session_line_cost(const struct session *s);
/* There is room for one more answer that waits for its turn. */
bool session_may_keep(const struct session *s, size_t size);
/* Answers that are kept for later and can be had again give their memory back. */
void session_shelve_kept(struct session *s);
/* The router is not waited for. */
void session_forget_requests(struct session *s);
/* The same, and all of them are gone. */
void session_drop_line(struct session *s);
/* The request that holds back all others; NULL: there is none. */
static inline struct session_request *session_first(const struct session *s)
{
    return list_empty(&s->line) ? NULL : LIST_ENTRY(s->line.next, struct session_request, link);
}
static inline bool session_is_alone(const struct session *s)
{
    const struct session_request *rq = session_first(s);
    return rq && rq->alone;
}

/* --- session_body.c --- */

/* A body that is too long for session_input() to wait for all of it: reads it as the budget allows. */
void session_begin_large(struct session *s, const struct cut *c);
void session_take_body(struct session *s, struct slice *in);
void session_drop_body(struct session *s);
/* It is all there, and its request has to wait for others. */
static inline bool session_body_is_whole(const struct session *s)
{
    return s->body && s->body_have == s->body_len;
}
/* From the session to the request that it is of, and back. */
void session_give_body(struct session *s, struct session_request *rq);
void session_take_back_body(struct session *s, struct session_request *rq);
void session_drop_body_of(struct session_request *rq);
/* It has waited too long for memory: answered, and thrown away. */
void session_refuse_body(struct session *s);
/* It was granted what it waited for, after that time. */
void session_body_charged(struct session *s, size_t size, uint64_t waited_ms);
/* Gives back what is charged for bytes that have not come. */
void session_shrink_body(struct session *s);
/* Some of it is still to come, and may. */
static inline bool session_is_receiving(const struct session *s)
{
    return s->body && s->body_have < s->body_len && !s->waits;
}

/* What clients can make happen over and over. */
enum session_said { SAID_UNREAD, SAID_NOT_LET_IN, SAID_STALLED, SAID_LATE, SAID_GIVES_WAY };
/* Whether the log is to be told of it now: once in a minute for each address. `again` is for the end of the line. */
bool session_is_news(struct session *s, enum session_said what, char again[REPEATS_TEXT_SIZE]);

/* --- session_memory.c --- */

void session_memory_init(struct session *s);
/* Waits for nothing, and holds nothing. */
void session_forget_memory(struct session *s);
void session_memory_fini(struct session *s);
void session_on_granted(struct budget_waiter *w);
void session_on_wait_over(struct timer *t);
/* The user is known now. */
void session_use_share(struct session *s, const char *user);
/* Charges what stands in the output queue, no more and no less. */
void session_settle(struct session *s);
/* Waits in line; the request is not over. */
void session_wait(struct session *s, enum session_wait what, uint64_t wait_ms);
void session_stop_waiting(struct session *s);
/* Gives back what was granted for an answer and not needed in the end. */
void session_return_granted(struct session *s);
/* Gives back what a kept answer holds of the large budget. */
void session_return_kept(struct session_request *rq);
/* The server's timer: what was written outside of all calls of the transport is sent. */
void session_on_flush(struct timer *t);
/* The server's timer: somebody waits for memory. Who holds some and makes no progress gives way. */
void session_on_pressure(struct timer *t);

#endif
