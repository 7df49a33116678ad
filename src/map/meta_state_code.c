/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "map/meta_state.h"

static void code_member(struct coder *c, struct member *m)
{
    code_u64(c, &m->id);
    code_bytes(c, m->incarnation.b, sizeof m->incarnation.b);
    code_text(c, m->address, sizeof m->address);
    code_u16(c, &m->epmd_port);
    code_u16(c, &m->handoff_port);
    code_text(c, m->place, sizeof m->place);
    code_enum(c, &m->state, MEMBER_STATE_MAX);
    code_u64(c, &m->joined_ms);
}

static void code_ids(struct coder *c, uint64_t *ids, unsigned *count, unsigned max)
{
    code_count(c, count, max);
    for (unsigned i = 0; i < *count; i++)
        code_u64(c, &ids[i]);
}

void code_meta_command(struct coder *c, struct meta_command *m)
{
    code_enum(c, &m->kind, META_COMMAND_MAX);
    code_u64(c, &m->member);
    switch (m->kind) {
    case META_ADD_MEMBER:
        code_member(c, &m->who);
        break;
    case META_CREATE:
        for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
            code_ids(c, m->create[i].member, &m->create[i].count, PLACEMENT_REPLICAS_MAX);
        break;
    case META_REPLICAS:
        code_count(c, &m->count, META_CHANGES_MAX);
        for (unsigned i = 0; i < m->count; i++) {
            code_u16(c, &m->change[i].partition);
            code_enum(c, &m->change[i].what, REPLICA_CHANGE_MAX);
            code_u64(c, &m->change[i].id);
        }
        break;
    case META_FREEZE:
    case META_REBUILD:
    case META_WHOLE:
        code_u16(c, &m->partition);
        code_u32(c, &m->generation);
        code_u64(c, &m->donor);
        code_u64(c, &m->create[0].member[0]);
        code_u64(c, &m->keys);
        break;
    case META_CATALOG:
        code_slice(c, &m->body);
        break;
    case META_TICKETS:
        code_u32(c, &m->generation);
        code_bytes(c, m->random, sizeof m->random);
        code_u64(c, &m->time_ms);
        break;
    case META_SEATS:
        code_count(c, &m->count, PEER_SEATS_MAX);
        break;
    default:
        break;
    }
}

/* --- the whole state --- */

static void code_replicas(struct coder *c, struct replica *r, unsigned *count)
{
    code_count(c, count, META_REPLICAS_MAX);
    for (unsigned i = 0; i < *count; i++) {
        code_u64(c, &r[i].id);
        code_u64(c, &r[i].member);
        code_enum(c, &r[i].state, REPLICA_STATE_MAX);
    }
}

static void code_partition(struct coder *c, struct partition_map *p)
{
    code_u32(c, &p->generation);
    code_u64(c, &p->leader);
    code_ids(c, p->birth, &p->birth_count, PLACEMENT_REPLICAS_MAX);
    code_u64(c, &p->donor);
    code_replicas(c, p->replica, &p->replica_count);
    code_replicas(c, p->frozen, &p->frozen_count);
}

static void code_settings(struct coder *c, struct meta_settings *s)
{
    code_u32(c, &s->expected);
    code_u32(c, &s->replicas);
    code_u32(c, &s->partitions);
    code_u32(c, &s->heartbeat_ms);
    code_u32(c, &s->election_ms);
    code_u32(c, &s->lease_ms);
    code_u32(c, &s->margin_ms);
    code_u32(c, &s->lost_after_ms);
    code_u32(c, &s->lowered_seats);
}

static void code_tickets(struct coder *c, struct ticket_secrets *t)
{
    code_u32(c, &t->generation);
    code_u64(c, &t->rotated_ms);
    code_bytes(c, t->ratchet.key, sizeof t->ratchet.key);
    code_count(c, &t->count, TICKET_SECRETS_MAX);
    for (unsigned i = 0; i < t->count; i++)
        code_bytes(c, t->secret[i], sizeof t->secret[i]);
}

