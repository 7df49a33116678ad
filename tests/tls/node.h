/* SPDX-License-Identifier: Apache-2.0 */
/* A real daemon as a child of the test: started as Marathon starts it, ready when it says so, and what it says is read
 * as it comes, because its log alone tells why it refused someone. */
#ifndef TESTS_TLS_NODE_H
#define TESTS_TLS_NODE_H

#include "certs.h"

#include <stdint.h>
#include <sys/types.h>

#define NODE_NAMES "store.example,*.pods.example,10.9.8.7"

struct node {
    const char *what;
    const struct cred *roots[2]; /* the PEM's certificates: the first one's key is the node's; the second may be NULL */
    enum { PEM_LINES, PEM_BACKSLASHES, PEM_ONE_LINE } pem; /* how the variables spell it */
    const char *user;                                      /* EPHEMERAL_STORE_USER; NULL: the manifest's */
    unsigned timeout_ms, delay_ms;                         /* handshake-timeout (0: as it is), auth-failure-delay */
    bool modern;                                           /* legacy-suites off */
    /* Of the running one. */
    char address[32];
    uint16_t port, epmd_port, handoff_port;
    pid_t pid;
    int status; /* of waitpid, when it has ended */
    int pipe;   /* its standard error */
    char *log;
    size_t log_len, log_read; /* log_read: up to where node_reason() has looked */
};

uint64_t now_ms(void); /* monotonic */

/* Does not wait. False: it could not be started. */
bool node_start(struct node *n, const char *program);
bool node_wait_ready(struct node *n);
/* SIGTERM, and waits for the end: its exit status, or 128 + its signal; -1 when it had to be killed. */
int node_stop(struct node *n);

/* Forgets what was said until now. */
void node_skip_log(struct node *n);
/* The next reason that the log gives for a refusal, since node_skip_log(), waited for; "" when none comes. The buffer's
 * size is NODE_REASON_MAX. */
#define NODE_REASON_MAX 200
void node_reason(struct node *n, char *out);
/* Whether any line of its root's key is in what it said, or in the environment that /proc shows of the running one. */
bool node_tells_key(struct node *n);
bool node_logged_error(struct node *n);

#endif
