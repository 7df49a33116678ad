/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <stdio.h>

#define RACES_MAX     50000u
#define RACE_EVERY_MS 20u /* the workers are in no step but the clock's */

static void name_race(unsigned i, char out[LOAD_KEY_MAX])
{
    snprintf(out, LOAD_KEY_MAX, "race-%u", i);
}

void load_races_init(struct load *l)
{
    l->races_max = RACES_MAX;
    l->race = load_alloc(RACES_MAX, sizeof *l->race);
    for (unsigned i = 0; i < RACES_MAX; i++)
        l->race[i].winner = -1;
}

static void note(struct load_worker *w, unsigned i, int err)
{
    struct load *l = w->load;
    struct load_race *race = &l->race[i];
    pthread_mutex_lock(&l->lock);
    race->tried++;
    if (err == 0 && race->winner >= 0)
        load_violation(l, "race %u: worker %u (%s) was told that it has created the key, and so was worker %d", i,
                       w->number, l->options.host[w->host], race->winner);
    if (err == 0) {
        race->winner = (int)w->number;
        l->created++;
    } else if (err == E_EXISTS) {
        race->told_exists |= UINT64_C(1) << w->number;
    } else if (load_refused(w->client)) {
        l->refused++;
    } else {
        l->unsure++;
    }
    pthread_mutex_unlock(&l->lock);
}

void load_races_try(struct load_worker *w)
{
    struct load *l = w->load;
    char name[LOAD_KEY_MAX];
    uint64_t i = (client_now_ms() - l->begin_ms) / RACE_EVERY_MS;
    if (i < w->next_race || i >= l->races_max)
        return;
    w->next_race = (unsigned)i + 1;
    name_race((unsigned)i, name);
    int err = load_put_number(l, w->client, name, w->number + 1, true);
    note(w, (unsigned)i, err);
    w->answered = err == 0 || err == E_EXISTS;
    if (!w->answered)
        load_failed(l, w->host, &w->client, err);
}

static void judge(struct load *l, unsigned i, uint32_t got)
{
    const struct load_race *race = &l->race[i];
    bool claimed = race->winner >= 0 || race->told_exists;
    l->lost += claimed && !got;
    if (claimed && !got && !l->options.may_lose)
        load_violation(l, "LOST: race %u: the key is gone (winner %d)", i, race->winner);
    if (got && race->winner >= 0 && (uint32_t)race->winner + 1 != got)
        load_violation(l, "race %u: worker %d was told that it has created the key, but it is worker %u's", i,
                       race->winner, got - 1);
    if (got && got <= LOAD_WORKERS_MAX && race->told_exists >> (got - 1) & 1)
        load_violation(l, "race %u: worker %u has created the key, and was told that somebody else had", i, got - 1);
}

void load_races_verify(struct load *l)
{
    struct load_reader r;
    load_reader_init(&r, l);
    for (unsigned i = 0; i < l->races_max; i++) {
        char name[LOAD_KEY_MAX];
        uint32_t got;
        if (!l->race[i].tried)
            continue;
        name_race(i, name);
        bool answered = load_reader_get(&r, name, &got);
        pthread_mutex_lock(&l->lock);
        if (answered)
            judge(l, i, got);
        else
            load_violation(l, "%s: no node answered within %u s", name, l->options.patience_s);
        pthread_mutex_unlock(&l->lock);
    }
    load_reader_fini(&r);
}
