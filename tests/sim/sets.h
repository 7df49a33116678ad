/* The sets that clients of the simulation change: a few, of a few elements, of bucket types that an operator makes.
 * Half of them are a field of a map; an operation on such a field is one on the map. */
#ifndef SIM_SETS_H
#define SIM_SETS_H

#include "base/buf.h"
#include "wire/vclock.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_SETS      4
#define SIM_ELEMENTS  4
#define SIM_SET_NAMES "s" /* their bucket; their keys, and those of the maps, are set-0, ... */

/* What a client was last told of one. */
struct set_seen {
    uint32_t answer; /* its number; 0: nothing */
    bool in[SIM_ELEMENTS];
    bool has_context; /* one that is not there has none */
    uint8_t context[VCLOCK_SIZE];
};

const char *sets_type(unsigned set); /* the bucket type */

/* Whole frames, appended. */
void sets_put_type(struct buf *out, unsigned set);
void sets_put_fetch(struct buf *out, unsigned set, uint32_t timeout_ms);
/* Elements as bits. */
void sets_put_update(struct buf *out, unsigned set, unsigned adds, unsigned removes, const struct set_seen *seen,
                     uint32_t timeout_ms);
/* The answer to a fetch. False: it is none. */
bool sets_read(struct slice body, struct set_seen *out);

#endif
