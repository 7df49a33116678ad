/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input as a value. */
#ifndef EPHEMERALCTL_INPUT_H
#define EPHEMERALCTL_INPUT_H

#include "base/buf.h"

/* All of it; buf_fini() the buffer also after a failure. 0, or an exit status after saying why. */
int input_read(struct buf *out);

#endif
