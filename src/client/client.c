/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include "client/call.h"
#include "client/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)1024 * 1024) /* a decoded RpbBucketProps has a few KiB */

static int create_conn(struct client *c, const struct client_options *o, char *why, size_t why_size)
{
    struct client_conn_config config = {
        .tls = client_identity_tls(o->identity),
        .user = client_identity_user(o->identity),
        .starttls = !o->direct_tls,
        .resume = o->resume ? o->resume->conn : NULL,
    };
    int err = client_conn_create(&config, &c->conn);
    if (err)
        snprintf(why, why_size, "%s", err_text(err));
    return err;
}

static int open_client(struct client *c, const struct client_options *o, char *why, size_t why_size)
{
    uint16_t port = o->port ? o->port : CLIENT_PORT_DEFAULT;
    int err = client_socket_connect(o->host, port, client_now_ms() + c->timeout_ms, &c->fd, why, why_size);
    if (!err)
        err = create_conn(c, o, why, why_size);
    if (err)
        return err;
    err = call_ready(c);
    if (err)
        snprintf(why, why_size, "%s", c->error.text);
    return err;
}

int client_connect(const struct client_options *o, struct client **out, char *why, size_t why_size)
{
    struct client *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) {
        snprintf(why, why_size, "%s", err_text(E_NOMEM));
        return E_NOMEM;
    }
    c->fd = -1;
    arena_init(&c->arena, ARENA_MAX);
    c->timeout_ms = o->timeout_ms ? o->timeout_ms : CLIENT_TIMEOUT_DEFAULT_MS;
    int err = open_client(c, o, why, why_size);
    if (err)
        client_close(&c);
    *out = c;
    return err;
}

static void say_goodbye(struct client *c)
{
    size_t n;
    client_conn_close(c->conn);
    struct slice pending = client_conn_pending(c->conn);
    if (pending.len)
        client_socket_send(c->fd, pending.data, pending.len, &n);
}

void client_close(struct client **client)
{
    struct client *c = *client;
    if (!c)
        return;
    if (c->conn && !c->dead)
        say_goodbye(c);
    client_conn_destroy(&c->conn);
    arena_fini(&c->arena);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
    *client = NULL;
}

bool client_alive(const struct client *c)
{
    return !c->dead;
}

const char *client_error(const struct client *c)
{
    return c->error.text;
}

uint32_t client_error_code(const struct client *c)
{
    return c->error.code;
}

const struct client_conn *client_connection(const struct client *c)
{
    return c->conn;
}
