/* SPDX-License-Identifier: Apache-2.0 */
#include "partition/partition.h"

#include "base/assert.h"
#include "base/rule.h"
#include "wire/command_msg.h"

/* The tail that is kept for followers: a megabyte, or an eighth of the data, as long as all tails together are within
 * their part of the memory for data (R-MEMORY). Then all get the same, until they are. */
#define LOG_MIN           ((size_t)1024 * 1024)
#define LOGS_PART_OF      8
#define LOGS_MOST_PART_OF 2
/* What may wait on one connection; over it messages are lost, as in a network. */
#define RAFT_BACKLOG_MAX ((size_t)8 * 1024 * 1024)
/* A group begins behind its base, which is also the revision of all that is older (architecture.md, "Revisions"). */
#define BASE_INDEX 2

static void tell_deposed(struct partition *p)
{
    p->set->env.hooks->deposed(p->set->env.arg, p);
}

static void renew_soon(const struct partition *p)
{
    p->set->env.hooks->renew_soon(p->set->env.arg);
}

/* --- R-TIME --- */

uint64_t partition_now_ms(const struct partition *p)
{
    if (!rule_holds(RULE_TIME))
        return clock_wall_ms(p->set->env.clock);
    uint64_t now = partition_clock_ms(p);
    return p->stamp_ms + (now > p->stamp_boot_ms ? now - p->stamp_boot_ms : 0);
}

/* By the clock of this very moment, not of the turn: a process that was stopped in the middle of a turn hears a stamp
 * after the pause, and would add the pause to it. */
void partition_hear_time(struct partition *p, uint64_t time_ms)
{
    if (time_ms <= partition_now_ms(p))
        return;
    uint64_t moment_ms = clock_precise_us(p->set->env.clock) / 1000;
    if (time_ms <= p->stamp_ms + (moment_ms - p->stamp_boot_ms))
        return;
    p->stamp_ms = time_ms;
    p->stamp_boot_ms = moment_ms;
}

/* The first of a generation go on where the cluster is. Whoever joins them is told the time by what is copied and
 * committed: what its own clock has counted meanwhile may be ahead of theirs. Never the wall clock after the start. */
static void begin_time(struct partition *p, bool first)
{
    if (!first) {
        p->stamp_ms = 0;
        p->stamp_boot_ms = partition_clock_ms(p);
        return;
    }
    partition_hear_time(p, p->set->env.hooks->now_ms(p->set->env.arg));
    if (p->store)
        partition_hear_time(p, store_stamp_ms(p->store));
}

/* --- the group's hooks --- */

struct link *partition_link(const struct partition *p, uint64_t replica)
{
    const struct replica *r = meta_replica(partition_map(p), replica);
    return r ? p->set->env.hooks->link_to(p->set->env.arg, r->member, p->installs ? PLANE_BULK : PLANE_RAFT) : NULL;
}

static void put_envelope(const struct partition *p, struct coder *coder)
{
    const struct meta_state *s = partition_state(p);
    struct peer_envelope e = {.epoch = s->epoch, .group = (uint16_t)p->number, .generation = p->generation};
    e.cluster_id = s->cluster_id;
    code_envelope(coder, &e);
}

/* Who begins a message ends it before anything else: the link is looked up once. */
static struct buf *begin_message(void *arg, uint64_t destination)
{
    struct partition *p = arg;
    struct link *l = partition_link(p, destination);
    p->sends_on = NULL;
    struct buf *out = l && link_backlog(l) <= RAFT_BACKLOG_MAX ? link_begin(l, PEER_RAFT) : NULL;
    if (!out)
        return NULL;
    struct coder coder = coder_writer(out);
    put_envelope(p, &coder);
    if (coder.err) {
        link_end(l, coder.err);
        return NULL;
    }
    p->sends_on = l;
    return out;
}

static void end_message(void *arg, uint64_t destination, int err, bool can_wait)
{
    struct partition *p = arg;
    struct link *l = p->sends_on;
    (void)destination;
    p->sends_on = NULL;
    if (l) /* none: the rule that asks for it first is left out (rule 14) */
        (can_wait ? link_end_later : link_end)(l, err);
}

