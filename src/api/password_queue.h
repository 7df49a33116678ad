/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords that wait to be checked. One after the other, and a slice of time in each turn of the loop: however many
 * guess, requests of others wait a millisecond for them. */
#ifndef API_PASSWORD_QUEUE_H
#define API_PASSWORD_QUEUE_H

#include "base/list.h"
#include "base/timers.h"
#include "security/password.h"

struct password_queue {
    struct timers *timers;
    struct list waiting; /* the first is being checked */
    struct timer turn;
};

/* In the memory of who waits for it. */
struct password_check {
    struct list place;
    struct password_queue *of; /* NULL: it is not waiting */
    struct password password;
    struct password_try attempt;
    void (*done)(struct password_check *g, bool right);
};

void password_queue_init(struct password_queue *q, struct timers *timers);
void password_queue_fini(struct password_queue *q); /* nobody waits any more */

void password_check_init(struct password_check *g, void (*done)(struct password_check *g, bool right));
/* `done` is called in a later turn, unless password_check_forget() comes before. The password and the text are borrowed
 * for the call. E_NOMEM: it is not waiting. */
int password_check_begin(struct password_queue *q, struct password_check *g, const struct password *password,
                         struct slice text);
void password_check_forget(struct password_check *g);

#endif
