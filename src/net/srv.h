/* SPDX-License-Identifier: Apache-2.0 */
/* The SRV records of a DNS answer (RFC 2782), as bytes that anybody may have sent. */
#ifndef NET_SRV_H
#define NET_SRV_H

#include "base/slice.h"

#include <stdint.h>

#define SRV_TARGET_SIZE 256 /* the longest name of a host, with its NUL */

struct srv {
    char target[SRV_TARGET_SIZE]; /* a host's name, as written: not empty, not "." */
    uint16_t port;                /* not 0 */
};

/* Fills up to `max` records in the order of the answer and returns how many. Records of other types (the CNAME on the
 * way), those that say that there is no such service, and those with names that no host can have are left out; priority
 * and weight are not looked at, because a node wants to know all others. E_MALFORMED: a message that is damaged up to
 * where the records are. */
int srv_parse(struct slice answer, struct srv *out, size_t max);

#endif
