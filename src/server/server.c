/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session_parts.h"

#define ARENA_MAX     ((size_t)4 * 1024 * 1024)  /* decoded messages other than puts are names and properties */
#define OPERATION_MAX ((size_t)64 * 1024 * 1024) /* never the narrow place: the frame is */

void server_init(struct server *s, const struct server_config *config, struct router *router, struct timers *timers,
                 const struct clock *clock, const struct log *log, struct metrics *metrics)
{
    *s = (struct server){
        .config = *config, .router = router, .timers = timers, .clock = clock, .log = log, .metrics = metrics};
    s->api = (struct api){.router = router,
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
    list_init(&s->free_requests);
    turns_init(&s->turns, timers, clock);
    garbage_init(&s->garbage, timers, clock);
    arena_init(&s->arena, ARENA_MAX);
    put_scratch_init(&s->put_scratch);
    buf_init(&s->operation, OPERATION_MAX);
}

void server_fini(struct server *s)
{
    password_queue_fini(&s->passwords);
    garbage_fini(&s->garbage);
    turns_fini(&s->turns);
    timer_stop(s->timers, &s->pressure);
    timer_stop(s->timers, &s->flush);
    server_free_requests(s);
    shares_fini(&s->shares);
    arena_fini(&s->arena);
    put_scratch_fini(&s->put_scratch);
    buf_fini(&s->operation);
}
