/* SPDX-License-Identifier: Apache-2.0 */
#include "session/budget.h"

#include "base/assert.h"

void budget_init(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit, .share_max = limit - limit / 4};
    list_init(&b->waiting);
}

void budget_share_init(struct budget_share *s)
{
    *s = (struct budget_share){.used = 0};
    list_init(&s->waiting);
    list_init(&s->link);
}

void budget_waiter_init(struct budget_waiter *w, void (*granted)(struct budget_waiter *w))
{
    *w = (struct budget_waiter){.granted = granted};
    list_init(&w->link);
}

static bool fits(size_t used, size_t size, size_t max)
{
    return used <= max && size <= max - used;
}

static bool has_room(const struct budget *b, const struct budget_share *share, size_t size)
{
    return fits(b->used, size, b->limit) && fits(share->used, size, b->share_max);
}

static struct budget_waiter *first_of(const struct budget_share *s)
{
    return LIST_ENTRY(s->waiting.next, struct budget_waiter, link);
}

/* Whether somebody waits who must not be overtaken: of the same user, or one for whom all of it is too full. */
static bool others_wait(const struct budget *b, const struct budget_share *share)
{
    if (!list_empty(&share->waiting))
        return true;
    for (const struct list *i = b->waiting.next; i != &b->waiting; i = i->next) {
        const struct budget_share *other = LIST_ENTRY(i, struct budget_share, link);
        if (fits(other->used, first_of(other)->size, b->share_max))
            return true;
    }
    return false;
}

void budget_force(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size)
{
    b->used += size;
    b->purpose[purpose] += size;
    share->used += size;
}

bool budget_try(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size)
{
    size = budget_charge(b, size);
    if (!has_room(b, share, size) || others_wait(b, share))
        return false;
    budget_force(b, share, purpose, size);
    return true;
}

bool budget_take(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size,
                 struct budget_waiter *w)
{
    ASSERT(!w->budget);
    if (budget_try(b, share, purpose, size))
        return true;
    w->budget = w->of = b;
    w->share = share;
    w->purpose = purpose;
    w->size = budget_charge(b, size);
    w->number = b->waiters++;
    if (list_empty(&share->waiting))
        list_append(&b->waiting, &share->link);
    list_append(&share->waiting, &w->link);
    return false;
}

static void leave_line(struct budget_waiter *w)
{
    list_remove(&w->link);
    if (list_empty(&w->share->waiting))
        list_remove(&w->share->link);
    w->budget = NULL;
}

static void grant(struct budget_waiter *w)
{
    struct budget *b = w->budget;
    leave_line(w);
    budget_force(b, w->share, w->purpose, w->size);
    w->granted(w);
}

/* Who came first, of those whose user has not used up his share; NULL: nobody. */
static struct budget_waiter *next_waiter(const struct budget *b)
{
    struct budget_waiter *next = NULL;
    for (const struct list *i = b->waiting.next; i != &b->waiting; i = i->next) {
        const struct budget_share *s = LIST_ENTRY(i, struct budget_share, link);
        struct budget_waiter *w = first_of(s);
        if (fits(s->used, w->size, b->share_max) && (!next || w->number < next->number))
            next = w;
    }
    return next;
}

static void grant_all(struct budget *b)
{
    struct budget_waiter *w;
    while ((w = next_waiter(b)) != NULL && fits(b->used, w->size, b->limit))
        grant(w);
}

void budget_return(struct budget *b, struct budget_share *share, enum budget_purpose purpose, size_t size)
{
    ASSERT(b->used >= size && b->purpose[purpose] >= size && share->used >= size);
    b->used -= size;
    b->purpose[purpose] -= size;
    share->used -= size;
    grant_all(b);
}

void budget_forget(struct budget_waiter *w)
{
    struct budget *b = w->budget;
    if (!b)
        return;
    leave_line(w);
    grant_all(b);
}
