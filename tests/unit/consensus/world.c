/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/err.h"
#include "base/hash.h"
#include "support.h"

#include <stdlib.h>

#define MESSAGE_MAX ((size_t)16 * 1024 * 1024)

static struct group_config config_of(const struct world *w, uint64_t id)
{
    return (struct group_config){.self = id,
                                 .seed = (uint32_t)(id * 2654435761u),
                                 .election_ms = ELECTION_MS,
                                 .heartbeat_ms = HEARTBEAT_MS,
                                 .log_max = w->log_max};
}

static struct replica *replica_of(struct world *w, uint64_t id)
{
    for (unsigned i = 0; i < WORLD_MAX; i++)
        if (w->replica[i].group && w->replica[i].id == id)
            return &w->replica[i];
    return NULL;
}

/* --- clocks --- */

uint64_t world_clock(const struct world *w, unsigned place)
{
    return (uint64_t)((int64_t)w->now_ms * (1000 + w->replica[place].drift) / 1000);
}

uint64_t world_turn_clock(const struct world *w, unsigned place)
{
    return w->replica[place].stands_ms ? w->replica[place].stands_ms : world_clock(w, place);
}

/* --- the network --- */

static void enqueue(struct world *w, const struct replica *from, unsigned to, struct slice bytes, uint64_t delay_ms)
{
    struct message *m = malloc(sizeof *m + bytes.len);
    assert_non_null(m);
    *m = (struct message){.from = from->place, .to = to, .due_ms = w->now_ms + delay_ms, .len = bytes.len};
    memcpy(m->bytes, bytes.data, bytes.len);
    *w->network_end = m;
    w->network_end = &m->next;
}

static bool luck(struct world *w, unsigned percent)
{
    return percent && rng_below(&w->rng, 100) < percent;
}

static void transmit(struct replica *r, unsigned to, struct slice bytes)
{
    struct world *w = r->world;
    r->bytes_sent += bytes.len;
    if (w->cut[r->place][to] || luck(w, w->lose))
        return;
    enqueue(w, r, to, bytes, luck(w, w->late) ? rng_below(&w->rng, 40) : 0);
    if (luck(w, w->twice))
        enqueue(w, r, to, bytes, rng_below(&w->rng, 40));
}

static struct buf *on_begin(void *arg, uint64_t destination)
{
    struct replica *r = arg, *to = replica_of(r->world, destination);
    if (!to)
        return NULL;
    r->out_to = destination;
    return &r->out;
}

static void on_end(void *arg, uint64_t destination, int err, bool can_wait)
{
    (void)can_wait;
    struct replica *r = arg, *to = replica_of(r->world, destination);
    if (!to) {
        r->unreachable_ends++;
        return;
    }
    assert_int_equal(err, 0);
    transmit(r, to->place, buf_slice(&r->out));
    buf_consume(&r->out, buf_len(&r->out));
}

/* --- the state machine --- */

static void take_number(struct replica *r, unsigned number)
{
    assert_true(number < NUMBERS_MAX);
    r->numbers += !r->has[number];
    r->has[number] = true;
}

static unsigned number_of(struct slice s)
{
    unsigned number;
    assert_int_equal(s.len, sizeof number);
    memcpy(&number, s.data, sizeof number);
    return number;
}

static void on_apply(void *arg, uint64_t index, const struct entry *e)
{
    struct replica *r = arg;
    struct world *w = r->world;
    uint64_t what = (e->term << 32 | number_of(e->data)) + 1;
    assert_true(index < ORACLE_MAX);
    if (w->oracle[index] && w->oracle[index] != what)
        w->violations++;
    w->oracle[index] = what;
    w->applied++;
    take_number(r, number_of(e->data));
}

static void on_news(void *arg, unsigned news)
{
    struct replica *r = arg;
    assert_int_not_equal(news, 0);
    if (news & GROUP_NEWS_LEADERSHIP)
        r->leader = group_leader(r->group);
}

static void on_broken(void *arg, const char *why)
{
    struct replica *r = arg;
    r->broken = why;
}

/* --- copies --- */

static void on_copy_wanted(void *arg, uint64_t destination)
{
    struct replica *r = arg;
    r->copies_wanted++;
    r->copy_to = destination;
    r->copy_done_ms = r->world->copy_ms == UINT64_MAX ? 0 : r->world->now_ms + r->world->copy_ms;
}

