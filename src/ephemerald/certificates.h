/* SPDX-License-Identifier: Apache-2.0 */
/* A node's certificates, all made from the given root: the server's, which clients see, and the one of role node, which
 * the other nodes see; renewed at two thirds of their lives without dropping a connection. The root may change while
 * the node runs, where it was given as files (root_files.h): new handshakes believe the new roots at once, and the
 * node's certificates are made again under the root that fits the key. What cannot be used is logged, and changes
 * nothing. */
#ifndef EPHEMERALD_CERTIFICATES_H
#define EPHEMERALD_CERTIFICATES_H

#include "base/id.h"
#include "ephemerald/root_files.h"
#include "net/loop.h"
#include "tls/tls_ctx.h"

#define CERTIFICATES_MORE_NAMES_MAX 4

/* For the same names: old clients want RSA. */
struct certificate_pair {
    struct cert *rsa, *ecdsa;
};

struct certificates {
    const struct config *config;
    const struct log *log;
    struct net_loop *loop;
    struct ca *ca;
    struct config_pem root_cert, root_key; /* of which `ca` was made */
    struct config_pem next_cert, next_key; /* that were read meanwhile; no text: none */
    bool next_asked;                       /* somebody waits for the log's word on them */
    struct root_files files;
    struct tls_ctx *server;                    /* for clients, */
    struct certificate_pair shown;             /* with these */
    struct tls_ctx *peer_server, *peer_client; /* for other nodes; NULL before certificates_identify() */
    struct incarnation incarnation;            /* that the node certificate names */
    struct timer check;
    int warned_stage;     /* of the root's end: base/validity.h */
    int warned_own_stage; /* of the node's own, when their renewal is overdue */
    int64_t review_at;    /* when another root of the given ones may be better: ca_review_at() */
    char *more_names[CERTIFICATES_MORE_NAMES_MAX]; /* beside those of the configuration */
    size_t more_name_count;
    uv_work_t renewal;
    bool renewing, ended;
    bool names_changed; /* since the server's certificate was made, or begun */
};

/* Reads the root and makes the server's certificates. All is borrowed until certificates_fini(). 0, or a code of
 * sysexits.h after what is wrong was logged. */
int certificates_init(struct certificates *c, const struct config *config, const struct log *log,
                      struct net_loop *loop);
/* From now on: warns of ends, renews. */
void certificates_watch(struct certificates *c);
void certificates_end(struct certificates *c); /* no timer any more */
void certificates_fini(struct certificates *c);

/* Reads the root's files again, now. The log says what came of it. */
void certificates_reread(struct certificates *c);

/* The ends of the root that signs, and the first of the node's own certificates; seconds since the epoch. */
int64_t certificates_root_end(const struct certificates *c);
int64_t certificates_own_end(const struct certificates *c);

/* One more DNS name or address of this node: the server's certificate is made again with it, on a worker thread.
 * Nothing happens if it is known already, or no certificate can carry it. */
void certificates_add_name(struct certificates *c, const char *name);

/* The sessions of clients are resumed at all nodes that are given the same. Copied. What is wrong is logged. */
void certificates_share_tickets(struct certificates *c, const struct tls_ticket_secrets *secrets);

/* A node certificate for this incarnation: new connections between nodes show it. E_NOMEM, E_TLS, E_CERT: logged. */
int certificates_identify(struct certificates *c, struct incarnation incarnation);

#endif
