#include "server/budget.h"

#include "base/assert.h"

void budget_init(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit};
    list_init(&b->waiting);
}

void budget_waiter_init(struct budget_waiter *w, void (*granted)(struct budget_waiter *w))
{
    *w = (struct budget_waiter){.granted = granted};
    list_init(&w->link);
}

static bool has_room(const struct budget *b, size_t size)
{
    return b->used == 0 || (b->used <= b->limit && size <= b->limit - b->used);
}

bool budget_take(struct budget *b, struct budget_waiter *w, size_t size)
{
    if (list_empty(&b->waiting) && has_room(b, size)) {
        b->used += size;
        return true;
    }
    w->size = size;
    list_append(&b->waiting, &w->link);
    return false;
}

void budget_force(struct budget *b, size_t size)
{
    b->used += size;
}

void budget_return(struct budget *b, size_t size)
{
    ASSERT(b->used >= size);
    b->used -= size;
    while (!list_empty(&b->waiting)) {
        struct budget_waiter *w = LIST_ENTRY(b->waiting.next, struct budget_waiter, link);
        if (!has_room(b, w->size))
            return;
        list_remove(&w->link);
        b->used += w->size;
        w->granted(w);
    }
}

void budget_forget(struct budget_waiter *w)
{
    list_remove(&w->link);
}
