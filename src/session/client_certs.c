/* SPDX-License-Identifier: Apache-2.0 */
#include "session/client_certs.h"

#include "base/validity.h"

#include <stdio.h>
#include <string.h>

static struct client_cert *find(struct client_certs *c, const char *user, int64_t not_after)
{
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++) {
        struct client_cert *e = &c->entry[i];
        if (e->used && e->not_after == not_after && strcmp(e->user, user) == 0)
            return e;
    }
    return NULL;
}

/* Where the user has a later certificate now, those that he no longer uses are no news. */
static void drop_older(struct client_certs *c, const char *user, int64_t not_after)
{
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++) {
        struct client_cert *e = &c->entry[i];
        if (e->used && e->connections == 0 && e->not_after < not_after && strcmp(e->user, user) == 0)
            e->used = false;
    }
}

/* A free place, else that of the one that ends last; NULL: that would be the new one itself. */
static struct client_cert *take_place(struct client_certs *c, int64_t not_after)
{
    struct client_cert *last = &c->entry[0];
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++) {
        struct client_cert *e = &c->entry[i];
        if (!e->used)
            return e;
        if (e->not_after > last->not_after)
            last = e;
    }
    return last->not_after > not_after ? last : NULL;
}

static void warn(struct client_cert *e, const struct clock *clock, const struct log *log)
{
    int64_t days = validity_days_left(e->not_after, (int64_t)(clock_wall_ms(clock) / 1000));
    int stage = validity_stage(days);
    char end[VALIDITY_TEXT_SIZE];
    if (stage == VALIDITY_OVER && stage != e->stage)
        log_warn(
            log, "tls",
            "the certificate of user '%s' expired at %s: its open connections continue, new ones are refused. Give "
            "the user a new certificate (ephemeralctl cert user)",
            e->user, validity_text(e->not_after, end));
    else if (stage && stage != e->stage)
        log_warn(log, "tls",
                 "the certificate of user '%s' ends in %lld days (%s), and is refused after that: give the user a new "
                 "one (ephemeralctl cert user)",
                 e->user, (long long)days, validity_text(e->not_after, end));
    e->stage = stage;
}

void client_certs_open(struct client_certs *c, const struct clock *clock, const struct log *log, const char *user,
                       int64_t not_after)
{
    struct client_cert *e = find(c, user, not_after);
    drop_older(c, user, not_after);
    if (!e) {
        e = take_place(c, not_after);
        if (!e)
            return;
        *e = (struct client_cert){.used = true, .not_after = not_after};
        snprintf(e->user, sizeof e->user, "%s", user);
    }
    e->connections++;
    warn(e, clock, log);
}

/* One that lost its place meanwhile is not there, or has counted less. */
void client_certs_close(struct client_certs *c, const struct clock *clock, const char *user, int64_t not_after)
{
    struct client_cert *e = find(c, user, not_after);
    if (!e || e->connections == 0)
        return;
    if (--e->connections == 0)
        e->left_ms = clock_boot_ms(clock);
}

void client_certs_turn(struct client_certs *c, const struct clock *clock, const struct log *log)
{
    uint64_t now_ms = clock_boot_ms(clock);
    if (now_ms < c->next_check_ms)
        return;
    c->next_check_ms = now_ms + CLIENT_CERTS_CHECK_MS;
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++) {
        struct client_cert *e = &c->entry[i];
        if (e->used && e->connections == 0 && now_ms - e->left_ms > CLIENT_CERTS_KEPT_MS)
            e->used = false;
        if (e->used && e->connections)
            warn(e, clock, log);
    }
}

const struct client_cert *client_certs_first(const struct client_certs *c)
{
    const struct client_cert *first = NULL;
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++)
        if (c->entry[i].used && (!first || c->entry[i].not_after < first->not_after))
            first = &c->entry[i];
    return first;
}