static void finish_copy(struct replica *r)
{
    struct replica *to = replica_of(r->world, r->copy_to);
    r->copy_done_ms = 0;
    if (!to || r->world->cut[r->place][to->place] || !group_leads(r->group)) {
        group_copy_ended(r->group, r->copy_to);
        return;
    }
    memcpy(to->copied, r->has, sizeof to->copied);
    to->copied_from = r->id;
    to->copied_index = group_applied_index(r->group);
    if (group_send_install(r->group, r->copy_to))
        group_copy_ended(r->group, r->copy_to);
}

static bool on_copy_complete(void *arg, uint64_t source, uint64_t index)
{
    const struct replica *r = arg;
    return r->copied_from == source && r->copied_index == index;
}

static void on_installed(void *arg, uint64_t index)
{
    struct replica *r = arg;
    assert_int_equal(index, r->copied_index);
    memcpy(r->has, r->copied, sizeof r->has);
    r->numbers = 0;
    for (unsigned i = 0; i < NUMBERS_MAX; i++)
        r->numbers += r->has[i];
    r->copied_from = 0;
}

static uint64_t on_clock(void *arg)
{
    const struct replica *r = arg;
    return world_clock(r->world, r->place);
}

static const struct group_hooks hooks = {.clock_ms = on_clock,
                                         .begin = on_begin,
                                         .end = on_end,
                                         .apply = on_apply,
                                         .news = on_news,
                                         .copy_wanted = on_copy_wanted,
                                         .copy_complete = on_copy_complete,
                                         .installed = on_installed,
                                         .broken = on_broken};

/* --- life --- */

void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 1000;
    w->next_id = 100;
    w->network_end = &w->network;
    w->log_max = (size_t)64 * 1024 * 1024;
    rng_seed(&w->rng, seed);
    for (unsigned i = 0; i < WORLD_MAX; i++)
        buf_init(&w->replica[i].out, MESSAGE_MAX);
}

void world_fini(struct world *w)
{
    for (unsigned i = 0; i < WORLD_MAX; i++) {
        world_crash(w, i);
        buf_fini(&w->replica[i].out);
    }
    for (struct message *m = w->network; m;) {
        struct message *next = m->next;
        free(m);
        m = next;
    }
}

void world_start(struct world *w, unsigned place, uint64_t id, const struct group_birth *birth, unsigned numbers)
{
    struct replica *r = &w->replica[place];
    struct buf out = r->out;
    int drift = r->drift;
    struct group_config config = config_of(w, id);
    assert_null(r->group);
    memset(r, 0, sizeof *r);
    r->world = w;
    r->place = place;
    r->id = id;
    r->out = out;
    r->drift = drift;
    read_index_init(&r->reads);
    for (unsigned i = 0; i < numbers; i++)
        take_number(r, i);
    assert_int_equal(group_create(&config, birth, &hooks, r, world_clock(w, place), &r->group), 0);
}

void world_crash(struct world *w, unsigned place)
{
    group_destroy(&w->replica[place].group);
}

uint64_t world_join(struct world *w, unsigned place)
{
    struct group_birth birth = {0};
    uint64_t id = w->next_id++;
    world_start(w, place, id, &birth, 0);
    return id;
}

void world_form(struct world *w, unsigned count, unsigned phantoms)
{
    uint64_t ids[WORLD_MAX];
    for (unsigned i = 0; i < count + phantoms; i++)
        ids[i] = w->next_id++;
    struct group_birth birth = {.voters = ids, .voter_count = count + phantoms};
    for (unsigned i = 0; i < count; i++)
        world_start(w, i, ids[i], &birth, 0);
}

/* --- time --- */

static void deliver(struct world *w, const struct message *m)
{
    struct replica *to = &w->replica[m->to];
    struct raft_msg msg;
    if (!to->group || w->cut[m->from][m->to])
        return;
    assert_int_equal(raft_msg_decode(slice_make(m->bytes, m->len), &msg), 0);
    assert_int_equal(group_receive(to->group, world_turn_clock(w, m->to), &msg), 0);
}

/* Those that are due, in their order, and what they bring about at once. True: there was one. */
static bool deliver_due(struct world *w)
{
    for (struct message **p = &w->network; *p; p = &(*p)->next)
        if ((*p)->due_ms <= w->now_ms) {
            struct message *m = *p;
            *p = m->next;
            if (w->network_end == &m->next)
                w->network_end = p;
            deliver(w, m);
            free(m);
            return true;
        }
    return false;
}

static void tick(struct replica *r)
{
    if (!r->group || r->stands_ms)
        return;
    uint64_t now = world_clock(r->world, r->place);
    if (group_deadline_ms(r->group) <= now) {
        r->ticks++;
        group_tick(r->group, now);
    }
    group_flush(r->group, now);
    group_tell_commit(r->group);
    if (r->copy_done_ms && r->copy_done_ms <= r->world->now_ms)
        finish_copy(r);
}

