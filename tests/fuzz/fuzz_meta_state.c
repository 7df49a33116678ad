/* SPDX-License-Identifier: Apache-2.0 */
/* The meta state: a copy as a peer sends it, then commands as a meta leader sends them. Whatever they say, the state
 * stays one that can be copied, and that placement can work on.
 *
 * Input: the length of a state in two bytes, and the state (0: an empty one of three members); then commands, each with
 * its length in two bytes in front; a length of 0: a re-forming. */
#include "base/err.h"
#include "map/meta_state.h"
#include "fuzz.h"

#include <stdlib.h>

static const struct hash_key key = {3, 4};

static struct meta_state *own_state(struct store_memory *memory)
{
    struct meta_state *s;
    ASSERT(meta_state_create(memory, &key, &s) == 0);
    s->epoch = 1;
    s->settings = (struct meta_settings){5, 3, 64, 100, 300, 5000, 1000, 60000, 0};
    for (uint8_t i = 1; i <= 3; i++) {
        struct member m = {.incarnation = {{i}}};
        ASSERT(meta_state_add(s, &m) == i);
    }
    return s;
}

static struct meta_state *copy_of(const struct meta_state *s)
{
    struct meta_state *copy;
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    ASSERT(meta_state_encode(s, &b) == 0);
    ASSERT(meta_state_decode(s->memory, buf_slice(&b), &copy) == 0);
    buf_fini(&b);
    return copy;
}

/* All but the catalog, whose changes may stand in another order. */
static void check_same(const struct meta_state *a, const struct meta_state *b)
{
    ASSERT(a->epoch == b->epoch && a->next_id == b->next_id && a->lost == b->lost);
    ASSERT(a->member_count == b->member_count && a->dead_count == b->dead_count);
    for (unsigned i = 0; i < a->member_count; i++)
        ASSERT(a->member[i].id == b->member[i].id && a->member[i].state == b->member[i].state);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        const struct partition_map *p = &a->partition[i], *q = &b->partition[i];
        ASSERT(p->generation == q->generation && p->leader == q->leader && p->donor == q->donor);
        ASSERT(p->birth_count == q->birth_count && p->replica_count == q->replica_count);
        ASSERT(p->frozen_count == q->frozen_count);
        for (unsigned k = 0; k < p->replica_count; k++)
            ASSERT(p->replica[k].id == q->replica[k].id && p->replica[k].member == q->replica[k].member);
    }
}

static void check_copy(const struct meta_state *s)
{
    struct meta_state *copy = copy_of(s);
    check_same(s, copy);
    meta_state_destroy(&copy);
}

/* What the meta leader makes of it. */
static void place(const struct meta_state *s)
{
    struct placement_partition p[META_PARTITIONS_MAX];
    uint64_t live[META_MEMBERS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < s->member_count; i++)
        if (s->member[i].state == MEMBER_LIVE)
            live[n++] = s->member[i].id;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        const struct partition_map *map = &s->partition[i];
        p[i] = (struct placement_partition){.leader = map->leader};
        for (unsigned k = 0; k < map->replica_count && p[i].count < PLACEMENT_REPLICAS_MAX; k++)
            if (map->replica[k].state != REPLICA_REMOVING)
                p[i].member[p[i].count++] = map->replica[k].member;
    }
    placement_compute(live, n, s->settings.replicas, p, META_PARTITIONS_MAX);
    unsigned wanted = s->settings.replicas < n ? s->settings.replicas : n;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        ASSERT(p[i].count == wanted);
}

static void check_written(const struct meta_command *m, struct slice in)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    struct coder c = coder_writer(&b);
    code_meta_command(&c, (struct meta_command *)(uintptr_t)m);
    ASSERT(coder_end(&c) == 0 && slice_eq(buf_slice(&b), in));
    buf_fini(&b);
}

static void give(struct meta_state *s, struct slice in)
{
    struct meta_command *m = calloc(1, sizeof *m);
    ASSERT(m);
    struct coder c = coder_reader(in);
    code_meta_command(&c, m);
    ASSERT(c.err == 0 || c.err == E_MALFORMED);
    if (coder_end(&c) == 0) {
        uint64_t next_id = s->next_id, limit = s->memory->limit;
        check_written(m, in);
        int err = meta_state_apply(s, m);
        ASSERT(err_known(err) && err != E_NOMEM && err != E_FULL);
        ASSERT(s->next_id >= next_id && s->memory->limit == limit);
    }
    free(m);
}

static void reform(struct meta_state *s)
{
    uint64_t kept[2] = {1, s->member_count ? s->member[s->member_count - 1].id : 0};
    meta_state_reform(s, kept, 2);
    ASSERT(s->member_count <= 2);
}

static struct meta_state *begin(struct store_memory *memory, struct slice *in)
{
    struct meta_state *s;
    size_t len = (size_t)fuzz_number(in, 2);
    if (!len)
        return own_state(memory);
    int err = meta_state_decode(memory, fuzz_take(in, len), &s);
    ASSERT(err == 0 || err == E_MALFORMED);
    ASSERT(!err == (s != NULL));
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct store_memory memory = {0, 1 << 20};
    struct meta_state *s = begin(&memory, &in);
    if (s) {
        check_copy(s);
        place(s);
    }
    while (s && in.len) {
        size_t len = (size_t)fuzz_number(&in, 2);
        if (len)
            give(s, fuzz_take(&in, len));
        else
            reform(s);
    }
    if (s) {
        check_copy(s);
        place(s);
    }
    meta_state_destroy(&s);
    ASSERT(memory.used == 0);
    return 0;
}