/* Every replica makes the hashes itself. */
static int decode_command(const struct partition *p, struct slice bytes, struct blob *blob, uint64_t index,
                          struct store_command *out)
{
    int err = command_decode(bytes, blob, out);
    if (err)
        return err;
    out->revision = (struct revision){partition_state(p)->epoch, p->generation, index};
    if (out->op != STORE_TICK && out->op != STORE_FORGET)
        store_key_init(&out->key, &partition_state(p)->key, out->key.type, out->key.bucket, out->key.key);
    return 0;
}

static void apply_entry(void *arg, uint64_t index, const struct entry *e)
{
    struct partition *p = arg;
    struct store_command command;
    struct store_result result = {0};
    int err = decode_command(p, e->data, e->blob, index, &command);
    if (!err) {
        partition_hear_time(p, command.stamp_ms);
        err = store_apply(p->store, &command, &result);
    }
    /* What the others have applied cannot be left out here: this replica is of no use from now on. */
    if (err == E_NOMEM && !p->broken) {
        log_error(p->set->env.log, "partition", "partition %u: out of memory: this node's replica is dropped",
                  p->number);
        p->broken = true;
    }
    if (p->broken)
        return;
    p->index = index;
    if (p->tick_index && p->tick_index <= index)
        p->tick_index = 0;
    p->set->env.hooks->applied(p->set->env.arg, p, index, e->blob, err, &result);
    partition_mark_dirty(p);
}

static void on_news(void *arg, unsigned news)
{
    struct partition *p = arg;
    if (news & GROUP_NEWS_MEMBERS || group_leads(p->group))
        renew_soon(p); /* the meta leader goes on by what partitions' leaders say */
    partition_mark_dirty(p);
}

static void on_copy_wanted(void *arg, uint64_t destination)
{
    struct partition *p = arg;
    p->copy_wanted = destination;
    partition_mark_dirty(p);
}

static bool on_copy_complete(void *arg, uint64_t source, uint64_t index)
{
    return partition_snapshot_is_complete(arg, source, index);
}

static void on_installed(void *arg, uint64_t index)
{
    struct partition *p = arg;
    partition_snapshot_install(p);
    p->index = index;
    p->whole = true;
    partition_hear_time(p, store_stamp_ms(p->store));
    partition_mark_dirty(p);
}

static void on_broken(void *arg, const char *why)
{
    struct partition *p = arg;
    log_error(p->set->env.log, "partition", "partition %u: this node's replica failed and is dropped: %s", p->number,
              why);
    p->broken = true;
    partition_mark_dirty(p);
}

static uint64_t clock_ms(void *arg)
{
    const struct partition *p = arg;
    return clock_precise_us(p->set->env.clock) / 1000;
}

static const struct group_hooks hooks = {clock_ms,       begin_message,    end_message,  apply_entry, on_news,
                                         on_copy_wanted, on_copy_complete, on_installed, on_broken};

/* --- the length of logs --- */

/* A follower that lags by more than the log needs a copy, for which a nearly full node may have no room: there, logs
 * may also use what the data leaves free. Data and logs together are never more than the data's limit and an eighth. */
size_t partitions_logs_max(const struct partitions *s)
{
    const struct store_memory *m = s->env.memory;
    size_t limit = m->limit, part = limit / LOGS_PART_OF;
    if (m->used <= limit / 4 * 3)
        return part;
    size_t free = m->used < limit ? limit - m->used : 0;
    return part + free < limit / LOGS_MOST_PART_OF ? part + free : limit / LOGS_MOST_PART_OF;
}

static void count_log(struct partition *p)
{
    size_t bytes = p->group ? group_log_bytes(p->group) : 0;
    p->set->log_bytes += bytes - p->log_bytes;
    p->log_bytes = bytes;
}

