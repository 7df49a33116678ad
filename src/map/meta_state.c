/* SPDX-License-Identifier: Apache-2.0 */
#include "map/meta_state.h"

#include "base/arena.h"
#include "base/rule.h"
#include "wire/bucket_msg.h"
#include "wire/security_msg.h"

#include <stdlib.h>

#define CATALOG_ARENA ((size_t)1024 * 1024) /* one change, decoded */

int meta_state_create(struct store_memory *memory, const struct hash_key *key, struct meta_state **out)
{
    struct meta_state *s = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    s->memory = memory;
    s->key = *key;
    s->next_id = 1;
    memset(s->keys_before, 0xff, sizeof s->keys_before);
    int err = catalog_create(memory, key, &s->catalog);
    if (!err)
        err = acl_create(&s->acl);
    if (err)
        meta_state_destroy(&s);
    *out = s;
    return err;
}

void meta_state_destroy(struct meta_state **sp)
{
    struct meta_state *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    ticket_secrets_wipe(&s->tickets);
    acl_destroy(&s->acl);
    catalog_destroy(&s->catalog);
    free(s);
}

/* --- questions --- */

const struct member *meta_member(const struct meta_state *s, uint64_t id)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (s->member[i].id == id)
            return &s->member[i];
    return NULL;
}

const struct member *meta_member_by_incarnation(const struct meta_state *s, struct incarnation incarnation)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (incarnation_equal(s->member[i].incarnation, incarnation))
            return &s->member[i];
    return NULL;
}

bool meta_is_dead(const struct meta_state *s, struct incarnation incarnation)
{
    for (unsigned i = 0; i < s->dead_count; i++)
        if (incarnation_equal(s->dead[i].incarnation, incarnation))
            return true;
    return false;
}

const struct replica *meta_replica(const struct partition_map *p, uint64_t id)
{
    for (unsigned i = 0; i < p->replica_count; i++)
        if (p->replica[i].id == id)
            return &p->replica[i];
    return NULL;
}

const struct replica *meta_replica_of(const struct partition_map *p, uint64_t member)
{
    const struct replica *going = NULL;
    for (unsigned i = 0; i < p->replica_count; i++)
        if (p->replica[i].member == member) {
            if (p->replica[i].state != REPLICA_REMOVING)
                return &p->replica[i];
            going = &p->replica[i];
        }
    return going;
}

/* --- members --- */

/* R-ID: of members and of replicas. */
static uint64_t new_id(struct meta_state *s)
{
    return rule_holds(RULE_ID) ? s->next_id++ : s->member_count + s->partition[0].replica_count;
}

uint64_t meta_state_add(struct meta_state *s, const struct member *who)
{
    if (s->member_count == META_MEMBERS_MAX)
        return 0;
    struct member *to = &s->member[s->member_count++];
    *to = *who;
    to->id = new_id(s);
    to->state = MEMBER_LIVE;
    return to->id;
}

static int add_member(struct meta_state *s, struct meta_command *m)
{
    if (meta_is_dead(s, m->who.incarnation))
        return E_DENIED; /* a dead incarnation is never granted anything again (R-LEASE) */
    if (meta_member_by_incarnation(s, m->who.incarnation))
        return E_EXISTS;
    m->member = meta_state_add(s, &m->who);
    return m->member ? 0 : E_TOO_MANY;
}

static struct member *find_member(struct meta_state *s, uint64_t id)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (s->member[i].id == id)
            return &s->member[i];
    return NULL;
}

static void remember_dead(struct meta_state *s, const struct member *m)
{
    if (s->dead_count == META_MEMBERS_MAX) {
        s->dead_count--;
        memmove(s->dead, s->dead + 1, s->dead_count * sizeof s->dead[0]);
    }
    s->dead[s->dead_count].id = m->id;
    s->dead[s->dead_count++].incarnation = m->incarnation;
}

