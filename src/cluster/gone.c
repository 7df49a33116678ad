/* SPDX-License-Identifier: Apache-2.0 */
/* What the word of an orchestrator is worth: Marathon's or Kubernetes' API lists the tasks or pods that there are to
 * be.
 *
 * R-GONE. That one is not listed any more is no proof of its death: the API forgets a pod at once, while its process
 * lives on for seconds, or beyond a cut for as long as that lasts. It means that what it holds will not come back. So
 * it only spares the wait for lost-after-ms, and only at a meta leader that has its majority and may declare deaths: a
 * member's leases came from that majority, and once they have run out it cannot serve. What is not known of the API is
 * how old its answer is: a cache may have answered, and the next may come from an older cache. Therefore:
 *
 * - An answer counts when it is whole and lists this node: else it may be another cluster's, or the rest of the list.
 * - It counts against a member when it was asked for a lease after that was last heard: one that is older by less than
 *   a lease still shows a moment at which the member was silent already.
 * - The two latest that were asked for then must agree, and are a second apart or more, as discovery asks no oftener.
 * - The member was listed once, in an answer that came after its admission: else the API knows it by another address,
 * or it is younger than what the API's cache holds.
 *
 * An API that lies, or whose cache is older than that and goes back in time, can name a member that lives. That costs
 * nothing unless the majority also has heard nothing of it for lease-ms and lease-margin-ms, and then what a member
 * costs that was silent for lost-after-ms (docs/guarantees.md).
 *
 * Nodes that have lost their majority never go by it: those who are gone may still be a majority elsewhere.
 *
 * R-FENCE. For that case a member can be told to stop (fence-after-ms): members are missing, and it has not seen itself
 * on the list for so long that it may have been replaced. */
#include "cluster/health.h"

#include "base/rule.h"

#include <stdio.h>

void gone_init(struct cluster *c)
{
    c->orchestrator.seen_ms = c->orchestrator.looked_ms = c->created_ms;
    c->orchestrator.fence_ms = UINT64_MAX;
}

/* --- R-GONE --- */

static bool lists(const struct cluster_roster *r, const char *address, uint16_t port)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->places[i].epmd_port == port && strcmp(r->places[i].address, address) == 0)
            return true;
    return false;
}

static void note_member(struct known_member *k, const struct cluster_roster *r, const struct member *m, bool counts)
{
    if (lists(r, m->address, m->epmd_port)) {
        k->was_listed |= counts;
        k->unlisted_ms[0] = k->unlisted_ms[1] = 0;
    } else if (counts) {
        k->unlisted_ms[1] = k->unlisted_ms[0];
        k->unlisted_ms[0] = r->asked_ms;
    }
}

static void keep_places(struct orchestrator *o, const struct cluster_roster *r)
{
    o->place_count = 0;
    for (size_t i = 0; i < r->count && o->place_count < ORCHESTRATOR_PLACES_MAX; i++) {
        if (strlen(r->places[i].address) >= sizeof o->place[0].address)
            continue;
        strcpy(o->place[o->place_count].address, r->places[i].address);
        o->place[o->place_count++].port = r->places[i].epmd_port;
    }
    o->placed_ms = o->place_count == r->count ? r->asked_ms : 0;
}

static void note_members(struct cluster *c, const struct cluster_roster *r, bool counts)
{
    for (unsigned i = 0; c->meta.state && i < c->meta.known_count; i++) {
        struct known_member *k = &c->meta.known[i];
        const struct member *m = meta_member_by_incarnation(c->meta.state, k->incarnation);
        if (m)
            note_member(k, r, m, counts);
    }
}

bool gone_is_named(const struct cluster *c, const struct member *m, uint64_t heard_ms)
{
    const struct known_member *k = cluster_known(c, m->incarnation);
    if (!k || (!k->was_listed && rule_holds(RULE_GONE_LISTED)))
        return false;
    uint64_t asked_ms = k->unlisted_ms[rule_holds(RULE_GONE_TWICE) ? 1 : 0];
    return asked_ms && (asked_ms >= heard_ms + c->times.lease || !rule_holds(RULE_GONE_FRESH));
}

