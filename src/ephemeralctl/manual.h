/* SPDX-License-Identifier: Apache-2.0 */
/* The documents that are made from the tables of commands and of options. */
#ifndef EPHEMERALCTL_MANUAL_H
#define EPHEMERALCTL_MANUAL_H

#include "ephemeralctl/command.h"

#include <stdio.h>

#define MANUAL_EXIT_STATUS                                                                                             \
    "0; 1 when the answer is no (no such key, if-none-match found one, a probe says no, status finds the cluster "     \
    "degraded); else as in sysexits.h: 64 usage, 65 refused data or unresolved siblings, 66 missing file, 68 unknown " \
    "host, 69 no node there, 73 a file exists or cannot be made, 74 input or output, 75 try again (time-out, memory "  \
    "limit, not ready, no quorum), 76 "                                                                                \
    "protocol or TLS, 77 permission, 78 certificates."

void manual_print_man(const struct command *commands, size_t count, FILE *out);        /* ephemeralctl.1 */
void manual_print_completion(const struct command *commands, size_t count, FILE *out); /* of bash */

#endif
