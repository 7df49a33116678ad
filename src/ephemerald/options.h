/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of the daemon's options, from which flags, environment, file, --help and docs/configuration.md come. */
#ifndef EPHEMERALD_OPTIONS_H
#define EPHEMERALD_OPTIONS_H

#include "base/option.h"

extern const struct option daemon_options[];
extern const size_t daemon_option_count;

#endif
