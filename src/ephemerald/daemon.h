/* SPDX-License-Identifier: Apache-2.0 */
/* The composition root: makes the parts of a node and ties them together, runs until SIGTERM or SIGINT, and takes them
 * apart again. */
#ifndef EPHEMERALD_DAEMON_H
#define EPHEMERALD_DAEMON_H

#include "base/log.h"
#include "ephemerald/config.h"

/* Both borrowed. 0 after a clean end, otherwise a code of sysexits.h; what went wrong has been logged. */
int daemon_run(const struct config *config, const struct log *log);
/* Checks what a start would find wrong in the root, the names, the addresses and the ports, but for ports that another
 * process holds, which may be this node's own. Likewise; nothing is served. */
int daemon_check(const struct config *config, const struct log *log);

#endif
