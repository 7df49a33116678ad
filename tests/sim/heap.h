/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of the process, watched: how much is in use, so that nothing leaks, and failing when a node is to feel it.
 * Works by the linker (--wrap), for all that is linked statically, and through their own settings for the libraries of
 * Raft and JSON.
 *
 * Failing is for the code of a node alone: the world turns it on around that, and off wherever it is called back. */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>

void heap_watch_libraries(void);
/* Blocks that are allocated now. */
size_t heap_blocks(void);

/* One in `one_in` allocations fails from now on, by the chance of `r` (borrowed); 0: none. */
void heap_fail(struct rng *r, unsigned one_in);
/* Suspends failing; gives what heap_resume() takes. */
bool heap_pause(void);
void heap_resume(bool failing);

#endif
