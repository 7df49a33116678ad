/* SPDX-License-Identifier: Apache-2.0 */
/* The sets that clients of the simulation change: a few, of a few elements, of bucket types that an operator makes.
 * Some are a field of a map; an operation on such a field is one on the map. To others elements are only added: to a
 * gset, and to a hyperloglog, of which one is told no more than how many there are. */
#ifndef SIM_SETS_H
#define SIM_SETS_H

#include "base/buf.h"
#include "wire/vclock.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_SETS      6
#define SIM_ELEMENTS  4
#define SIM_SET_NAMES "s" /* their bucket; their keys, and those of the maps, are set-0, ... */

/* What a client was last told of one. */
struct set_seen {
    uint32_t answer;  /* its number; 0: nothing */
    uint64_t in;      /* elements, as bits */
    bool vague;       /* it tells how many there are, and not which */
    bool has_context; /* one that is not there has none */
    uint8_t context[VCLOCK_SIZE];
};

const char *sets_type(unsigned number); /* the bucket type */
bool sets_only_grows(unsigned number);

/* Whole frames, appended. */
void sets_put_type(struct buf *out, unsigned number);
void sets_put_fetch(struct buf *out, unsigned number, uint32_t timeout_ms);
/* Elements as bits. */
void sets_put_update(struct buf *out, unsigned number, unsigned adds, unsigned removes, const struct set_seen *seen,
                     uint32_t timeout_ms);
/* The answer to a fetch. False: it is none. */
bool sets_read(unsigned number, struct slice body, struct set_seen *out);

#endif
