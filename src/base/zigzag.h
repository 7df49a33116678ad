/* SPDX-License-Identifier: Apache-2.0 */
/* Signed numbers as unsigned ones that are small where the number is near 0, as protobuf's sint64. */
#ifndef BASE_ZIGZAG_H
#define BASE_ZIGZAG_H

#include <stdint.h>

static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

#endif