/* Of one, where all have what they may. */
static size_t log_max(const struct partitions *s)
{
    size_t part = s->env.memory->used / (*s->env.state)->settings.partitions / 8;
    return part > LOG_MIN ? part : LOG_MIN;
}

/* Each is cut by its own next message or heartbeat. */
void partitions_bound_logs(struct partitions *s)
{
    unsigned groups = 0;
    if (s->log_bytes <= partitions_logs_max(s))
        return;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        groups += s->at[i].group != NULL;
    size_t share = partitions_logs_max(s) / groups, most = log_max(s);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (s->at[i].group)
            group_set_log_max(s->at[i].group, share < most ? share : most);
}

/* --- time --- */

void partition_rearm(struct partition *p)
{
    struct timers *timers = p->set->env.timers;
    count_log(p);
    uint64_t due = p->group ? group_deadline_ms(p->group) : UINT64_MAX, now = partition_clock_ms(p);
    if (due == UINT64_MAX) {
        timer_stop(timers, &p->tick);
        return;
    }
    if (timer_runs(&p->tick) && p->tick.due_ms == due)
        return;
    timer_start(timers, &p->tick, due > now ? due - now : 0);
}

static void on_tick(struct timer *t)
{
    struct partition *p = LIST_ENTRY(t, struct partition, tick);
    group_tick(p->group, partition_clock_ms(p));
    partition_snapshot_tick(p);
    /* Whoever was asked does not answer: the others may. */
    if ((!list_empty(&p->reads) || !partition_knows_time(p)) && group_leads(p->group) &&
        p->rounds.confirmed < p->rounds.sent)
        partition_ask_all(p);
    partition_mark_dirty(p);
    partition_rearm(p);
}

/* --- life --- */

static void init_one(struct partitions *s, unsigned number)
{
    struct partition *p = &s->at[number];
    p->set = s;
    p->number = number;
    list_init(&p->waiting);
    list_init(&p->reads);
    list_init(&p->own);
    list_init(&p->dirty);
    timer_init(&p->tick, on_tick);
    timer_init(&p->expiry, partition_on_expiry);
}

void partitions_init(struct partitions *s, const struct partition_env *env)
{
    s->env = *env;
    list_init(&s->dirty);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        init_one(s, i);
}

static void drop_replica(struct partition *p)
{
    struct timers *timers = p->set->env.timers;
    partition_snapshot_end(p);
    timer_stop(timers, &p->tick);
    timer_stop(timers, &p->expiry);
    group_destroy(&p->group);
    count_log(p);
    store_destroy(&p->store);
    p->replica = p->index = p->tick_index = p->copy_wanted = p->own_term = 0;
    p->whole = p->broken = p->no_room = false;
    tell_deposed(p);
}

static void drop_frozen(struct partition *p)
{
    store_destroy(&p->frozen);
    p->frozen_replica = p->frozen_term = p->frozen_index = 0;
    p->frozen_generation = 0;
}

void partition_fini(struct partition *p)
{
    drop_replica(p);
    drop_frozen(p);
    list_remove(&p->dirty);
    p->generation = 0;
    p->stamp_ms = p->leader_hint = 0;
}

/* R-REBUILD, R-REFORM: the replica takes no part in anything any more, but keeps what it holds: all of its log, for
 * what it has not seen committed may have been answered all the same. */
void partition_freeze(struct partition *p)
{
    if (!p->replica)
        return;
    if (p->group) {
        p->frozen_term = group_last_term(p->group);
        group_apply_tail(p->group);
    } else {
        p->frozen_term = PARTITION_BASE_TERM;
    }
    struct store *kept = p->whole ? p->store : NULL;
    uint64_t index = p->index, replica = p->replica;
    if (kept)
        p->store = NULL;
    drop_replica(p);
    if (!kept)
        return;
    store_destroy(&p->frozen);
    p->frozen = kept;
    p->frozen_replica = replica;
    p->frozen_generation = p->generation;
    p->frozen_index = index;
}

