/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of values that nobody wants any more. To free one of many thousands takes as long as some turns of the loop
 * may: they go by slices. */
#ifndef RIAK_GARBAGE_H
#define RIAK_GARBAGE_H

#include "base/timers.h"
#include "io/clock.h"

struct json_t; /* jansson's; its header would meet other names of ours */

struct garbage {
    struct timers *timers;
    const struct clock *clock;
    struct json_t *lists; /* of lists; NULL: none */
    struct timer turn;
};

void garbage_init(struct garbage *g, struct timers *timers, const struct clock *clock);
void garbage_fini(struct garbage *g);
/* Takes the reference. NULL is allowed. */
void garbage_drop(struct garbage *g, struct json_t *list);

#endif
