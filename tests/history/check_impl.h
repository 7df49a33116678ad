/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks share: one key's operations, and the story. Not for users. */
#ifndef HISTORY_CHECK_IMPL_H
#define HISTORY_CHECK_IMPL_H

#include "history/check.h"

struct key_history {
    const struct history *history;
    uint32_t key;
    const struct history_op **op; /* by their begin */
    size_t count;
};

void check_tell(struct check_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_tell_op(struct check_report *r, const struct history *h, const char *mark, const struct history_op *op);

/* As memcmp() of what both told. */
int check_compare_revisions(const struct history_op *a, const struct history_op *b);

/* Each false: it is wrong, and told. */
bool check_revisions(const struct key_history *k, struct check_report *r);
bool check_stale_reads(const struct key_history *k, struct check_report *r);
bool check_shown(const struct key_history *k, struct check_report *r);                /* shown.c */
bool check_counts(const struct key_history *k, struct check_report *r);               /* counting.c */
bool check_permission(const struct key_history *k, struct check_report *r);           /* permission.c */
bool check_members(const struct key_history *k, struct check_report *r);              /* members.c */
enum check_verdict check_linear(const struct key_history *k, struct check_report *r); /* linear.c */

/* It has written, or may have. */
static inline bool history_wrote(const struct history_op *op)
{
    return history_writes(op) && (op->outcome == HISTORY_OK || op->outcome == HISTORY_UNKNOWN);
}

#endif
