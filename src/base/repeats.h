/* SPDX-License-Identifier: Apache-2.0 */
/* What peers and clients can make happen over and over, for the log: a line when it begins, then at most one in a
 * minute for as long as it lasts, with how often it happened in between. Known by its cause and its subject, such as
 * the other side's address without the port. The table is bounded: what has no place in it is counted together, under
 * its cause alone, so that no number of subjects makes more lines than the table has places. */
#ifndef BASE_REPEATS_H
#define BASE_REPEATS_H

#include "base/log.h"

#define REPEATS_MAX          64
#define REPEATS_CAUSES_MAX   32
#define REPEATS_SUBJECT_SIZE 80 /* with the NUL; a longer one is cut */
#define REPEATS_PERIOD_MS    60000

struct repeat {
    unsigned cause;
    char subject[REPEATS_SUBJECT_SIZE];
    uint64_t said_ms, last_ms; /* of this caller's clock */
    uint64_t untold;           /* times since it was said */
    bool used;
};

/* All zeros: empty. Holds no memory of its own. */
struct repeats {
    struct repeat entry[REPEATS_MAX];
    struct repeat others[REPEATS_CAUSES_MAX]; /* of subjects that found no place */
};

/* It has happened. True: it is to be said now; *untold: how often it has happened since it was last said, 0 when it is
 * new. `cause` is under REPEATS_CAUSES_MAX; `subject` is copied. What has not happened for two periods is new again. */
bool repeats_note(struct repeats *r, uint64_t now_ms, unsigned cause, const char *subject, uint64_t *untold);
/* It is over: true if it was there. The next time it is new. */
bool repeats_end(struct repeats *r, unsigned cause, const char *subject);

#define REPEATS_TEXT_SIZE 64
/* For the end of the line: "" when it is new, else " (N times since this was last logged)". Returns `out`. */
const char *repeats_text(uint64_t untold, char out[REPEATS_TEXT_SIZE]);

/* All in one, for a line of `log` (or NULL): true when it is to be logged, ended by `again`. At log level debug each
 * time is logged, whatever was before. */
bool repeats_log(struct repeats *r, const struct log *log, uint64_t now_ms, unsigned cause, const char *subject,
                 char again[REPEATS_TEXT_SIZE]);

#endif