void world_run(struct world *w, uint64_t ms)
{
    for (uint64_t end = w->now_ms + ms; w->now_ms < end; w->now_ms++) {
        for (unsigned i = 0; i < WORLD_MAX; i++)
            tick(&w->replica[i]);
        while (deliver_due(w))
            ;
    }
}

unsigned world_leader(const struct world *w)
{
    unsigned best = WORLD_MAX;
    for (unsigned i = 0; i < WORLD_MAX; i++) {
        const struct replica *r = &w->replica[i];
        if (r->group && group_leads(r->group) &&
            (best == WORLD_MAX || group_term(r->group) > group_term(w->replica[best].group)))
            best = i;
    }
    return best;
}

unsigned world_lead(struct world *w)
{
    for (unsigned i = 0; i < 100; i++) {
        unsigned leader = world_leader(w);
        world_run(w, 2 * HEARTBEAT_MS + 1);
        if (leader < WORLD_MAX && world_leader(w) == leader)
            return leader;
    }
    fail_msg("no leader within 10 s");
    return 0;
}

void world_transfer(struct world *w, unsigned to)
{
    for (unsigned i = 0; i < 100; i++) {
        unsigned leader = world_lead(w);
        if (leader == to)
            return;
        group_transfer(w->replica[leader].group, world_turn_clock(w, leader), w->replica[to].id);
        world_run(w, 20);
    }
    fail_msg("leadership does not go to %u", to);
}

void world_split(struct world *w, unsigned a, unsigned b, bool cut)
{
    for (unsigned i = 0; i < WORLD_MAX; i++)
        for (unsigned j = 0; j < WORLD_MAX; j++)
            if (a >> i & 1 && b >> j & 1)
                w->cut[i][j] = w->cut[j][i] = cut;
}

void world_mend(struct world *w)
{
    memset(w->cut, 0, sizeof w->cut);
}

/* --- what replicas are asked for --- */

uint64_t world_put(struct world *w, unsigned place, unsigned number)
{
    uint64_t index;
    struct blob *b = blob_create(sizeof number);
    assert_non_null(b);
    memcpy(b->data, &number, sizeof number);
    return group_propose(w->replica[place].group, b, &index) ? 0 : index;
}

bool world_has(const struct world *w, unsigned place, unsigned number)
{
    return w->replica[place].has[number];
}

void world_change(struct world *w, unsigned place, enum group_change what, uint64_t id)
{
    assert_int_equal(group_change(w->replica[place].group, world_turn_clock(w, place), what, id), 0);
}

/* Waits until the change that is under way is done, as far as it is the leader's to do. */
static void change(struct world *w, enum group_change what, uint64_t id)
{
    for (unsigned i = 0; i < 2000; i++) {
        unsigned leader = world_leader(w);
        if (leader < WORLD_MAX) {
            int err = group_change(w->replica[leader].group, world_turn_clock(w, leader), what, id);
            if (err == 0 || err == E_INVALID) /* a leader before has done it */
                return;
        }
        world_run(w, 10);
    }
    fail_msg("the change is not accepted within 20 s");
}

static bool is_caught_up(struct world *w, uint64_t id)
{
    unsigned leader = world_leader(w);
    if (leader == WORLD_MAX)
        return false;
    struct group *g = w->replica[leader].group;
    switch (group_catch_up_status(g, id)) {
    case GROUP_CATCH_UP_FINISHED:
        return true;
    case GROUP_CATCH_UP_RUNNING:
        return false;
    default:
        group_catch_up(g, world_turn_clock(w, leader), id);
        return false;
    }
}

void world_add_voter(struct world *w, unsigned place)
{
    uint64_t id = world_join(w, place);
    change(w, GROUP_ADD_SPARE, id);
    for (unsigned i = 0; i < 2000 && !is_caught_up(w, id); i++)
        world_run(w, 10);
    change(w, GROUP_PROMOTE_VOTER, id);
    world_run(w, 2 * HEARTBEAT_MS);
}

void world_expect_equal(const struct world *w)
{
    const struct replica *first = NULL;
    for (unsigned i = 0; i < WORLD_MAX; i++) {
        const struct replica *r = &w->replica[i];
        if (!r->group)
            continue;
        if (!first)
            first = r;
        assert_int_equal(group_applied_index(r->group), group_applied_index(first->group));
        assert_memory_equal(r->has, first->has, sizeof r->has);
    }
}

/* --- for cmocka --- */

int world_setup(void **state)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w, 1);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    world_fini(*state);
    free(*state);
    return 0;
}
