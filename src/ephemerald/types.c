/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/types.h"

#include "base/err.h"

/* Another node of another configuration has made it. */
static void compare(const struct types *t, const struct config_bucket_type *type)
{
    struct bucket_props there;
    if (catalog_get_type(router_catalog(t->router), slice_str(type->name), &there) == 0 &&
        !props_include(&there, &type->props))
        log_warn(t->log, "config",
                 "bucket type '%s' is in the cluster with other properties than in this node's configuration: the "
                 "cluster's count",
                 type->name);
}

static void look_at_next(struct types *t)
{
    t->next++;
    t->warned = false;
}

/* Nobody is any worse for asking twice: what has been made meanwhile is found. */
static bool may_come_later(int err)
{
    return err_retryable(err) || err == E_UNKNOWN;
}

static void wait(struct types *t, const struct config_bucket_type *type, int err)
{
    if (!t->warned)
        log_warn(t->log, "config", "bucket type '%s' could not be created yet: %s; trying again each second",
                 type->name, err_text(err));
    t->warned = true;
    timer_start(t->timers, &t->retry, TYPES_RETRY_MS);
}

static void on_created(struct router_request *q, int err, const struct store_result *result)
{
    struct types *t = LIST_ENTRY(q, struct types, request);
    const struct config_bucket_type *type = &t->config->bucket_types[t->next];
    (void)result;
    t->asking = false;
    if (err && may_come_later(err)) {
        wait(t, type, err);
        return;
    }
    if (err == E_EXISTS)
        compare(t, type);
    else if (err)
        log_error(t->log, "config", "bucket type '%s' could not be created: %s", type->name, err_text(err));
    else
        log_info(t->log, "config", "bucket type '%s' created", type->name);
    look_at_next(t);
    types_turn(t);
}

static void go_on(struct types *t)
{
    const struct config_bucket_type *type = &t->config->bucket_types[t->next];
    if (catalog_has_type(router_catalog(t->router), slice_str(type->name))) {
        compare(t, type);
        look_at_next(t);
        return;
    }
    t->asking = true;
    router_deliver(&t->request, router_create_type(t->router, &t->request, slice_str(type->name), &type->props));
}

void types_turn(struct types *t)
{
    if (t->goes_on) /* answered before the call returned: the loop below goes on */
        return;
    t->goes_on = true;
    while (!t->asking && !timer_runs(&t->retry) && t->next < t->config->bucket_type_count &&
           !router_unavailable(t->router))
        go_on(t);
    t->goes_on = false;
}

static void on_retry(struct timer *timer)
{
    types_turn(LIST_ENTRY(timer, struct types, retry));
}

void types_init(struct types *t, const struct config *config, const struct log *log, struct timers *timers,
                struct router *router)
{
    *t = (struct types){.config = config, .log = log, .timers = timers, .router = router};
    timer_init(&t->retry, on_retry);
    router_request_init(&t->request, on_created);
}

void types_fini(struct types *t)
{
    router_forget(t->router, &t->request);
    timer_stop(t->timers, &t->retry);
}
