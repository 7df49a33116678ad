/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/service.h"

#include "base/err.h"
#include "base/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often the state is looked at. */
#define LOOK_MS 1000
/* A manager that asks for more would be told in each turn. */
#define BEAT_MIN_MS 10

static const char ready[] = "READY=1", stopping[] = "STOPPING=1";

static void tell(struct service *s, const char *word)
{
    s->owed = sd_notify_tell(&s->notify, word) == E_AGAIN ? word : NULL;
}

/* A line break would begin another assignment. */
static void describe(const struct service *s, char *out)
{
    s->config.describe(s->config.arg, out, SERVICE_STATUS_MAX);
    for (; *out; out++)
        if ((unsigned char)*out < ' ')
            *out = ' ';
}

static void tell_state(struct service *s)
{
    char state[SERVICE_STATUS_MAX], text[SERVICE_STATUS_MAX + 16];
    describe(s, state);
    if (strcmp(state, s->said) == 0)
        return;
    snprintf(text, sizeof text, "STATUS=%s", state);
    if (sd_notify_tell(&s->notify, text) == 0)
        memcpy(s->said, state, sizeof state);
}

static void on_timer(struct timer *t)
{
    struct service *s = LIST_ENTRY(t, struct service, timer);
    if (s->owed)
        tell(s, s->owed);
    if (s->watched)
        sd_notify_tell(&s->notify, "WATCHDOG=1");
    tell_state(s);
    timer_start(s->config.timers, &s->timer, s->beat_ms);
}

/* Twice as often as the manager asks for, as systemd advises. */
static void read_watchdog(struct service *s)
{
    const char *usec = s->config.watchdog_usec, *pid = s->config.watchdog_pid;
    char *end = NULL;
    unsigned long long us = usec ? strtoull(usec, &end, 10) : 0;
    s->beat_ms = LOOK_MS;
    if (!us || *end || (pid && *pid && strtoll(pid, NULL, 10) != (long long)getpid()))
        return;
    s->watched = true;
    if (us / 2000 < s->beat_ms)
        s->beat_ms = us / 2000 > BEAT_MIN_MS ? us / 2000 : BEAT_MIN_MS;
}

void service_start(struct service *s, const struct service_config *config)
{
    *s = (struct service){.config = *config};
    timer_init(&s->timer, on_timer);
    if (sd_notify_open(&s->notify, config->socket))
        log_warn(config->log, "node",
                 "no status is sent to the service manager: NOTIFY_SOCKET is neither a path nor an abstract name, "
                 "or no socket can be made");
    read_watchdog(s);
    if (s->notify.fd < 0)
        return;
    tell(s, ready);
    tell_state(s);
    timer_start(config->timers, &s->timer, s->beat_ms);
}

void service_reloading(struct service *s)
{
    char text[96];
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    sd_notify_tell(&s->notify, text);
}

void service_reloaded(struct service *s)
{
    tell(s, ready);
}

void service_stopping(struct service *s)
{
    tell(s, stopping);
    if (s->notify.fd >= 0)
        tell_state(s);
}

void service_end(struct service *s)
{
    if (s->notify.fd >= 0)
        timer_stop(s->config.timers, &s->timer);
    sd_notify_close(&s->notify);
}

void service_describe(const struct status_node *status, char *out, size_t size)
{
    const char *state = status_node_state_text(status->state), *health = status_health_text(status->health);
    bool is_member = status->state == STATUS_MEMBER || status->state == STATUS_LEAVING;
    if (is_member && !*status->why)
        snprintf(out, size, "%s of %zu, %s", state, status->member_count, health);
    else if (is_member)
        snprintf(out, size, "%s of %zu, %s: %s", state, status->member_count, health, status->why);
    else
        snprintf(out, size, "%s%s%s", state, *status->why ? ": " : "", status->why);
}
