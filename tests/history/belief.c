/* SPDX-License-Identifier: Apache-2.0 */
#include "history/belief.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define SEVERAL 0x80000000u

/* Sorted as they come: there are few, and most of them come in order. */
void belief_add(struct beliefs *b, uint32_t value, uint64_t begin)
{
    size_t at = b->values;
    ASSERT(value == BELIEF_UNSEEN || value < BELIEF_NONE);
    ASSERT(b->sets == 0);
    while (at && b->value[at - 1].value > value)
        at--;
    if (at && b->value[at - 1].value == value) {
        if (begin < b->value[at - 1].begin)
            b->value[at - 1].begin = begin;
        return;
    }
    if (b->values == b->values_cap) {
        b->values_cap = b->values_cap ? 2 * b->values_cap : 64;
        b->value = realloc(b->value, b->values_cap * sizeof *b->value);
        ASSERT(b->value);
    }
    memmove(b->value + at + 1, b->value + at, (b->values - at) * sizeof *b->value);
    b->value[at] = (struct belief_value){value, begin};
    b->values++;
}

void belief_fini(struct beliefs *b)
{
    free(b->value);
    free(b->set);
    free(b->slot);
    *b = (struct beliefs){0};
}

/* --- sets --- */

/* The bit of what is held; SIZE_MAX: nobody has ever written it. */
static size_t bit_of(const struct beliefs *b, uint32_t held)
{
    size_t low = 0, high = b->values;
    if (held == BELIEF_ABSENT)
        return 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (b->value[middle].value < held)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->values && b->value[low].value == held ? 1 + low : SIZE_MAX;
}

static const uint64_t *set_of(const struct beliefs *b, uint32_t belief)
{
    return b->set + (belief - SEVERAL) * b->words;
}

static void put_bit(uint64_t *set, size_t bit)
{
    ASSERT(bit != SIZE_MAX);
    set[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The last set of all is the one that is being made. */
static uint64_t *begin_set(struct beliefs *b, uint32_t belief)
{
    b->words = (1 + b->values) / 64 + 1;
    if (b->sets == b->sets_cap) {
        b->sets_cap = b->sets_cap ? 2 * b->sets_cap : 64;
        b->set = realloc(b->set, b->sets_cap * b->words * sizeof *b->set);
        ASSERT(b->set);
    }
    uint64_t *set = b->set + b->sets * b->words;
    if (belief >= SEVERAL) {
        memcpy(set, set_of(b, belief), b->words * sizeof *set);
        return set;
    }
    memset(set, 0, b->words * sizeof *set);
    if (belief != BELIEF_NONE)
        put_bit(set, bit_of(b, belief));
    return set;
}

static size_t find_slot(const struct beliefs *b, const uint64_t *set)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < b->words; i++)
        hash = (hash ^ set[i]) * 0x9e3779b97f4a7c15ULL ^ hash >> 29;
    size_t i = (hash ^ hash >> 32) & (b->slots - 1);
    while (b->slot[i] && memcmp(b->set + (b->slot[i] - 1) * b->words, set, b->words * sizeof *set) != 0)
        i = (i + 1) & (b->slots - 1);
    return i;
}

static void make_room(struct beliefs *b)
{
    if (2 * (b->sets + 1) <= b->slots)
        return;
    free(b->slot);
    b->slots = b->slots ? 2 * b->slots : 64;
    b->slot = calloc(b->slots, sizeof *b->slot);
    ASSERT(b->slot);
    for (size_t i = 0; i < b->sets; i++)
        b->slot[find_slot(b, b->set + i * b->words)] = i + 1;
}

/* The number of the set that was made: each has one number, and one of its own only where it holds several. */
static uint32_t end_set(struct beliefs *b)
{
    const uint64_t *set = b->set + b->sets * b->words;
    size_t members = 0, bit = 0;
    for (size_t i = 0; i < b->words; i++)
        if (set[i]) {
            members += (size_t)__builtin_popcountll(set[i]);
            bit = 64 * i + (size_t)__builtin_ctzll(set[i]);
        }
    if (members < 2)
        return members == 0 ? BELIEF_NONE : bit == 0 ? BELIEF_ABSENT : b->value[bit - 1].value;
    make_room(b);
    size_t slot = find_slot(b, set);
    if (!b->slot[slot])
        b->slot[slot] = ++b->sets;
    return SEVERAL + (uint32_t)(b->slot[slot] - 1);
}

/* --- what is believed --- */

bool belief_allows(const struct beliefs *b, uint32_t belief, uint32_t held)
{
    if (belief < SEVERAL)
        return belief == held;
    size_t bit = bit_of(b, held);
    return bit != SIZE_MAX && set_of(b, belief)[bit / 64] >> bit % 64 & 1;
}

uint32_t belief_without(struct beliefs *b, uint32_t belief, uint32_t held)
{
    if (!belief_allows(b, belief, held))
        return belief;
    if (belief < SEVERAL)
        return BELIEF_NONE;
    size_t bit = bit_of(b, held);
    begin_set(b, belief)[bit / 64] &= ~(UINT64_C(1) << bit % 64);
    return end_set(b);
}

uint32_t belief_with(struct beliefs *b, uint32_t belief, uint32_t held)
{
    if (belief == BELIEF_NONE || belief == held)
        return held;
    put_bit(begin_set(b, belief), bit_of(b, held));
    return end_set(b);
}

uint32_t belief_move(struct beliefs *b, uint32_t belief, uint32_t from, uint32_t to)
{
    return belief_allows(b, belief, from) ? belief_with(b, belief_without(b, belief, from), to) : belief;
}

uint32_t belief_lose(struct beliefs *b, uint32_t belief, uint64_t by)
{
    uint64_t *set = begin_set(b, belief);
    put_bit(set, bit_of(b, BELIEF_ABSENT));
    for (size_t i = 0; i < b->values; i++)
        if (b->value[i].begin <= by)
            put_bit(set, 1 + i);
    return end_set(b);
}
