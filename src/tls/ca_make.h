/* SPDX-License-Identifier: Apache-2.0 */
/* Roots as TLS libraries want them today: X.509 v3 that says that it is a CA and what it may sign. For the operator's
 * tool; a node makes none. */
#ifndef TLS_CA_MAKE_H
#define TLS_CA_MAKE_H

#include "tls/key_kind.h"
#include "tls/pem.h"

#define CA_DAYS_DEFAULT 365
#define CA_DAYS_MAX     36500

struct ca_make_request {
    /* 1 to 64 bytes; NULL: one that no other root has, because TLS libraries tell roots apart by their names. */
    const char *common_name;
    enum key_kind key;
    int64_t now; /* seconds since the epoch; it is valid from a day before, for clocks that are slow */
    uint32_t days;
};

/* A new root and its key, as PEM in both buffers, which must be empty and allow PEM_OUT_MAX bytes; pem_wipe() `key_pem`
 * after use, also after a failure. E_INVALID (name, days), E_NOMEM, E_TLS. */
int ca_make(const struct ca_make_request *req, struct buf *cert_pem, struct buf *key_pem, char *why, size_t why_size);

struct ca_renew_request {
    struct slice cert_pem, key_pem; /* borrowed, in any spelling of pem.h; of several roots with this key, the one that
                                       ends last */
    int64_t now;
    uint32_t days; /* of life from now on */
};

/* The root signed again with its own key. What it signed stays valid under the new certificate, because key, name,
 * serial number and key identifiers stay. What a root must have today is added: of an X.509 v1 root, version and
 * extensions. As ca_create(), but an expired root is renewed too; E_INVALID (days), E_CERT (no root fits the key). */
int ca_renew(const struct ca_renew_request *req, struct buf *cert_pem, char *why, size_t why_size);

#endif
