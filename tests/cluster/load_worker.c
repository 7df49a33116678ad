/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <time.h>

#define CONNECT_AGAIN_MS 100

static void step(struct load_worker *w)
{
    struct load *l = w->load;
    if (!w->client && !load_connect(l, w->identity, w->host, &w->client)) {
        load_pause(CONNECT_AGAIN_MS);
        return;
    }
    if (l->options.races) {
        load_races_try(w);
        return;
    }
    load_keys_write(w);
    if (w->client)
        load_keys_read(w);
}

static void *work(void *arg)
{
    struct load_worker *w = arg;
    bool counted = false;
    while (!atomic_load(&w->load->stop)) {
        step(w);
        if (w->answered && !counted) {
            atomic_fetch_add(&w->load->running, 1);
            counted = true;
        }
        load_pause(w->load->options.pace_ms);
    }
    if (w->client)
        client_close(&w->client);
    return NULL;
}

void load_run_workers(struct load *l)
{
    static struct load_worker worker[LOAD_WORKERS_MAX];
    unsigned count = l->options.hosts * l->options.workers_per_host;
    for (unsigned i = 0; i < count; i++) {
        worker[i] = (struct load_worker){
            .load = l, .number = i, .host = i % l->options.hosts, .identity = load_identity(&l->options), .chance = i};
        if (pthread_create(&worker[i].thread, NULL, work, &worker[i]) != 0)
            load_die("no thread for worker %u", i);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(worker[i].thread, NULL);
        client_identity_destroy(&worker[i].identity);
    }
}