static int remove_member(struct meta_state *s, const struct meta_command *m)
{
    struct member *gone = find_member(s, m->member);
    if (!gone)
        return E_NOT_FOUND;
    remember_dead(s, gone);
    size_t after = (size_t)(&s->member[s->member_count] - (gone + 1));
    memmove(gone, gone + 1, after * sizeof *gone);
    s->member_count--;
    return 0;
}

static int lower_seats(struct meta_state *s, const struct meta_command *m)
{
    s->settings.lowered_seats = m->count;
    return 0;
}

static int begin_leave(struct meta_state *s, const struct meta_command *m)
{
    struct member *who = find_member(s, m->member);
    if (!who)
        return E_NOT_FOUND;
    who->state = MEMBER_LEAVING;
    return 0;
}

/* --- partitions --- */

static void add_replica(struct meta_state *s, struct partition_map *p, uint64_t member, enum replica_state state)
{
    p->replica[p->replica_count++] = (struct replica){.id = new_id(s), .member = member, .state = state};
}

/* R-ID: who starts the generation is written down with it, and never changes. */
static void begin_generation(struct partition_map *p)
{
    p->generation++;
    p->birth_count = 0;
    for (unsigned i = 0; i < p->replica_count; i++)
        p->birth[p->birth_count++] = p->replica[i].id;
}

static bool are_distinct_members(const struct meta_state *s, const uint64_t *id, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!meta_member(s, id[i]))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (id[k] == id[i])
                return false;
    }
    return true;
}

static int create_partitions(struct meta_state *s, const struct meta_command *m)
{
    if (s->partition[0].generation)
        return E_EXISTS;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if ((m->create[i].count != 0) != (i < s->settings.partitions) ||
            !are_distinct_members(s, m->create[i].member, m->create[i].count))
            return E_INVALID;
    for (unsigned i = 0; i < s->settings.partitions; i++) {
        struct partition_map *p = &s->partition[i];
        for (unsigned k = 0; k < m->create[i].count; k++)
            add_replica(s, p, m->create[i].member[k], REPLICA_PRESENT);
        begin_generation(p);
        p->leader = m->create[i].member[0];
    }
    return 0;
}

static void take_out(struct replica *r, unsigned *count, unsigned at)
{
    memmove(r + at, r + at + 1, (*count - at - 1) * sizeof *r);
    --*count;
}

/* A member has one replica of a partition; only one that goes may stand beside it. */
static bool has_lasting(const struct partition_map *p, uint64_t member)
{
    const struct replica *r = meta_replica_of(p, member);
    return r && r->state != REPLICA_REMOVING;
}

static void add_one(struct meta_state *s, struct partition_map *p, uint64_t member)
{
    if (p->replica_count < META_REPLICAS_MAX && meta_member(s, member) && !has_lasting(p, member))
        add_replica(s, p, member, REPLICA_ADDING);
}

static void let_go(struct partition_map *p, uint64_t id)
{
    for (unsigned i = p->frozen_count; i-- > 0;)
        if (p->frozen[i].id == id)
            take_out(p->frozen, &p->frozen_count, i);
}

static void change_replica(struct meta_state *s, const struct meta_change *change)
{
    struct partition_map *p = &s->partition[change->partition];
    unsigned at = 0;
    while (at < p->replica_count && p->replica[at].id != change->id)
        at++;
    struct replica *r = at < p->replica_count ? &p->replica[at] : NULL;
    if (change->what == CHANGE_LEADER && meta_replica_of(p, change->id))
        p->leader = change->id;
    else if (change->what == CHANGE_ADD)
        add_one(s, p, change->id);
    else if (change->what == CHANGE_PRESENT && r && meta_replica_of(p, r->member) == r) /* added, or needed again */
        r->state = REPLICA_PRESENT;
    else if (change->what == CHANGE_REMOVE && r)
        r->state = REPLICA_REMOVING;
    else if (change->what == CHANGE_GONE && r && r->state == REPLICA_REMOVING)
        take_out(p->replica, &p->replica_count, at);
    else if (change->what == CHANGE_LET_GO)
        let_go(p, change->id);
}

