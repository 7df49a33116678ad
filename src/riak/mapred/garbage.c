/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/garbage.h"

#include "base/list.h"

#include <jansson.h>

#define SLICE_US 1000
#define SMALL    256 /* values that are freed at once */

/* False: it is empty. */
static bool free_last(json_t *list)
{
    size_t n = json_array_size(list);
    if (n)
        json_array_remove(list, n - 1);
    return n;
}

static void on_turn(struct timer *t)
{
    struct garbage *g = LIST_ENTRY(t, struct garbage, turn);
    uint64_t end_us = clock_precise_us(g->clock) + SLICE_US;
    for (size_t n; (n = json_array_size(g->lists)) && clock_precise_us(g->clock) < end_us;)
        for (unsigned i = 0; i < SMALL; i++)
            if (!free_last(json_array_get(g->lists, n - 1))) {
                json_array_remove(g->lists, n - 1);
                break;
            }
    if (json_array_size(g->lists))
        timer_start(g->timers, &g->turn, 0);
}

void garbage_init(struct garbage *g, struct timers *timers, const struct clock *clock)
{
    *g = (struct garbage){.timers = timers, .clock = clock};
    timer_init(&g->turn, on_turn);
}

void garbage_fini(struct garbage *g)
{
    timer_stop(g->timers, &g->turn);
    json_decref(g->lists);
    g->lists = NULL;
}

/* Of one that others have too only a reference goes. */
static bool is_small(const json_t *list)
{
    return json_array_size(list) <= SMALL || list->refcount > 1;
}

void garbage_drop(struct garbage *g, json_t *list)
{
    if (!g->lists && !is_small(list))
        g->lists = json_array();
    if (is_small(list) || !g->lists || json_array_append(g->lists, list)) {
        json_decref(list);
        return;
    }
    json_decref(list);
    if (!timer_runs(&g->turn))
        timer_start(g->timers, &g->turn, 0);
}