/* All but the catalog; the key first, because a state is made with it. */
static void code_state(struct coder *c, struct meta_state *s)
{
    code_bytes(c, &s->key, sizeof s->key);
    code_bytes(c, s->cluster_id.b, sizeof s->cluster_id.b);
    code_u64(c, &s->epoch);
    code_bool(c, &s->all_fresh);
    code_u64(c, &s->formed_ms);
    code_settings(c, &s->settings);
    code_u64(c, &s->next_id);
    code_count(c, &s->member_count, META_MEMBERS_MAX);
    for (unsigned i = 0; i < s->member_count; i++)
        code_member(c, &s->member[i]);
    code_count(c, &s->dead_count, META_MEMBERS_MAX);
    for (unsigned i = 0; i < s->dead_count; i++) {
        code_u64(c, &s->dead[i].id);
        code_bytes(c, s->dead[i].incarnation.b, sizeof s->dead[i].incarnation.b);
    }
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        code_partition(c, &s->partition[i]);
    code_u64(c, &s->lost);
    code_u64(c, &s->lost_uncounted);
    code_u64(c, &s->lost_keys);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        code_u64(c, &s->keys_before[i]);
    code_tickets(c, &s->tickets);
}

/* --- what no node would have made --- */

/* A day: more than any setting may be. */
#define TIME_MAX_MS UINT64_C(86400000)

static bool are_settings_sane(const struct meta_settings *s)
{
    return s->expected && s->expected <= META_MEMBERS_MAX && s->replicas && s->replicas <= PLACEMENT_REPLICAS_MAX &&
           s->partitions && s->partitions <= META_PARTITIONS_MAX && s->lowered_seats <= PEER_SEATS_MAX &&
           s->heartbeat_ms && s->election_ms >= UINT64_C(3) * s->heartbeat_ms &&
           s->lease_ms >= s->election_ms && /* R-LEASE */
           s->lost_after_ms > (uint64_t)s->lease_ms + s->margin_ms && s->lost_after_ms <= TIME_MAX_MS;
}

/* R-ID: it was given out. */
static bool is_id(const struct meta_state *s, uint64_t id)
{
    return id && id < s->next_id;
}

static bool are_members_sane(const struct meta_state *s)
{
    for (unsigned i = 0; i < s->member_count; i++) {
        const struct member *m = &s->member[i];
        if (!is_id(s, m->id) || meta_member(s, m->id) != m || meta_member_by_incarnation(s, m->incarnation) != m)
            return false;
    }
    for (unsigned i = 0; i < s->dead_count; i++)
        if (!is_id(s, s->dead[i].id))
            return false;
    return true;
}

static bool are_replicas_sane(const struct meta_state *s, const struct replica *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!is_id(s, r[i].id) || !is_id(s, r[i].member))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (r[k].id == r[i].id)
                return false;
    }
    return true;
}

/* A member has one replica, beside those that go; and none is frozen and in use. */
static bool is_map_sane(const struct partition_map *p)
{
    for (unsigned i = 0; i < p->replica_count; i++)
        if (p->replica[i].state != REPLICA_REMOVING && meta_replica_of(p, p->replica[i].member) != &p->replica[i])
            return false;
    for (unsigned i = 0; i < p->frozen_count; i++)
        if (meta_replica(p, p->frozen[i].id))
            return false;
    return true;
}

static bool is_birth_sane(const struct meta_state *s, const struct partition_map *p)
{
    for (unsigned i = 0; i < p->birth_count; i++) {
        if (!is_id(s, p->birth[i]))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (p->birth[k] == p->birth[i])
                return false;
    }
    return p->birth_count != 0;
}

static bool is_partition_sane(const struct meta_state *s, const struct partition_map *p)
{
    if (!p->generation)
        return !p->leader && !p->birth_count && !p->donor && !p->replica_count && !p->frozen_count;
    return is_birth_sane(s, p) && are_replicas_sane(s, p->replica, p->replica_count) &&
           are_replicas_sane(s, p->frozen, p->frozen_count) && is_map_sane(p) && p->leader < s->next_id &&
           p->donor < s->next_id;
}

