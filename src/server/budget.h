/* The budget of large bodies: requests whose body is over BODY_SMALL take their bytes here before the first one is
 * read, and large answers before they are queued, so that many large transfers at once cannot take the node's memory.
 * Who finds it empty waits in line and is called when there is room. */
#ifndef SERVER_BUDGET_H
#define SERVER_BUDGET_H

#include "base/list.h"

#include <stdint.h>

#define BODY_SMALL ((size_t)64 * 1024) /* smaller bodies are bounded by the number of connections */

struct budget {
    size_t limit, used; /* bytes; used may pass the limit by budget_force() */
    struct list waiting;
};

struct budget_waiter {
    struct list link;
    size_t size;
    /* Called once, out of budget_return(), when `size` bytes have been taken for it. */
    void (*granted)(struct budget_waiter *w);
};

void budget_init(struct budget *b, size_t limit);
void budget_waiter_init(struct budget_waiter *w, void (*granted)(struct budget_waiter *w));

/* True: taken. False: `w` waits behind those who came before (a size over the whole limit is granted when nothing else
 * is out). */
bool budget_take(struct budget *b, struct budget_waiter *w, size_t size);
/* Takes without asking: for an answer that is already due. */
void budget_force(struct budget *b, size_t size);
void budget_return(struct budget *b, size_t size);
/* No longer waits, if it did. */
void budget_forget(struct budget_waiter *w);

#endif