static void ask(const struct cluster *c)
{
    if (c->config.refresh)
        c->config.refresh(c->config.arg);
}

void gone_ask(const struct cluster *c, const struct member *m, uint64_t heard_ms)
{
    const struct known_member *k = cluster_known(c, m->incarnation);
    if (k && k->was_listed && now_of(c) >= heard_ms + c->times.lease)
        ask(c);
}

/* A member that has just come is to be found on the list soon: it may go before the list is asked for again. */
#define NEW_MS 3000

static bool is_one_new(const struct cluster *c)
{
    bool found = false;
    for (unsigned i = 0; i < c->meta.known_count; i++)
        found |= !c->meta.known[i].was_listed && now_of(c) - c->meta.known[i].since_ms < NEW_MS;
    return found && c->orchestrator.asked_ms;
}

/* So long an answer, and a node's word that it leaves, say how things are. */
#define LEFT_MS 3000

/* One that is silent has ended, perhaps: without a majority it would stay a member that leaves for ever. */
static bool is_heard_leaving(const struct cluster *c, const struct member *m)
{
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    bool heard = m->id == c->meta.self || (p && now_of(c) - p->heard_ms < LEFT_MS);
    return heard && cluster_is_leaving(c, m->id);
}

/* One that leaves was told to, perhaps because there are to be fewer nodes from now on, or others in its place. The
 * last to go may have two seconds for what it holds. */
static bool is_one_leaving(struct cluster *c)
{
    struct orchestrator *o = &c->orchestrator;
    for (unsigned i = 0; c->meta.whole && i < c->meta.state->member_count; i++)
        if (is_heard_leaving(c, &c->meta.state->member[i]))
            o->leaving_ms = now_of(c);
    return o->asked_ms && o->leaving_ms && now_of(c) - o->leaving_ms < LEFT_MS;
}

/* This node, or a member, has answered there: it is listed by each of its addresses. */
static bool is_of_member(const struct cluster *c, const char *address, uint16_t port)
{
    const struct endpoint *e = mesh_find(&c->mesh, address, port);
    return e && (e->self || (e->peer && meta_member_by_incarnation(c->meta.state, e->peer->hello.incarnation)));
}

/* A list that this node is not on counts, too: it may be told to end because it has been taken off. */
static bool lists_a_stranger(const struct cluster *c, const struct cluster_roster *r)
{
    bool found = false;
    for (size_t i = 0; i < r->count; i++)
        found |= !cluster_member_at(c, r->places[i].address, r->places[i].epmd_port) &&
                 !is_of_member(c, r->places[i].address, r->places[i].epmd_port);
    return found;
}

/* The list is asked for once a second while a member leaves: soon, one that has left is not on it any more. */
bool gone_lists_a_stranger(const struct cluster *c)
{
    const struct orchestrator *o = &c->orchestrator;
    return o->stranger_ms && now_of(c) - o->stranger_ms < LEFT_MS;
}

bool gone_awaits_list(const struct cluster *c, uint64_t since_ms)
{
    return c->config.refresh && c->orchestrator.asked_ms && c->orchestrator.asked_ms < since_ms;
}

/* --- R-FENCE --- */

/* One that is heard, but has gone over to another epoch, is missing like one that is silent. */
static bool is_with_us(const struct cluster *c, const struct member *m)
{
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    return m->id == c->meta.self || (p && cluster_hears(c, m) && p->beacon.epoch == c->meta.state->epoch &&
                                     cluster_id_equal(p->beacon.cluster_id, c->meta.state->cluster_id));
}

/* Members that were lost are no members any more, but N counts them still. */
static bool is_one_missing(const struct cluster *c)
{
    unsigned heard = 0, n = cluster_n(c);
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        heard += is_with_us(c, &c->meta.state->member[i]);
    return heard < c->meta.state->member_count || heard < n;
}

/* One that is not heard for less than the end of its lease takes is no reason: nobody can have replaced a majority
 * without being silent for longer. */
