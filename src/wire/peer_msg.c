/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/peer_msg.h"

/* --- frames --- */

int peer_frame_begin(struct buf *out, enum peer_msg_kind kind, size_t *start)
{
    const uint8_t head[PEER_FRAME_HEAD] = {0, 0, 0, 0, (uint8_t)kind};
    *start = buf_len(out);
    return buf_append(out, head, sizeof head);
}

void peer_frame_end(struct buf *out, size_t start)
{
    size_t len = buf_len(out) - start - 4;
    uint8_t *at = out->data + out->start + start;
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(len >> (24 - 8 * i));
}

int peer_frame_next(struct slice *in, size_t max, unsigned *kind, struct slice *body, size_t *need)
{
    *need = PEER_FRAME_HEAD;
    if (in->len < PEER_FRAME_HEAD)
        return 0;
    size_t len = (size_t)in->data[0] << 24 | (size_t)in->data[1] << 16 | (size_t)in->data[2] << 8 | in->data[3];
    *kind = in->data[4];
    if (len == 0 || *kind == 0 || *kind >= PEER_KIND_COUNT)
        return E_MALFORMED;
    if (len > max)
        return E_TOO_LARGE;
    *need = 4 + len;
    if (in->len < *need)
        return 0;
    *body = slice_make(in->data + PEER_FRAME_HEAD, len - 1);
    *in = slice_skip(*in, *need);
    return 1;
}

/* --- messages --- */

void code_hello(struct coder *c, struct peer_hello *m)
{
    code_u16(c, &m->version);
    code_enum(c, &m->plane, PLANE_COUNT - 1);
    code_text(c, m->name, sizeof m->name);
    code_bytes(c, m->incarnation.b, sizeof m->incarnation.b);
    code_text(c, m->address, sizeof m->address);
    code_u16(c, &m->epmd_port);
    code_u16(c, &m->handoff_port);
    code_text(c, m->place, sizeof m->place);
}

void code_not_reached(struct coder *c, struct peer_not_reached *m)
{
    code_text(c, m->why, sizeof m->why);
}

void code_beacon(struct coder *c, struct peer_beacon *m)
{
    code_enum(c, &m->state, PEER_STATE_MAX);
    code_bool(c, &m->serving);
    code_u32(c, &m->n);
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->highest_epoch);
    code_u64(c, &m->wall_ms);
    code_u64(c, &m->meta_term);
    code_u64(c, &m->meta_index);
    code_bool(c, &m->leads);
    code_bool(c, &m->leaving);
    code_text(c, m->leader_address, sizeof m->leader_address);
    code_u16(c, &m->leader_port);
    code_bool(c, &m->survivors);
    code_u32(c, &m->left);
}

void code_offer(struct coder *c, struct peer_offer *m)
{
    code_u64(c, &m->proposal);
    code_bool(c, &m->reform);
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u32(c, &m->left);
}

void code_accept(struct coder *c, struct peer_accept *m)
{
    code_u64(c, &m->proposal);
    code_bool(c, &m->accepted);
    code_u64(c, &m->time_ms);
}

/* Distinct, and none of them 0. */
static bool are_ids(const uint64_t *ids, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!ids[i])
            return false;
        for (unsigned k = 0; k < i; k++)
            if (ids[k] == ids[i])
                return false;
    }
    return true;
}

void code_start(struct coder *c, struct peer_start *m)
{
    code_u64(c, &m->proposal);
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->index);
    code_u64(c, &m->term);
    code_count(c, &m->voter_count, PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->voter_count; i++)
        code_u64(c, &m->voters[i]);
    code_slice(c, &m->state);
    if (!c->out && !c->err && !are_ids(m->voters, m->voter_count))
        c->err = E_MALFORMED; /* R-ID */
}

void code_admit(struct coder *c, struct peer_admit *m)
{
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->member);
    code_u64(c, &m->leader);
}

