/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon says of itself: --help, and the documents that are made from the table of options. */
#ifndef EPHEMERALD_MANUAL_H
#define EPHEMERALD_MANUAL_H

#include <stdio.h>

void manual_print_help(FILE *out);
void manual_print_markdown(FILE *out);   /* docs/configuration.md */
void manual_print_man(FILE *out);        /* ephemerald.8 */
void manual_print_completion(FILE *out); /* of bash */

#endif
