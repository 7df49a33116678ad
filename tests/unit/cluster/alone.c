/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"

#include "base/assert.h"
#include "base/err.h"

static int refuse(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out)
{
    (void)d;
    (void)address;
    (void)port;
    (void)user;
    (void)out;
    return E_INVALID;
}

static const struct dialer_ops refusing = {refuse};

static int identify(void *arg, struct incarnation incarnation)
{
    (void)arg;
    (void)incarnation;
    return 0;
}

static void on_ended(void *arg)
{
    (void)arg;
    ASSERT(false); // a cluster of one ends when its test destroys it
}

int alone_create(struct alone *a, const struct clock *clock, struct timers *timers, const struct log *log,
                 struct metrics *metrics, size_t memory_limit)
{
    *a = (struct alone){.dialer = {&refusing}};
    struct cluster_config config = {.name = "test",
                                    .address = "127.0.0.1",
                                    .epmd_port = 4369,
                                    .handoff_port = 8099,
                                    .place = "",
                                    .expected = 1,
                                    .replicas = 3,
                                    .partitions = 64,
                                    .times = {.heartbeat = 100,
                                              .election = 300,
                                              .lease = 5000,
                                              .margin = 1000,
                                              .lost_after = 60000,
                                              .form_grace = 3000,
                                              .stranded_after = 10000},
                                    .memory_limit = memory_limit,
                                    .frame_max = (size_t)64 << 20,
                                    .clock = clock,
                                    .timers = timers,
                                    .log = log,
                                    .metrics = metrics,
                                    .dialer = &a->dialer,
                                    .identify = identify,
                                    .ended = on_ended,
                                    .arg = a};
    return cluster_create(&config, &a->cluster);
}

void alone_destroy(struct alone *a)
{
    if (!a->cluster)
        return;
    cluster_close(a->cluster);
    ASSERT(cluster_is_closed(a->cluster));
    cluster_destroy(&a->cluster);
}