static uint64_t fence_ms(const struct cluster *c)
{
    const struct orchestrator *o = &c->orchestrator;
    uint64_t missed = o->missing_ms + c->times.lease + c->times.margin, unseen = o->seen_ms + c->times.fence_after;
    if (o->latched)
        return 0;
    return !o->missing_ms ? UINT64_MAX : missed > unseen ? missed : unseen;
}

/* It stays closed until this node is listed: what is heard when a cut heals was said before, perhaps, by members that
 * serve with others now. In another epoch they have let it in. */
static void latch_fence(struct cluster *c)
{
    struct orchestrator *o = &c->orchestrator;
    uint64_t epoch = c->meta.whole ? c->meta.state->epoch : 0;
    if (o->epoch != epoch) {
        o->epoch = epoch;
        o->latched = false;
        o->missing_ms = 0;
    } else if (gone_is_fenced(c) && now_of(c) - o->seen_ms >= c->times.fence_after) {
        o->latched = true;
    }
}

void gone_explain_fence(const struct cluster *c, char *out, size_t size)
{
    snprintf(out, size,
             "fenced: members are missing, and the orchestrator's API has not listed this node for %llu s "
             "(fence-after-ms); quorum operations fail here until it does",
             (unsigned long long)(now_of(c) - c->orchestrator.seen_ms) / 1000);
}

static void tell_fence(struct cluster *c)
{
    struct orchestrator *o = &c->orchestrator;
    char text[STATUS_TEXT_MAX];
    bool fenced = gone_is_fenced(c);
    if (fenced == o->fenced)
        return;
    o->fenced = fenced;
    gone_explain_fence(c, text, sizeof text);
    if (fenced)
        log_error(c->config.log, "cluster", "%s", text);
    else
        log_info(c->config.log, "cluster", "no longer fenced");
}

/* After a sleep of this node's own, all that it hears at first was said before, perhaps: others were missing from the
 * moment at which it slept. */
static void note_missing(struct cluster *c)
{
    struct orchestrator *o = &c->orchestrator;
    uint64_t now = now_of(c), looked_ms = o->looked_ms;
    bool slept = now - looked_ms > c->times.lease + c->times.margin;
    o->looked_ms = now;
    if (!c->meta.whole || !(slept || is_one_missing(c)))
        o->missing_ms = 0;
    else if (!o->missing_ms)
        o->missing_ms = slept ? looked_ms : now;
}

static void set_fence(struct cluster *c)
{
    struct orchestrator *o = &c->orchestrator;
    if (!c->times.fence_after)
        return;
    latch_fence(c);
    note_missing(c);
    o->fence_ms = fence_ms(c);
    tell_fence(c);
}

static bool wants_to_be_seen(const struct cluster *c)
{
    const struct orchestrator *o = &c->orchestrator;
    return (o->missing_ms || o->latched) && now_of(c) - o->seen_ms >= c->times.fence_after / 2;
}

void gone_look(struct cluster *c)
{
    set_fence(c);
    if (wants_to_be_seen(c) || is_one_new(c) || is_one_leaving(c))
        ask(c);
}

/* --- the answer --- */

void cluster_set_roster(struct cluster *c, const struct cluster_roster *r)
{
    struct orchestrator *o = &c->orchestrator;
    const struct peer_hello *self = &c->mesh.config.self;
    if (r->asked_ms <= o->asked_ms) /* a later question was answered before */
        return;
    o->asked_ms = r->asked_ms;
    bool names_self = lists(r, self->address, self->epmd_port);
    bool counts = (r->whole || !rule_holds(RULE_GONE_WHOLE)) && (names_self || !rule_holds(RULE_GONE_SELF));
    if (names_self) {
        o->seen_ms = r->asked_ms;
        o->latched = false;
    }
    o->stranger_ms = c->meta.whole && lists_a_stranger(c, r) ? r->asked_ms : 0;
    note_members(c, r, counts);
    if (counts)
        keep_places(o, r);
    set_fence(c);
}
