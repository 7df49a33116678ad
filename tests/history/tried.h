/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a search: which operations stood in the order, what the key held after them, and with which spares.
 * What leads to no end with some spares leads to none with more. */
#ifndef HISTORY_TRIED_H
#define HISTORY_TRIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tried {
    uint64_t *hash; /* of operations and belief; 0: a free slot */
    size_t *latest; /* 1 + place of the last set that was tried with them */
    size_t slots, used;
    uint64_t *set; /* `words` each, and the place of the one before */
    size_t *before;
    size_t sets, sets_cap, words;
};

/* Zeroed, with `words` set, is empty. False: the same, with these spares or fewer, was tried before. Operations are
 * known by the exclusive or of their marks. There is always memory for it, or the process ends. */
bool tried_add(struct tried *t, uint64_t marks, uint32_t belief, const uint64_t *spares);
void tried_fini(struct tried *t);
uint64_t tried_mark(uint64_t number);

#endif
