#include "server/budget.h"

#include "base/assert.h"

void budget_init(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit, .share_max = limit - limit / 4};
    list_init(&b->waiting);
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

/* Whether somebody waits who must not be overtaken: of the same user, or one for whom all of it is too full. */
static bool others_wait(const struct budget *b, const struct budget_share *share)
{
    for (const struct list *i = b->waiting.next; i != &b->waiting; i = i->next) {
        const struct budget_waiter *w = LIST_ENTRY(i, struct budget_waiter, link);
        if (w->share == share || fits(w->share->used, w->size, b->share_max))
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
    list_append(&b->waiting, &w->link);
    return false;
}

static void grant(struct budget_waiter *w)
{
    struct budget *b = w->budget;
    list_remove(&w->link);
    w->budget = NULL;
    budget_force(b, w->share, w->purpose, w->size);
    w->granted(w);
}

/* In their order; who has used up his own share is passed by. */
static void grant_all(struct budget *b)
{
    for (struct list *i = b->waiting.next, *next; i != &b->waiting; i = next) {
        struct budget_waiter *w = LIST_ENTRY(i, struct budget_waiter, link);
        next = i->next;
        if (!fits(w->share->used, w->size, b->share_max))
            continue;
        if (!fits(b->used, w->size, b->limit))
            return;
        grant(w);
    }
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
    list_remove(&w->link);
    w->budget = NULL;
    grant_all(b);
}
