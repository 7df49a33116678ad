/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords that wait to be checked. One after the other, and a slice of time in each turn of the loop: however many
 * guess, requests of others wait a millisecond for them. */
#ifndef SERVER_GUESS_H
#define SERVER_GUESS_H

#include "base/list.h"
#include "base/timers.h"
#include "security/password.h"

struct guesses {
    struct timers *timers;
    struct list waiting; /* the first is being checked */
    struct timer turn;
};

/* In the memory of who waits for it. */
struct guess {
    struct list place;
    struct guesses *of; /* NULL: it is not waiting */
    struct password password;
    struct password_try attempt;
    void (*done)(struct guess *g, bool right);
};

void guesses_init(struct guesses *q, struct timers *timers);
void guesses_fini(struct guesses *q); /* nobody waits any more */

void guess_init(struct guess *g, void (*done)(struct guess *g, bool right));
/* `done` is called in a later turn, unless guess_forget() comes before. The password and the text are borrowed for the
 * call. E_NOMEM: it is not waiting. */
int guess_begin(struct guesses *q, struct guess *g, const struct password *password, struct slice text);
void guess_forget(struct guess *g);

#endif
