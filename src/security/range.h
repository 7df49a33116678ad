/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses, in the notation of RFC 4632 and RFC 4291: 10.0.0.0/8, fd00::/8, or one address alone. An IPv4
 * address is the same as that address mapped into IPv6, so that it does not matter how a socket tells it. */
#ifndef SECURITY_RANGE_H
#define SECURITY_RANGE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define RANGE_TEXT_SIZE 50 /* of the longest text with its NUL */

struct address {
    uint8_t bytes[16]; /* of IPv6; ::ffff:A.B.C.D for IPv4 */
};

struct address_range {
    struct address first;
    uint8_t prefix; /* bits of `first` that count, of 128 */
};

/* "127.0.0.1", "::1"; also with a port after it, "127.0.0.1:8087", "[::1]:8087", or a zone, "fe80::1%eth0". */
bool address_parse(const char *text, struct address *out);
/* False also when an address has bits after the prefix: "10.0.0.1/8". `why`: one line, for people; static. */
bool range_parse(const char *text, struct address_range *out, const char **why);
void range_text(const struct address_range *r, char *out, size_t size);

/* How narrow it is, in bits; 0.0.0.0/0, which holds all of IPv4, is as wide as ::/0. */
unsigned range_bits(const struct address_range *r);
bool range_equal(const struct address_range *a, const struct address_range *b);
bool range_holds(const struct address_range *r, const struct address *a);

#endif