void code_renew(struct coder *c, struct peer_renew *m)
{
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->member);
    code_u64(c, &m->sent_ms);
    code_u64(c, &m->applied);
    code_u64(c, &m->memory_used);
    code_u64(c, &m->memory_limit);
    code_u64(c, &m->unreachable);
    code_bool(c, &m->leaving);
    code_count(c, &m->replica_count, PEER_REPLICAS_MAX);
}

void code_known(struct coder *c, struct peer_known *m)
{
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->member);
    code_u64(c, &m->applied);
}

void code_replica(struct coder *c, struct peer_replica *m)
{
    code_u16(c, &m->partition);
    code_u32(c, &m->generation);
    code_u64(c, &m->replica);
    code_bool(c, &m->leads);
    code_bool(c, &m->whole);
    code_bool(c, &m->frozen);
    code_bool(c, &m->broken);
    code_bool(c, &m->no_room);
    code_u64(c, &m->last_term);
    code_u64(c, &m->last_index);
    code_u64(c, &m->keys);
    code_count(c, &m->member_count, PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->member_count; i++) {
        code_u64(c, &m->member[i].replica);
        code_bool(c, &m->member[i].voter);
        code_u64(c, &m->member[i].lag);
    }
}

static void code_load(struct coder *c, struct peer_load *m)
{
    code_u64(c, &m->member);
    code_u64(c, &m->memory_used);
    code_u64(c, &m->memory_limit);
    code_u64(c, &m->keys);
    code_u64(c, &m->lag);
    code_bool(c, &m->suspect);
}

void code_grant(struct coder *c, struct peer_grant *m)
{
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u64(c, &m->sent_ms);
    code_u64(c, &m->index);
    code_bool(c, &m->settled);
    code_u64(c, &m->time_ms);
    code_count(c, &m->member_count, PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->member_count; i++)
        code_load(c, &m->member[i]);
    code_count(c, &m->partition_count, PEER_REPLICAS_MAX);
    for (unsigned i = 0; i < m->partition_count; i++)
        code_u64(c, &m->keys[i]);
}

void code_envelope(struct coder *c, struct peer_envelope *m)
{
    code_bytes(c, m->cluster_id.b, sizeof m->cluster_id.b);
    code_u64(c, &m->epoch);
    code_u16(c, &m->group);
    code_u32(c, &m->generation);
}

void code_round(struct coder *c, struct peer_round *m)
{
    code_u16(c, &m->group);
    code_u32(c, &m->generation);
    code_u64(c, &m->source);
    code_u64(c, &m->destination);
    code_u64(c, &m->term);
    code_u64(c, &m->round);
    code_u64(c, &m->time_ms);
    code_u64(c, &m->stamp_ms);
    code_bool(c, &m->yes);
}

void code_copy(struct coder *c, struct peer_copy *m)
{
    code_envelope(c, &m->envelope);
    code_u64(c, &m->source);
    code_u64(c, &m->destination);
    code_u64(c, &m->term);
    code_u64(c, &m->number);
    code_u64(c, &m->offset);
    code_u64(c, &m->index);
    code_slice(c, &m->bytes);
}

static void code_mark(struct coder *c, struct peer_mark *m)
{
    code_u64(c, &m->epoch);
    code_u32(c, &m->generation);
    code_u64(c, &m->index);
    code_u64(c, &m->term);
}

void code_request(struct coder *c, struct peer_request *m)
{
    code_u64(c, &m->number);
    code_enum(c, &m->kind, PEER_REQUEST_KIND_MAX);
    code_u16(c, &m->partition);
    code_bool(c, &m->wants_object);
    code_u32(c, &m->time_ms);
    code_u64(c, &m->cursor);
    code_u64(c, &m->end);
    code_mark(c, &m->floor);
    code_slice(c, &m->body);
}

void code_answer(struct coder *c, struct peer_answer *m)
{
    code_u64(c, &m->number);
    code_enum(c, &m->status, PEER_ANSWER_STATUS_MAX);
    code_u64(c, &m->leader);
    code_mark(c, &m->mark);
    code_slice(c, &m->body);
}