/* What does not fit what is there has no effect: it was proposed of an older state. */
static int change_replicas(struct meta_state *s, const struct meta_command *m)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->change[i].partition < META_PARTITIONS_MAX && s->partition[m->change[i].partition].generation)
            change_replica(s, &m->change[i]);
    return 0;
}

static void drop_frozen_of_the_dead(const struct meta_state *s, struct partition_map *p)
{
    for (unsigned i = p->frozen_count; i-- > 0;)
        if (!meta_member(s, p->frozen[i].member))
            take_out(p->frozen, &p->frozen_count, i);
}

/* R-REBUILD: what survives of the old generation is kept, frozen, until the new one is whole. When there are more than
 * that, the oldest goes, for it is the last that anything would be built from, but not the one it is built from now. */
static void freeze_replicas(const struct meta_state *s, struct partition_map *p, uint64_t donor)
{
    drop_frozen_of_the_dead(s, p);
    for (unsigned i = 0; i < p->replica_count; i++) {
        if (!meta_member(s, p->replica[i].member))
            continue;
        if (p->frozen_count == META_REPLICAS_MAX)
            take_out(p->frozen, &p->frozen_count, p->frozen[0].id == donor);
        p->frozen[p->frozen_count++] = p->replica[i];
    }
    p->replica_count = 0;
}

static const struct replica *find_donor(const struct partition_map *p, uint64_t id)
{
    for (unsigned i = 0; i < p->frozen_count; i++)
        if (p->frozen[i].id == id)
            return &p->frozen[i];
    return meta_replica(p, id);
}

/* R-REBUILD: the new generation is built where its donor is. */
static bool may_rebuild(const struct meta_state *s, const struct partition_map *p, uint64_t donor, uint64_t member)
{
    const struct replica *from = donor ? find_donor(p, donor) : NULL;
    return meta_member(s, member) && (!donor || (from && from->member == member));
}

static void count_lost(struct meta_state *s, uint64_t keys)
{
    s->lost++;
    if (keys == UINT64_MAX)
        s->lost_uncounted++;
    else
        s->lost_keys += keys < UINT64_MAX - s->lost_keys ? keys : UINT64_MAX - s->lost_keys;
}

static int rebuild(struct meta_state *s, const struct meta_command *m)
{
    if (m->partition >= META_PARTITIONS_MAX)
        return E_INVALID;
    struct partition_map *p = &s->partition[m->partition];
    uint64_t member = m->create[0].member[0];
    if (!p->generation || p->generation != m->generation)
        return E_MODIFIED;
    if (!may_rebuild(s, p, m->donor, member))
        return E_INVALID;
    if (p->generation == UINT32_MAX)
        return E_TOO_MANY;
    freeze_replicas(s, p, m->donor);
    add_replica(s, p, member, REPLICA_PRESENT);
    begin_generation(p);
    p->donor = m->donor;
    p->leader = member;
    if (m->donor == 0)
        count_lost(s, m->keys);
    return 0;
}

static bool is_kept(const uint64_t *kept, unsigned count, uint64_t id)
{
    for (unsigned i = 0; i < count; i++)
        if (kept[i] == id)
            return true;
    return false;
}

/* R-REFORM */
void meta_state_reform(struct meta_state *s, const uint64_t *kept, unsigned count)
{
    for (unsigned i = 0; i < s->member_count;) {
        struct meta_command gone = {.kind = META_REMOVE_MEMBER, .member = s->member[i].id};
        if (is_kept(kept, count, s->member[i].id))
            i++;
        else
            remove_member(s, &gone);
    }
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (s->partition[i].generation)
            freeze_replicas(s, &s->partition[i], 0);
}

/* R-REBUILD: nobody takes part in this generation any more. */
static int freeze(struct meta_state *s, const struct meta_command *m)
{
    if (m->partition >= META_PARTITIONS_MAX || s->partition[m->partition].generation != m->generation || !m->generation)
        return E_MODIFIED;
    freeze_replicas(s, &s->partition[m->partition], 0);
    return 0;
}

