/* SPDX-License-Identifier: Apache-2.0 */
#include "session/session_parts.h"

#include "api/ask.h"

void server_init(struct server *s, const struct server_config *config, struct router *router, struct timers *timers,
                 const struct clock *clock, const struct log *log, struct metrics *metrics)
{
    *s = (struct server){
        .config = *config, .router = router, .timers = timers, .clock = clock, .log = log, .metrics = metrics};
    s->api = (struct api){.router = router,
                          .ops = &router_calls,
                          .clock = clock,
                          .log = log,
                          .metrics = metrics,
                          .passwords = &s->passwords,
                          .users = config->users,
                          .user_count = config->user_count,
                          .object_size_max = config->object_size_max,
                          .siblings_max = config->siblings_max,
                          .reap_ms = config->reap_ms};
    budget_init(&s->small, config->small_budget);
    budget_init(&s->large, config->large_budget);
    shares_init(&s->shares);
    list_init(&s->holders);
    timer_init(&s->pressure, session_on_pressure);
    password_queue_init(&s->passwords, timers);
    list_init(&s->unflushed);
    timer_init(&s->flush, session_on_flush);
    turns_init(&s->turns, timers, clock);
    put_scratch_init(&s->put_scratch);
}

void server_fini(struct server *s)
{
    password_queue_fini(&s->passwords);
    turns_fini(&s->turns);
    timer_stop(s->timers, &s->pressure);
    timer_stop(s->timers, &s->flush);
    shares_fini(&s->shares);
    put_scratch_fini(&s->put_scratch);
}
