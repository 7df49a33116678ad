/* Between the parts of a session: its states (session.c), what comes in (session_input.c), and its account with the
 * budget of large bodies (session_body.c). */
#ifndef SERVER_SESSION_PARTS_H
#define SERVER_SESSION_PARTS_H

#include "server/session.h"

/* A whole frame: what the present state makes of it. */
void session_frame(struct session *s, uint8_t code, struct slice body);
void session_start_tls(struct session *s);

size_t session_input(struct session *s, struct slice in);
/* Whether the next request may be begun. */
bool session_can_go_on(const struct session *s);
/* Goes on with what was kept, from outside of session_input(). */
void session_resume(struct session *s);

/* A frame that is too long for session_input() to wait for all of it: reads `body_len` bytes as the budget allows. */
void session_begin_large(struct session *s, uint8_t code, size_t body_len);
void session_take_body(struct session *s, struct slice *in);
void session_drop_body(struct session *s);
void session_on_granted(struct budget_waiter *w);
/* Gives back what was granted for an answer and not needed in the end. */
void session_return_granted(struct session *s);
/* The queue is empty: its answers hold nothing any more. */
void session_return_answers(struct session *s);

#endif
