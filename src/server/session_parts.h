/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of a session: its states (session.c), what comes in (session_input.c), large bodies
 * (session_body.c), and its account with the budgets (session_memory.c). */
#ifndef SERVER_SESSION_PARTS_H
#define SERVER_SESSION_PARTS_H

#include "server/session.h"

/* A whole frame: what the present state makes of it. */
void session_frame(struct session *s, uint8_t code, struct slice body);
void session_start_tls(struct session *s);

size_t session_input(struct session *s, struct slice in);
/* Whether the next request may be begun. */
bool session_can_go_on(const struct session *s);
/* The request at the front of what is kept has waited too long for the memory that its answer needs. */
void session_refuse_again(struct session *s);
/* Goes on with what a request waited for, if one did, and with what was kept. */
void session_go_on_now(struct session *s);
/* Goes on with what was kept, from outside of session_input(). */
void session_resume(struct session *s);

/* --- session_body.c --- */

/* A frame that is too long for session_input() to wait for all of it: reads `body_len` bytes as the budget allows. */
void session_begin_large(struct session *s, uint8_t code, size_t body_len);
void session_take_body(struct session *s, struct slice *in);
void session_drop_body(struct session *s);
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
/* The server's timer: somebody waits for memory. Who holds some and makes no progress gives way. */
void session_on_pressure(struct timer *t);

#endif
