/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers as big-endian bytes, of 1 to 8 bytes. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

/* Writes the low `size` bytes of the value; returns where the next one goes. */
static inline uint8_t *bytes_put(uint8_t *p, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--)
        *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

static inline uint64_t bytes_get(const uint8_t *p, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | p[i];
    return value;
}

#endif
