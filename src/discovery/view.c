/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/view.h"

#include <stdlib.h>
#include <string.h>

static int by_address(const void *a, const void *b)
{
    const struct discovery_candidate *x = a, *y = b;
    int c = strcmp(x->address, y->address);
    return c ? c : (x->epmd_port > y->epmd_port) - (x->epmd_port < y->epmd_port);
}

static bool is_v6(const struct discovery_candidate *c)
{
    return strchr(c->address, ':') != NULL;
}

/* --- the candidates --- */

static bool is_known(const struct view *v, const struct discovery_candidate *c)
{
    for (size_t i = 0; i < v->view.count; i++)
        if (by_address(&v->candidates[i], c) == 0)
            return true;
    return false;
}

static void add(struct view *v, const struct discovery_candidate *c, bool listed)
{
    if (is_known(v, c))
        return;
    if (v->view.count == DISCOVERY_CANDIDATES_MAX) {
        v->too_many = true;
        return;
    }
    v->candidates[v->view.count] = *c;
    v->candidates[v->view.count++].listed = listed;
}

/* Listed ones first: those that are only kept shall not take their room. */
static void add_all(struct view *v, struct source *const *sources, size_t count, bool listed)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sources[i]->count; k++)
            if (sources[i]->sightings[k].listed == listed)
                add(v, &sources[i]->sightings[k].candidate, listed);
}

/* --- how many nodes are listed --- */

bool view_lists(const struct source *s, const struct discovery_candidate *c)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->sightings[i].listed && by_address(&s->sightings[i].candidate, c) == 0)
            return true;
    return false;
}

/* What an orchestrator's API says is newer than what its DNS says, and all of it. */
static bool is_overruled(struct source *const *sources, size_t count, const struct source *s)
{
    for (size_t i = 0; i < count && s->fallback; i++)
        if (sources[i]->api && sources[i]->authoritative)
            return true;
    return false;
}

static bool is_listed_before(struct source *const *sources, size_t count, size_t index,
                             const struct discovery_candidate *c)
{
    for (size_t i = 0; i < index; i++)
        if (view_lists(sources[i], c) && !is_overruled(sources, count, sources[i]))
            return true;
    return false;
}

/* A node may have an address of each kind, and one name has both: the larger number is that of the nodes. */
struct tally {
    unsigned v4, v6;
};

static void count_one(struct tally *t, const struct discovery_candidate *c)
{
    t->v6 += is_v6(c);
    t->v4 += !is_v6(c);
}

static unsigned nodes(const struct tally *t)
{
    return t->v4 > t->v6 ? t->v4 : t->v6;
}

static struct tally tally_of(const struct source *s)
{
    struct tally all = {0};
    for (size_t i = 0; i < s->count; i++)
        if (s->sightings[i].listed)
            count_one(&all, &s->sightings[i].candidate);
    return all;
}

unsigned view_addresses_of(const struct source *s)
{
    const struct tally all = tally_of(s);
    return all.v4 + all.v6;
}

unsigned view_nodes_of(const struct source *s)
{
    const struct tally all = tally_of(s);
    return nodes(&all) > s->stated ? nodes(&all) : s->stated;
}

/* What the source `index` lists and none before it did. */
static unsigned count_listed(struct source *const *sources, size_t count, size_t index)
{
    const struct source *s = sources[index];
    struct tally all = tally_of(s), further = {0};
    for (size_t i = 0; i < s->count; i++) {
        const struct discovery_candidate *c = &s->sightings[i].candidate;
        if (s->sightings[i].listed && !is_listed_before(sources, count, index, c))
            count_one(&further, c);
    }
    return view_nodes_of(s) - (nodes(&all) - nodes(&further));
}

/* While an API cannot be reached the other sources count; a node would wait for it without end. */
static bool is_heard(const struct source *s)
{
    return s->answered || (s->api && s->failures >= SOURCE_FAILURES_MAX);
}

void view_make(struct view *v, struct source *const *sources, size_t count)
{
    v->too_many = false;
    v->view = (struct discovery_view){.candidates = v->candidates, .authoritative = true, .answered = true};
    add_all(v, sources, count, true);
    add_all(v, sources, count, false);
    qsort(v->candidates, v->view.count, sizeof v->candidates[0], by_address);
    for (size_t i = 0; i < count; i++) {
        if (is_overruled(sources, count, sources[i]))
            continue;
        v->view.listed += count_listed(sources, count, i);
        v->view.authoritative &= sources[i]->authoritative;
        v->view.answered &= is_heard(sources[i]);
    }
}

bool view_equal(const struct view *a, const struct view *b)
{
    const struct discovery_view *x = &a->view, *y = &b->view;
    if (x->count != y->count || x->listed != y->listed || x->authoritative != y->authoritative ||
        x->answered != y->answered)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (by_address(&a->candidates[i], &b->candidates[i]) != 0 || a->candidates[i].listed != b->candidates[i].listed)
            return false;
    return true;
}
