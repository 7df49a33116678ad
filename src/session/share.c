/* SPDX-License-Identifier: Apache-2.0 */
#include "session/share.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void init(struct share *s, size_t count)
{
    *s = (struct share){.count = count};
    list_init(&s->link);
    budget_share_init(&s->small);
    budget_share_init(&s->large);
}

void shares_init(struct shares *all)
{
    init(&all->strangers, 1);
    list_init(&all->users);
}

void shares_fini(struct shares *all)
{
    ASSERT(list_empty(&all->users));
}

static struct share *find(const struct shares *all, const char *name)
{
    for (const struct list *i = all->users.next; i != &all->users; i = i->next) {
        struct share *s = LIST_ENTRY(i, struct share, link);
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

struct share *share_of_strangers(struct shares *all)
{
    all->strangers.count++;
    return &all->strangers;
}

struct share *share_get(struct shares *all, const char *name)
{
    struct share *s = find(all, name);
    if (!s && (s = malloc(sizeof *s))) {
        init(s, 0);
        snprintf(s->name, sizeof s->name, "%s", name);
        list_append(&all->users, &s->link);
    }
    if (!s)
        return share_of_strangers(all);
    s->count++;
    return s;
}

void share_put(struct share *s)
{
    ASSERT(s->count > 0);
    if (--s->count)
        return;
    ASSERT(s->small.used == 0 && s->large.used == 0);
    ASSERT(list_empty(&s->small.waiting) && list_empty(&s->large.waiting));
    list_remove(&s->link);
    free(s);
}
