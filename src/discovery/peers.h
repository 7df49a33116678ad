/* SPDX-License-Identifier: Apache-2.0 */
/* The list of peers that an operator writes: entries separated by commas, blanks around them left out.
 *
 *   10.1.2.3          an address; [fd00::1] or fd00::1 of IPv6
 *   10.1.2.3:4370     with its port; [fd00::1]:4370
 *   store-1.example   a name with A or AAAA records, of one host or of several; store-1.example:4370 (a host that is
 *                     called srv is written srv. here)
 *   srv:_epmd._tcp.store.example    a name with SRV records, which bring ports of their own
 */
#ifndef DISCOVERY_PEERS_H
#define DISCOVERY_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX     256 /* entries: as many as there may be candidates */
#define PEER_NAME_MAX 254 /* bytes of a DNS name, with the dot at its end */

enum peer_kind { PEER_ADDRESS, PEER_HOST, PEER_SERVICE };

struct peer {
    enum peer_kind kind;
    char name[PEER_NAME_MAX + 1]; /* an address is in its shortest spelling */
    uint16_t port;                /* 0 of PEER_SERVICE */
};

/* Entries that say the same are taken once. `port` is that of entries without one. NULL or only blanks: no entries.
 * *out is owned by the caller: free(). E_INVALID, E_TOO_MANY, E_NOMEM, with which entry and why in `why`; *out is NULL
 * then. */
int peers_parse(const char *text, uint16_t port, struct peer **out, size_t *count, char *why, size_t why_size);

/* Writes the shortest spelling of a numeric address that a node can have. E_INVALID: not numeric, or one that nobody
 * can be reached at (0.0.0.0, ::, multicast, broadcast); `out` has 46 bytes. */
int peer_address(const char *text, char *out);

/* Whether a host may have that name in DNS. */
bool peer_is_name(const char *text);

#endif
