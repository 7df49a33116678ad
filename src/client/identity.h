/* SPDX-License-Identifier: Apache-2.0 */
/* Who a client is and whom it believes: its certificate, its key, the root, and the user's name. Made once, shared by
 * all connections of a process (sessions are resumed only within one identity). */
#ifndef CLIENT_IDENTITY_H
#define CLIENT_IDENTITY_H

#include "tls/tls_ctx.h"

struct client_identity;

/* All borrowed during the call. `ca`, `cert` and `key` are each the path of a file or a PEM text itself; what is NULL
 * is taken from `certs_dir`, under the names that F5's recipe gives: rootCA.crt, myuser.crt, myuser.key. */
struct client_identity_options {
    const char *certs_dir;
    const char *ca, *cert, *key;
    const char *user;          /* NULL: the common name of the certificate; "": none, and no RpbAuthReq is sent */
    const char *server_name;   /* to be found in the server's certificate; NULL: any name will do */
    enum tls_version min, max; /* ANY: 1.2 and 1.3 */
    const char *suites;        /* OpenSSL cipher list for TLS 1.2; NULL: the modern ones */

    /* The root's certificate and its key, each a path or a PEM text, or both NULL. With them no user's certificate is
     * read: one with the role of a node is minted for `user`, who must be named, for CLIENT_NODE_LIFE_S seconds; and
     * without `ca` the same root is believed. For what only a node may ask,
     * and where nothing but the root is at hand. */
    const char *root_cert, *root_key;
};

#define CLIENT_NODE_LIFE_S 300

/* `why` (TLS_WHY_MAX bytes are wise) says what, where and what to do. E_NOT_FOUND (no such file, nothing given), E_IO,
 * E_DENIED (unreadable), or as tls_ctx_create_client(), ca_create() and cert_mint_node(); E_CERT: the certificate names
 * nobody and `user` is NULL; E_INVALID: only one of the root's two parts, or the root without `user`. */
int client_identity_create(const struct client_identity_options *options, struct client_identity **out, char *why,
                           size_t why_size);
/* Not before its last connection is gone. */
void client_identity_destroy(struct client_identity **id);

struct tls_ctx *client_identity_tls(const struct client_identity *id); /* borrowed */
const char *client_identity_user(const struct client_identity *id);    /* borrowed; NULL when none is to be sent */

#endif
