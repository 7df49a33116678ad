/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a history is one that a correct store can have: each key's operations are linearizable, revisions never go
 * back, and nobody was told what was never written. */
#ifndef HISTORY_CHECK_H
#define HISTORY_CHECK_H

#include "history/history.h"

enum check_verdict {
    CHECK_RIGHT,
    CHECK_WRONG,
    CHECK_UNDECIDED /* the search was given up: it had looked at more than CHECK_STEPS_MAX states of a key */
};

#define CHECK_STEPS_MAX 2000000u
#define CHECK_STORY_MAX 8192

struct check_report {
    enum check_verdict verdict;
    size_t operations, keys;
    uint64_t steps;              /* of all searches */
    char story[CHECK_STORY_MAX]; /* what is wrong, for people; "" where nothing is */
};

/* Judges all of it. What is wrong first is told. */
enum check_verdict history_check(const struct history *h, struct check_report *out);

#endif
