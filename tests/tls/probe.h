/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a node, over OpenSSL itself and none of src/tls or src/client, so that the two ends cannot agree on
 * an error. What came of it is one line of text, which a row compares to what it expects:
 *
 *     let in                                    RpbAuthReq was answered, and then a ping
 *     ALERT (REASON)                            the handshake failed: the alert that came, the reason in the node's log
 *     denied (REASON)                           the text of riak-protocol.md section 15, and again the log's reason
 *     error TEXT                                RpbErrorResp of any other text
 *     closed (REASON)                           the handshake failed without an alert
 *     closed, silence                           the node closed, or said nothing until the deadline
 *     this side refuses: WHY                    the node's certificate was not accepted
 *
 * Functions that return bool say with false that it is over and `seen` tells how. */
#ifndef TESTS_TLS_PROBE_H
#define TESTS_TLS_PROBE_H

#include "node.h"
#include "wire/frame.h"

#include <openssl/ssl.h>

#define SEEN_MAX        320
#define PROBE_WITHIN_MS 10000
#define MYUSER          "myuser"

/* How to shake hands. */
struct manner {
    const struct cred *cred;
    int version;        /* 0: TLS 1.2 and 1.3 */
    const char *suites; /* of TLS 1.2; NULL: OpenSSL's */
    const char *name;   /* that the node's certificate must have; NULL: any */
    SSL_SESSION *resume;
    bool no_tickets;
};

struct probe {
    struct node *node;
    int fd;
    uint64_t deadline;
    SSL_CTX *ctx;
    SSL *ssl;           /* NULL: in the clear */
    struct buf in;      /* received, not yet taken */
    bool ended;         /* the other end has closed */
    int alert;          /* that came; -1: none */
    SSL_SESSION *saved; /* the newest session that was offered to us */
    char seen[SEEN_MAX];
};

void probe_init(struct probe *p, struct node *n);
/* Says goodbye and closes; `saved` and `seen` stay. */
void probe_hang_up(struct probe *p);
/* Closes without a word, as one that crashed. */
void probe_vanish(struct probe *p);
void probe_fini(struct probe *p);

bool probe_open(struct probe *p); /* TCP */
bool probe_start_tls(struct probe *p);
bool probe_shake(struct probe *p, const struct manner *m);
bool probe_login(struct probe *p, const char *user);
bool probe_ping(struct probe *p);
/* All of it: open, StartTls unless `direct`, shake, log in. */
bool probe_enter(struct probe *p, const struct manner *m, const char *user, bool direct);

/* In the clear before probe_shake(), encrypted after. */
bool probe_send(struct probe *p, const void *data, size_t len);
bool probe_send_code(struct probe *p, uint8_t code);
bool probe_send_auth(struct probe *p, struct slice user);
/* The next frame, whose body is borrowed until the next receive. */
bool probe_receive(struct probe *p, struct frame *f);
/* The same, and it must be an empty one of this code. */
bool probe_expect(struct probe *p, uint8_t code);
/* More bytes into p->in; false: there are none. `seen` is left alone. */
bool probe_read(struct probe *p, uint64_t deadline);
/* Whether the other end closes until then. What it says before is dropped. */
bool probe_closes(struct probe *p, uint64_t deadline);
/* Waits for what comes of bytes that were no TLS or no whole handshake: an alert in the clear, frames, or the end with
 * the log's reason. */
void probe_fate(struct probe *p);

/* Sets `seen`; false, so that it can be returned. */
bool probe_say(struct probe *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "TLSv1.3 TLS_AES_128_GCM_SHA256" */
const char *probe_suite(const struct probe *p, char out[SEEN_MAX]);

#endif
