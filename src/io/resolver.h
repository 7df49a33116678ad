/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses. Implemented by src/net, and by the simulation. */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

struct resolver;

enum resolver_kind {
    RESOLVE_ADDRESS, /* A and AAAA */
    RESOLVE_SERVICE, /* SRV, and the addresses of its targets */
    RESOLVE_HOST     /* A and AAAA, with the host's full name */
};

struct resolved {
    char address[46];      /* numeric */
    uint16_t port;         /* of SRV; otherwise 0 */
    const char *full_name; /* of RESOLVE_HOST, borrowed for the call; otherwise NULL */
};

/* err: 0 (`found` may be empty: the name exists without such records, or does not exist), E_TIMEOUT, E_IO (no server
 * answered), E_NOMEM. `found` is borrowed for the call. */
typedef void (*resolver_done)(void *arg, int err, const struct resolved *found, size_t count);

struct resolver_ops {
    /* `done` is called once, never from inside this call. `name` is borrowed for the call. E_NOMEM, E_INVALID (no
     * name): nothing follows. */
    int (*resolve)(struct resolver *r, enum resolver_kind kind, const char *name, resolver_done done, void *arg);
};

struct resolver {
    const struct resolver_ops *ops;
};

#endif
