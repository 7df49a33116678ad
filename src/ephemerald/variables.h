/* SPDX-License-Identifier: Apache-2.0 */
/* The environment variables that begin like ours, EPHEMERAL_STORE_, and are no option. */
#ifndef EPHEMERALD_VARIABLES_H
#define EPHEMERALD_VARIABLES_H

#include "base/log.h"
#include "base/option.h"

/* Warns of each that is unknown, as a misspelled option is, and names the option that may be meant. Service links of
 * Kubernetes (base/service_link.h) are foreign: only logged. Returns how many are unknown; `log` may be NULL. */
size_t variables_log(const struct option_set *options, const struct log *log);

#endif
