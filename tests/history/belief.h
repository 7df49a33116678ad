/* SPDX-License-Identifier: Apache-2.0 */
/* What a key may hold, as one number: it is absent, or holds one value, or, after a loss, one of several. What is done
 * and told later leaves fewer of them. */
#ifndef HISTORY_BELIEF_H
#define HISTORY_BELIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beside the values, which are less than these; numbers above stand for several. */
#define BELIEF_ABSENT ((uint32_t)0)
#define BELIEF_NONE   0x7ffffffeu /* nothing is left that it could hold */
#define BELIEF_UNSEEN 0x7fffffffu /* a value that nobody saw: one is as good as another */

struct belief_value {
    uint32_t value;
    uint64_t begin; /* of its write: what begins later is not held again after a loss */
};

struct beliefs {
    struct belief_value *value; /* by value: the places of bits in the sets */
    size_t values, values_cap;
    uint64_t *set; /* `words` each */
    size_t sets, sets_cap, words;
    size_t *slot; /* 1 + a place among the sets; 0: free */
    size_t slots;
};

/* Zeroed is empty. All values that may ever be held are added before anything else is asked; there is always memory,
 * or the process ends. */
void belief_add(struct beliefs *b, uint32_t value, uint64_t begin);
void belief_fini(struct beliefs *b);

/* It may hold several things. */
static inline bool belief_is_open(uint32_t belief)
{
    return belief > BELIEF_UNSEEN;
}

bool belief_allows(const struct beliefs *b, uint32_t belief, uint32_t held);
/* It turned out not to hold `held`. */
uint32_t belief_without(struct beliefs *b, uint32_t belief, uint32_t held);
/* It may hold `held` as well. */
uint32_t belief_with(struct beliefs *b, uint32_t belief, uint32_t held);
/* Where it held `from`, it now holds `to`. */
uint32_t belief_move(struct beliefs *b, uint32_t belief, uint32_t from, uint32_t to);
/* It may also be absent now, or hold again what was begun to be written by then. */
uint32_t belief_lose(struct beliefs *b, uint32_t belief, uint64_t by);

#endif
