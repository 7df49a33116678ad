/* SPDX-License-Identifier: Apache-2.0 */
/* What each user has of the node's memory for requests, over all his connections. */
#ifndef SESSION_SHARE_H
#define SESSION_SHARE_H

#include "security/change.h"
#include "session/budget.h"

struct share {
    struct list link;
    size_t count; /* of connections */
    struct budget_share small, large;
    char name[SECURITY_NAME_SIZE];
};

struct shares {
    struct share strangers; /* of all who have not said who they are */
    struct list users;      /* who have connections */
};

void shares_init(struct shares *all);
/* All were put back. */
void shares_fini(struct shares *all);

/* One connection more of the user; to be given to share_put(). Without memory he is one of the strangers. */
struct share *share_get(struct shares *all, const char *name);
struct share *share_of_strangers(struct shares *all);
void share_put(struct share *s);

#endif
