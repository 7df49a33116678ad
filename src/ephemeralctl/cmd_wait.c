/* SPDX-License-Identifier: Apache-2.0 */
/* Waits until a node is ready, also while it is still being started: asked again and again, because it is another
 * process, which may not even listen yet. */
#include "client/socket.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/json.h"
#include "ephemeralctl/text.h"
#include "ephemeralctl/view.h"

#include <sysexits.h>
#include <time.h>

#define ASK_AGAIN_MS   200
#define WAIT_DEFAULT_S 60

struct wait {
    const struct options *options;
    struct connection connection;
    uint64_t deadline_ms;
    struct cluster_ready_resp last; /* answer; state 0: none came yet */
    char why[TLS_WHY_MAX];          /* the last question had no answer, else empty */
};

static uint64_t time_left(const struct wait *w)
{
    uint64_t now_ms = client_now_ms();
    return now_ms < w->deadline_ms ? w->deadline_ms - now_ms : 0;
}

/* The time of a call, and not longer than all of it may take. */
static unsigned call_timeout(const struct wait *w)
{
    unsigned given = w->options->timeout_ms ? w->options->timeout_ms : CLIENT_TIMEOUT_DEFAULT_MS;
    uint64_t left = time_left(w);
    return left == 0 ? 1 : left < given ? (unsigned)left : given;
}

static int ask(struct wait *w, bool probe)
{
    struct connection *c = &w->connection;
    int err = c->client ? 0 : connection_try(w->options, call_timeout(w), c, w->why, sizeof w->why);
    if (err)
        return err;
    err = client_cluster_ready(c->client, probe, &w->last);
    snprintf(w->why, sizeof w->why, "%s", err ? client_error(c->client) : "");
    if (!client_alive(c->client))
        client_close(&c->client);
    return err;
}

/* The state is null where no answer has come. */
static void print_json(const struct wait *w, const char *why)
{
    const struct cluster_ready_resp *r = &w->last;
    struct json j = json_to(stdout);
    json_open(&j, NULL, '{');
    json_bool(&j, "ready", r->ready);
    if (r->state)
        json_string(&j, "state", slice_str(status_node_state_text(r->state)));
    else
        json_null(&j, "state");
    json_string(&j, "why", slice_str(why));
    json_close(&j, '}');
    json_end(&j);
}

static void print_answer(const struct wait *w)
{
    const struct cluster_ready_resp *r = &w->last;
    char why[TABLE_CELL_MAX];
    if (w->options->output == OUTPUT_JSON) {
        print_json(w, r->why);
    } else if (r->ready) {
        printf("ready (%s)\n", status_node_state_text(r->state));
    } else {
        printf("not ready (%s)%s%s\n", status_node_state_text(r->state), *r->why ? ": " : "", table_safe(r->why, why));
    }
}

static int fail_for_good(struct wait *w, int err)
{
    const char *why = *w->why ? w->why : err_text(err);
    text_error("%s: %s", w->options->host, why);
    w->last = (struct cluster_ready_resp){0}; /* what was said before is over */
    if (w->options->output == OUTPUT_JSON)
        print_json(w, why);
    return exit_status(err);
}

static int probe_once(struct wait *w)
{
    int err = ask(w, true);
    if (err)
        return fail_for_good(w, err);
    print_answer(w);
    return w->last.ready ? EX_OK : STATUS_NO;
}

/* A node that is being started refuses connections, and its name may not be known yet. What no waiting mends, such as
 * a certificate, ends the wait. */
static bool may_change(int err)
{
    return err == 0 || err == E_NOT_FOUND || err_retryable(err);
}

static void pause_a_little(const struct wait *w)
{
    uint64_t left = time_left(w), ms = left < ASK_AGAIN_MS ? left : ASK_AGAIN_MS;
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static int fail_late(const struct wait *w)
{
    const char *state = w->last.state ? status_node_state_text(w->last.state) : "no answer yet";
    const char *why = *w->why ? w->why : *w->last.why ? w->last.why : "it did not say why";
    text_error("%s did not become ready in time (%s): %s", w->options->host, state, why);
    if (w->options->output == OUTPUT_JSON)
        print_json(w, why);
    return EX_TEMPFAIL;
}

static int wait_until_ready(struct wait *w)
{
    for (;;) {
        int err = ask(w, false);
        if (!may_change(err))
            return fail_for_good(w, err);
        if (!err && w->last.ready) {
            print_answer(w);
            return EX_OK;
        }
        if (time_left(w) == 0)
            return fail_late(w);
        pause_a_little(w);
    }
}

int cmd_wait_ready(struct context *x)
{
    struct wait w = {.options = x->options};
    uint64_t wait_s = x->options->wait_s ? x->options->wait_s : WAIT_DEFAULT_S;
    int status = connection_prepare(x->options, &w.connection);
    if (status)
        return status;
    w.deadline_ms = client_now_ms() + wait_s * 1000;
    status = x->options->probe ? probe_once(&w) : wait_until_ready(&w);
    connection_close(&w.connection);
    return status;
}