static int begin_group(struct partition *p, const uint64_t *voters, unsigned count, uint64_t index)
{
    const struct partition_env *env = &p->set->env;
    uint32_t seed;
    clock_random(env->clock, &seed, sizeof seed);
    struct group_config config = {.self = p->replica,
                                  .seed = seed,
                                  .election_ms = *env->election_ms,
                                  .heartbeat_ms = *env->heartbeat_ms,
                                  .log_max = LOG_MIN};
    struct group_birth birth = {.voters = voters,
                                .voter_count = count,
                                .index = index,
                                .term = index ? PARTITION_BASE_TERM : 0,
                                .leads_first = count && voters[0] == p->replica}; /* the preferred leader */
    read_index_init(&p->rounds);
    int err = group_create(&config, &birth, &hooks, p, partition_clock_ms(p), &p->group);
    if (!err)
        partition_rearm(p);
    return err;
}

static bool is_in(const uint64_t *ids, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool others_are_to_come(const struct partition_map *map)
{
    return map->replica_count > 1;
}

int partition_create_store(const struct partition *p, struct store **out)
{
    int err = store_create(&partition_state(p)->key, p->set->env.memory, out);
    if (!err)
        store_keep_index(*out, p->set->env.next_term);
    return err;
}

/* One of the first replicas of the generation: empty, or with what the donor, which was here, had. */
static int begin_first(struct partition *p, const struct partition_map *map)
{
    if (map->donor && map->donor != p->frozen_replica) /* it was lost meanwhile: others may have theirs */
        return E_MISMATCH;
    if (map->donor) {
        p->store = p->frozen;
        p->frozen = NULL;
        drop_frozen(p);
    }
    int err = p->store ? 0 : partition_create_store(p, &p->store);
    p->whole = !err;
    p->index = BASE_INDEX;
    if (!err && (map->birth_count > 1 || others_are_to_come(map)))
        err = begin_group(p, map->birth, map->birth_count, BASE_INDEX);
    return err;
}

static int begin_joiner(struct partition *p)
{
    int err = partition_create_store(p, &p->store);
    return err ? err : begin_group(p, NULL, 0, 0);
}

static void begin_replica(struct partition *p, const struct partition_map *map, uint64_t replica)
{
    bool first = is_in(map->birth, map->birth_count, replica);
    p->replica = replica;
    int err = first ? begin_first(p, map) : begin_joiner(p);
    if (err) {
        log_error(p->set->env.log, "partition", "partition %u: the replica could not be made: %s", p->number,
                  err_text(err));
        p->broken = true;
        return;
    }
    begin_time(p, first);
    if (first && map->donor && !p->group) /* what is older has the revision of the new base, also for the first read */
        partition_tick(p);
    partition_mark_dirty(p);
    partition_schedule_expiry(p);
}

static bool is_frozen(const struct partition_map *map, uint64_t replica)
{
    for (unsigned i = 0; i < map->frozen_count; i++)
        if (map->frozen[i].id == replica)
            return true;
    return false;
}

static void follow_generation(struct partition *p, const struct partition_map *map)
{
    if (p->generation == map->generation)
        return;
    partition_freeze(p);
    p->generation = map->generation;
}

void partition_follow(struct partition *p)
{
    const struct partition_map *map = partition_map(p);
    follow_generation(p, map);
    const struct replica *mine = meta_replica_of(map, *p->set->env.self);
    if (p->replica && is_frozen(map, p->replica))
        partition_freeze(p);
    if (p->replica && !meta_replica(map, p->replica))
        drop_replica(p);
    if (mine && !p->replica && !*p->set->env.frozen)
        begin_replica(p, map, mine->id);
    if (p->frozen && !is_frozen(map, p->frozen_replica)) {
        drop_frozen(p);
        p->no_room = false;
    }
    /* What was alone is a group of one from now on, which others can join (rule 17). */
    if (p->replica && !p->group && !p->broken && others_are_to_come(map) &&
        begin_group(p, &p->replica, 1, p->index < BASE_INDEX ? BASE_INDEX : p->index))
        p->broken = true;
    if (p->replica)
        partition_mark_dirty(p);
}

/* --- what it is --- */

bool partition_leads(const struct partition *p)
{
    return p->replica && p->whole && !p->broken && (!p->group || group_leads(p->group));
}

/* --- messages --- */

static void note_leader(struct partition *p)
{
    uint64_t leader = p->group ? group_leader(p->group) : p->replica;
    const struct replica *r = leader ? meta_replica(partition_map(p), leader) : NULL;
    if (r)
        p->leader_hint = r->member;
}

int partition_raft(struct partition *p, const struct raft_msg *m)
{
    if (!p->group || p->broken)
        return 0;
    int err = group_receive(p->group, partition_clock_ms(p), m);
    partition_rearm(p);
    return err == E_NOMEM ? 0 : err;
}

void partition_leader_ended(struct partition *p, uint64_t member)
{
    const struct replica *r = p->group && !p->broken ? meta_replica(partition_map(p), group_leader(p->group)) : NULL;
    if (!r || r->member != member || r->id == p->replica)
        return;
    group_leader_is_gone(p->group, partition_clock_ms(p), r->id);
    partition_rearm(p);
}

/* --- the end of a turn --- */

void partition_mark_dirty(struct partition *p)
{
    if (list_empty(&p->dirty))
        list_append(&p->set->dirty, &p->dirty);
}

/* A replica that can do no more takes no part in anything. Its member says so, and the meta leader sees to another. */
static void give_up(struct partition *p)
{
    timer_stop(p->set->env.timers, &p->tick);
    partition_snapshot_end(p);
    group_destroy(&p->group);
    count_log(p);
    store_destroy(&p->store);
    p->whole = false;
    tell_deposed(p);
    renew_soon(p);
}

/* Only now what it says of its group counts for the meta leader (partition_describe()). */
static void note_own_term(struct partition *p)
{
    uint64_t term = group_term(p->group);
    if (p->own_term == term || !group_has_committed_own(p->group))
        return;
    p->own_term = term;
    renew_soon(p);
}

static void turn_group(struct partition *p)
{
    uint64_t now = partition_clock_ms(p);
    group_flush(p->group, now);
    if (p->broken)
        return;
    if (!group_leads(p->group)) {
        tell_deposed(p);
        p->tick_index = 0; /* it may be overruled, and is then never applied */
    }
    partition_ask_time(p);
    partition_ask_round(p);
    partition_lead(p);
    p->index = group_applied_index(p->group); /* entries that are not commands are among them */
    note_own_term(p);
    partition_snapshot_begin(p);
    group_flush(p->group, now);
    group_tell_commit(p->group);
    p->index = group_applied_index(p->group);
    if (p->set->log_bytes <= partitions_logs_max(p->set))
        group_set_log_max(p->group, log_max(p->set));
    partition_rearm(p);
}

void partition_turn(struct partition *p)
{
    if (!p->replica || !partition_state(p) || *p->set->env.frozen)
        return;
    if (p->group && !p->broken)
        turn_group(p);
    if (p->group && p->broken)
        give_up(p);
    note_leader(p);
    if (!p->replica || p->broken)
        return;
    p->set->env.hooks->serve_reads(p->set->env.arg, p);
    if (!p->group)
        partition_forget_origins(p);
    if (!p->tick_index)
        partition_schedule_expiry(p);
}

void partitions_begin_turn(struct partitions *s)
{
    s->expiry_end_us = s->snapshot_end_us = 0;
    s->expiry_over = false;
}

/* What one does may make another dirty, a bounded number of times. */
void partitions_turn(struct partitions *s)
{
    for (unsigned rounds = 0; !list_empty(&s->dirty) && rounds < 4 * META_PARTITIONS_MAX; rounds++) {
        struct partition *p = LIST_ENTRY(s->dirty.next, struct partition, dirty);
        list_remove(&p->dirty);
        partition_turn(p);
    }
    partitions_bound_logs(s);
}
