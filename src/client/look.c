/* SPDX-License-Identifier: Apache-2.0 */
#include "client/look.h"

#include "base/err.h"
#include "client/client.h"
#include "client/socket.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_SIZE 32768

struct looking {
    const struct client_look_options *options;
    struct tls_ctx *tls;
    struct client_conn *conn;
    int fd;
    uint64_t deadline_ms;
};

static int send_some(struct looking *l)
{
    size_t n;
    struct slice pending = client_conn_pending(l->conn);
    int err = pending.len ? client_socket_send(l->fd, pending.data, pending.len, &n) : E_AGAIN;
    if (!err)
        client_conn_sent(l->conn, n);
    return err == E_AGAIN ? 0 : err;
}

static int receive_some(struct looking *l)
{
    uint8_t bytes[RECEIVE_SIZE];
    size_t n;
    int err = client_socket_receive(l->fd, bytes, sizeof bytes, &n);
    return err == E_AGAIN ? 0 : err ? err : client_conn_feed(l->conn, slice_make(bytes, n));
}

/* Until the handshake is over, one way or the other. A send that fails is told by what can still be read. */
static int shake(struct looking *l)
{
    int err = 0;
    while (!err && client_conn_phase(l->conn) != CLIENT_PHASE_READY) {
        bool failed = send_some(l) != 0;
        short events = (short)(POLLIN | (client_conn_pending(l->conn).len && !failed ? POLLOUT : 0));
        err = client_socket_wait(l->fd, events, l->deadline_ms);
        if (!err)
            err = receive_some(l);
    }
    return err;
}

static void note_suite(const struct looking *l, struct client_look *out)
{
    if (client_conn_phase(l->conn) != CLIENT_PHASE_READY)
        return;
    snprintf(out->version, sizeof out->version, "%s", client_conn_tls_version(l->conn));
    snprintf(out->suite, sizeof out->suite, "%s", client_conn_tls_cipher(l->conn));
}

static int look(struct looking *l, struct client_look *out, char *why, size_t why_size)
{
    struct client_conn_config config = {.tls = l->tls, .starttls = !l->options->direct_tls};
    int err = client_conn_create(&config, &l->conn);
    if (err) {
        snprintf(why, why_size, "%s", err_text(err));
        return err;
    }
    err = shake(l);
    note_suite(l, out);
    if (client_conn_chain_pem(l->conn, &out->chain_pem) == 0)
        return 0;
    const char *text = client_conn_error(l->conn);
    snprintf(why, why_size, "%s", *text ? text : err_text(err ? err : E_TLS));
    return err ? err : E_TLS;
}

static int make_tls(struct looking *l, char *why, size_t why_size)
{
    const struct client_look_options *o = l->options;
    const struct tls_look_config config = {.server_name = o->server_name ? o->server_name : o->host,
                                           .max = o->old_riak ? TLS_VERSION_1_2 : TLS_VERSION_ANY,
                                           .suites = o->old_riak ? TLS_SUITES_OLD_RIAK : NULL};
    return tls_ctx_create_look(&config, &l->tls, why, why_size);
}

int client_look(const struct client_look_options *o, struct client_look *out, char *why, size_t why_size)
{
    unsigned timeout_ms = o->timeout_ms ? o->timeout_ms : CLIENT_TIMEOUT_DEFAULT_MS;
    struct looking l = {.options = o, .fd = -1, .deadline_ms = client_now_ms() + timeout_ms};
    *out = (struct client_look){0};
    buf_init(&out->chain_pem, PEM_OUT_MAX);
    int err = make_tls(&l, why, why_size);
    if (!err)
        err = client_socket_connect(o->host, o->port ? o->port : CLIENT_PORT_DEFAULT, l.deadline_ms, &l.fd, why,
                                    why_size);
    if (!err)
        err = look(&l, out, why, why_size);
    client_conn_destroy(&l.conn);
    tls_ctx_destroy(&l.tls);
    if (l.fd >= 0)
        close(l.fd);
    return err;
}

void client_look_fini(struct client_look *l)
{
    buf_fini(&l->chain_pem);
}
