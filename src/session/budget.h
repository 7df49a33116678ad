/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that requests take while they are under way: bodies that are being read, answers that are being built or
 * sent. Who needs some takes it here before he has it, so that many clients at once cannot take the node's memory. Who
 * finds it taken waits in line, and is called when there is room.
 *
 * Each user has a share of it at most: who takes all that he may leaves room for others. Who waits for more of his own
 * share holds nobody up; who waits because all is taken holds up those who came after him. */
#ifndef SESSION_BUDGET_H
#define SESSION_BUDGET_H

#include "base/list.h"

#include <stdint.h>

/* What one user has of one budget, and who waits for more of it. */
struct budget_share {
    size_t used;         /* bytes */
    struct list waiting; /* in the order in which they came */
    struct list link;    /* in the budget, while somebody waits */
};

/* What the bytes are taken for; for those who show it. */
enum budget_purpose { BUDGET_BODIES, BUDGET_ANSWERS, BUDGET_PURPOSES };

struct budget {
    size_t limit, share_max;         /* bytes; of all, and of each user */
    size_t used;                     /* may pass the limit by budget_force() */
    size_t purpose[BUDGET_PURPOSES]; /* what `used` is for */
    struct list waiting; /* shares for which somebody waits: what is done for all costs as much as there are */
    uint64_t waiters;    /* that ever were: they are served in the order in which they came */
};

struct budget_waiter {
    struct list link;
    struct budget *budget; /* NULL: it does not wait */
    struct budget *of;     /* for what it waits, or has waited */
    struct budget_share *share;
    enum budget_purpose purpose;
    size_t size;
    uint64_t number; /* of b->waiters */
    /* Called once, out of budget_return(), when `size` bytes have been taken for it. */
    void (*granted)(struct budget_waiter *w);
};

void budget_init(struct budget *b, size_t limit);
void budget_share_init(struct budget_share *s);
void budget_waiter_init(struct budget_waiter *w, void (*granted)(struct budget_waiter *w));

/* What is charged for `size` bytes: no more than a share, so that what is larger can pass at all, one at a time. */
static inline size_t budget_charge(const struct budget *b, size_t size)
{
    return size < b->share_max ? size : b->share_max;
}

/* Takes budget_charge(size) bytes, unless they are not there, or others wait for them. */
bool budget_try(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size);
/* The same, or `w` waits in line for them: false. It waits for nothing else. */
bool budget_take(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size,
                 struct budget_waiter *w);
/* Takes without asking: for what is there already. */
void budget_force(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size);
void budget_return(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size);
/* No longer waits, if it did. */
void budget_forget(struct budget_waiter *w);

static inline bool budget_is_exhausted(const struct budget *b, const struct budget_share *share)
{
    return b->used >= b->limit || share->used >= b->share_max;
}

#endif
