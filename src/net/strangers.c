/* SPDX-License-Identifier: Apache-2.0 */
#include "net/strangers.h"

#include "base/assert.h"

#include <netinet/in.h>
#include <string.h>

void strangers_init(struct strangers *s, size_t max, const struct hash_key *key)
{
    *s = (struct strangers){.max = max, .key = *key, .largest = STRANGER_GROUPS};
    list_init(&s->silent);
    list_init(&s->spoke);
    list_init(&s->expected);
}

/* The bytes of an address that one machine, or one site, cannot choose freely. */
static struct slice network_of(const struct sockaddr *address)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    if (address->sa_family != AF_INET6)
        return slice_make(&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    return slice_make(&v6->sin6_addr, 8);
}

void stranger_init(struct stranger *g, const struct strangers *s, const struct sockaddr *address, bool expected,
                   uint64_t now_ms)
{
    uint64_t hash = hash_bytes(&s->key, network_of(address));
    *g = (struct stranger){.heard_ms = now_ms, .group = (uint16_t)(hash % STRANGER_GROUPS), .expected = expected};
    list_init(&g->queue);
}

static void enqueue(struct strangers *s, struct stranger *g)
{
    list_append(g->expected ? &s->expected : g->spoke ? &s->spoke : &s->silent, &g->queue);
}

static bool is_large(const struct strangers *s, unsigned group)
{
    return s->of_group[group] > s->max / 2;
}

static void count_in_group(struct strangers *s, const struct stranger *g)
{
    if (g->expected)
        return;
    s->of_group[g->group]++;
    if (is_large(s, g->group))
        s->largest = g->group;
}

void strangers_add(struct strangers *s, struct stranger *g)
{
    ASSERT(!g->counted);
    g->counted = true;
    s->count++;
    count_in_group(s, g);
    enqueue(s, g);
}

static void uncount_in_group(struct strangers *s, const struct stranger *g)
{
    if (g->expected)
        return;
    s->of_group[g->group]--;
    if (s->largest == g->group && !is_large(s, g->group))
        s->largest = STRANGER_GROUPS;
}

void strangers_remove(struct strangers *s, struct stranger *g)
{
    list_remove(&g->queue);
    if (!g->counted)
        return;
    g->counted = false;
    s->count--;
    uncount_in_group(s, g);
}

void strangers_heard(struct strangers *s, struct stranger *g, uint64_t now_ms)
{
    ASSERT(g->counted);
    list_remove(&g->queue);
    g->heard_ms = now_ms;
    g->spoke = true;
    enqueue(s, g);
}

static bool is_due(const struct stranger *g, uint64_t now_ms)
{
    return now_ms - g->heard_ms >= (g->spoke ? STRANGER_SPOKE_MS : STRANGER_SILENT_MS);
}

static struct stranger *stranger_of(struct list *queue)
{
    return LIST_ENTRY(queue, struct stranger, queue);
}

/* The one that is silent for longest, if it has been for long enough. */
static struct stranger *first_due(const struct list *queue, uint64_t now_ms)
{
    struct stranger *g = list_empty(queue) ? NULL : stranger_of(queue->next);
    return g && is_due(g, now_ms) ? g : NULL;
}

static struct stranger *first_of_group(const struct list *queue, unsigned group)
{
    for (struct list *n = queue->next; n != queue; n = n->next)
        if (stranger_of(n)->group == group)
            return stranger_of(n);
    return NULL;
}

static bool is_of_largest(const struct strangers *s, const struct stranger *g)
{
    return g->group == s->largest && !g->expected;
}

/* Of the addresses that hold more than half. To one of its own it gives way as all others do; to the others at once. */
static struct stranger *of_largest(const struct strangers *s, const struct stranger *newcomer, uint64_t now_ms)
{
    bool own = is_of_largest(s, newcomer);
    struct stranger *silent = first_of_group(&s->silent, s->largest);
    if (silent && (!own || is_due(silent, now_ms)))
        return silent;
    struct stranger *spoke = first_of_group(&s->spoke, s->largest);
    return spoke && (!own || is_due(spoke, now_ms)) ? spoke : NULL;
}

static struct stranger *longest_silent(const struct list *silent, const struct list *spoke)
{
    const struct list *queue = list_empty(silent) ? spoke : silent;
    return list_empty(queue) ? NULL : stranger_of(queue->next);
}

struct stranger *strangers_give_way(const struct strangers *s, const struct stranger *newcomer, uint64_t now_ms)
{
    struct stranger *g = NULL;
    if (s->largest != STRANGER_GROUPS)
        g = of_largest(s, newcomer, now_ms);
    if (g || is_of_largest(s, newcomer))
        return g;
    if (newcomer->expected)
        g = longest_silent(&s->silent, &s->spoke);
    if (!g)
        g = first_due(&s->silent, now_ms);
    if (!g)
        g = first_due(&s->spoke, now_ms);
    return g || !newcomer->expected ? g : first_due(&s->expected, now_ms);
}
