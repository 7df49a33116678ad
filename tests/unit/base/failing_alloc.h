/* SPDX-License-Identifier: Apache-2.0 */
/* Makes one allocation of a test program fail: the n-th from now. Only what the program itself and the project's
 * layers allocate is counted, not what shared libraries do. */
#ifndef FAILING_ALLOC_H
#define FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* n = 1: the next one. */
void failing_alloc_start(size_t n);
/* All succeed again. Returns whether one has failed. */
bool failing_alloc_stop(void);

#endif