/* Partitions are created all at once, and no more than there are. */
static bool is_sane(const struct meta_state *s)
{
    if (!s->epoch || !s->next_id || s->next_id > INT64_MAX || s->formed_ms > INT64_MAX ||
        s->tickets.rotated_ms > INT64_MAX || !are_settings_sane(&s->settings) || !are_members_sane(s) ||
        s->lost_uncounted > s->lost)
        return false;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (!is_partition_sane(s, &s->partition[i]) ||
            (s->partition[i].generation != 0) != (i < s->settings.partitions && s->partition[0].generation))
            return false;
    return true;
}

/* --- the catalog --- */

/* The catalog goes as the changes that make it, and so does the acl behind it. */
struct catalog_writer {
    struct coder *coder;
    const struct catalog *catalog;
    struct buf change;
};

/* What stands in the buffer. */
static void write_change(struct catalog_writer *w, int err)
{
    struct slice body = buf_slice(&w->change);
    if (err && !w->coder->err)
        w->coder->err = err;
    code_slice(w->coder, &body);
    buf_consume(&w->change, buf_len(&w->change));
}

static void write_type(void *arg, struct slice type)
{
    struct catalog_writer *w = arg;
    struct bucket_props props;
    bool is_default = slice_is(type, "default");
    if (is_default)
        type = slice_make(NULL, 0);
    if (catalog_get_type(w->catalog, type, &props) == 0)
        write_change(w, catalog_change_encode(&w->change, is_default ? CATALOG_SET_TYPE : CATALOG_CREATE_TYPE, type,
                                              slice_make(NULL, 0), &props));
}

static void write_override(void *arg, struct slice type, struct slice bucket, const struct bucket_props *fields)
{
    struct catalog_writer *w = arg;
    write_change(w, catalog_change_encode(&w->change, CATALOG_SET_BUCKET, type, bucket, fields));
}

static void write_security(void *arg, const struct security_change *change)
{
    struct catalog_writer *w = arg;
    write_change(w, catalog_security_encode(&w->change, change));
}

static void write_catalog(struct coder *c, const struct meta_state *s)
{
    struct catalog_writer w = {.coder = c, .catalog = s->catalog};
    buf_init(&w.change, SIZE_MAX / 2);
    catalog_each_type(s->catalog, write_type, &w);
    catalog_each_override(s->catalog, write_override, &w);
    acl_each_change(s->acl, write_security, &w);
    buf_fini(&w.change);
}

static int read_catalog(struct coder *c, struct meta_state *s)
{
    while (!c->err && c->in.len) {
        struct meta_command m = {.kind = META_CATALOG};
        code_slice(c, &m.body);
        int err = c->err ? 0 : meta_state_apply(s, &m);
        if (err) /* none of the changes that make a catalog is refused */
            c->err = err == E_NOMEM ? err : E_MALFORMED;
    }
    return c->err;
}

int meta_state_encode(const struct meta_state *s, struct buf *out)
{
    struct coder c = coder_writer(out);
    /* A coder that writes changes nothing. */
    code_state(&c, (struct meta_state *)(uintptr_t)s);
    write_catalog(&c, s);
    return c.err;
}

int meta_state_decode(struct store_memory *memory, struct slice in, struct meta_state **out)
{
    struct coder c = coder_reader(in), key_first = c;
    struct hash_key key;
    *out = NULL;
    code_bytes(&key_first, &key, sizeof key);
    if (key_first.err)
        return key_first.err;
    int err = meta_state_create(memory, &key, out);
    if (err)
        return err;
    code_state(&c, *out);
    if (!c.err && !is_sane(*out))
        c.err = E_MALFORMED;
    err = c.err ? c.err : read_catalog(&c, *out);
    if (err)
        meta_state_destroy(out);
    return err;
}