/* R-REBUILD: the new generation is whole. */
static int end_rebuild(struct meta_state *s, const struct meta_command *m)
{
    if (m->partition >= META_PARTITIONS_MAX || s->partition[m->partition].generation != m->generation)
        return E_MODIFIED;
    s->partition[m->partition].frozen_count = 0;
    return 0;
}

/* --- tickets --- */

/* Of two leaders in a row, one rotates. */
static int rotate_tickets(struct meta_state *s, const struct meta_command *m)
{
    if (m->generation != s->tickets.generation)
        return E_MODIFIED;
    if (m->time_ms > INT64_MAX)
        return E_INVALID;
    ticket_secrets_rotate(&s->tickets, m->random, m->time_ms);
    return 0;
}

/* --- the catalog --- */

int catalog_change_encode(struct buf *out, enum catalog_change what, struct slice type, struct slice bucket,
                          const struct bucket_props *props)
{
    const uint8_t head = (uint8_t)what;
    struct bucket_req req = {.bucket = bucket, .type = type, .has_type = true};
    if (props)
        req.props = *props;
    int err = buf_append(out, &head, 1);
    return err ? err : bucket_set_req_encode(out, &req);
}

int catalog_security_encode(struct buf *out, const struct security_change *change)
{
    const uint8_t head = CATALOG_SECURITY;
    int err = buf_append(out, &head, 1);
    return err ? err : security_msg_encode_change(out, change);
}

static int apply_security(struct acl *r, struct slice body)
{
    struct security_change change;
    int err = security_msg_decode_change(body, &change);
    return err ? err : acl_apply(r, &change);
}

static int change_catalog(struct catalog *c, unsigned what, const struct bucket_req *req)
{
    switch (what) {
    case CATALOG_CREATE_TYPE:
        return catalog_create_type(c, req->type, &req->props);
    case CATALOG_SET_TYPE:
        return catalog_set_type(c, req->type, &req->props);
    case CATALOG_SET_BUCKET:
        return catalog_set_bucket(c, req->type, req->bucket, &req->props);
    default:
        catalog_reset_bucket(c, req->type, req->bucket);
        return 0;
    }
}

/* What is committed is applied: whether there is room was judged by who proposed it (R-MEMORY). */
static int apply_catalog(struct meta_state *s, struct slice body)
{
    struct bucket_req req;
    struct arena arena;
    if (body.len == 0 || body.data[0] > CATALOG_CHANGE_MAX)
        return E_MALFORMED;
    if (body.data[0] == CATALOG_SECURITY)
        return apply_security(s->acl, slice_skip(body, 1));
    arena_init(&arena, CATALOG_ARENA);
    int err = bucket_set_req_decode(slice_skip(body, 1), &arena, &req);
    size_t limit = s->memory->limit;
    s->memory->limit = SIZE_MAX;
    if (!err)
        err = change_catalog(s->catalog, body.data[0], &req);
    s->memory->limit = limit;
    arena_fini(&arena);
    return err;
}

int meta_state_apply(struct meta_state *s, struct meta_command *m)
{
    switch (m->kind) {
    case META_ADD_MEMBER:
        return add_member(s, m);
    case META_REMOVE_MEMBER:
        return remove_member(s, m);
    case META_LEAVE:
        return begin_leave(s, m);
    case META_CREATE:
        return create_partitions(s, m);
    case META_REPLICAS:
        return change_replicas(s, m);
    case META_REBUILD:
        return rebuild(s, m);
    case META_FREEZE:
        return freeze(s, m);
    case META_WHOLE:
        return end_rebuild(s, m);
    case META_SEATS:
        return lower_seats(s, m);
    case META_TICKETS:
        return rotate_tickets(s, m);
    case META_TAKE_ID:
        m->member = new_id(s);
        return 0;
    default:
        return apply_catalog(s, m->body);
    }
}
