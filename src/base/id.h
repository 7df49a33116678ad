/* SPDX-License-Identifier: Apache-2.0 */
/* The two random ids of the cluster (docs/glossary.md): of one start of a node, and of one cluster. Both are 16 bytes,
 * are passed and assigned by value, and are the same bytes on the wire. All zeros: none. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ID_SIZE 16 /* bytes of either */

/* One life of a node: it draws another when it starts, and when it comes back to its cluster as a stranger. */
struct incarnation {
    uint8_t b[ID_SIZE];
};

struct cluster_id {
    uint8_t b[ID_SIZE];
};

/* Below 0, 0, above 0, by the bytes from the first on. */
static inline int incarnation_compare(struct incarnation a, struct incarnation b)
{
    return memcmp(a.b, b.b, ID_SIZE);
}

static inline bool incarnation_equal(struct incarnation a, struct incarnation b)
{
    return incarnation_compare(a, b) == 0;
}

static inline bool incarnation_is_zero(struct incarnation a)
{
    return incarnation_equal(a, (struct incarnation){{0}});
}

static inline bool cluster_id_equal(struct cluster_id a, struct cluster_id b)
{
    return memcmp(a.b, b.b, ID_SIZE) == 0;
}

static inline bool cluster_id_is_zero(struct cluster_id a)
{
    return cluster_id_equal(a, (struct cluster_id){{0}});
}

#endif
