/* SPDX-License-Identifier: Apache-2.0 */
/* A rolling upgrade as an orchestrator does it that does not wait: fresh nodes start, and as many old ones are told to
 * leave at once, and are killed when its patience is over. */
#ifndef SIM_DRAIN_H
#define SIM_DRAIN_H

#include "sim/faults.h"

uint64_t drain_begin(struct actor *a);
/* True: it is over. */
bool drain_go_on(struct actor *a);

#endif
