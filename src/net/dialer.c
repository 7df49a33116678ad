/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dialer.h"

#include "base/err.h"

static int dial(struct dialer *dialer, const char *address, uint16_t port, struct stream_user *user,
                struct stream **out)
{
    struct net_dialer *d = LIST_ENTRY(dialer, struct net_dialer, dialer);
    struct sockaddr_storage to;
    struct conn *c;
    if (d->ended)
        return E_CLOSED;
    int err = conn_parse_address(address, port, &to);
    if (!err)
        err = conn_dial(&d->owner, (const struct sockaddr *)&to, user, &c);
    if (!err)
        *out = conn_stream(c);
    return err;
}

static void check_stopped(struct net_dialer *d)
{
    if (!d->ended || d->owner.count || timer_runs(&d->end) || !d->stopped)
        return;
    void (*stopped)(void *arg) = d->stopped;
    d->stopped = NULL;
    stopped(d->stopped_arg);
}

static void on_end(struct timer *t)
{
    check_stopped(LIST_ENTRY(t, struct net_dialer, end));
}

static bool on_trusted(struct conn_owner *o, struct conn *c)
{
    (void)o;
    (void)c;
    return true; /* whom we dial we know */
}

static void on_gone(struct conn_owner *o, struct conn *c)
{
    (void)c;
    check_stopped(LIST_ENTRY(o, struct net_dialer, owner));
}

void net_dialer_init(struct net_dialer *d, const struct net_dialer_config *config, struct net_loop *loop)
{
    static const struct dialer_ops ops = {dial};
    static const struct conn_owner_ops owner_ops = {on_trusted, on_gone};
    *d = (struct net_dialer){
        .dialer = {&ops},
        .owner = {.ops = &owner_ops,
                  .loop = loop,
                  .tls = config->tls,
                  .tls_first = true,
                  .between_nodes = true,
                  .stall_timeout_ms = config->stall_timeout_ms,
                  .handshake_timeout_ms = config->timeout_ms ? config->timeout_ms : DIAL_TIMEOUT_MS}};
    list_init(&d->owner.conns);
    timer_init(&d->end, on_end);
}

void net_dialer_stop(struct net_dialer *d, void (*stopped)(void *arg), void *arg)
{
    timer_start(&d->owner.loop->timers, &d->end, 0);
    d->ended = true;
    d->stopped = stopped;
    d->stopped_arg = arg;
    conn_end_all(&d->owner);
}
