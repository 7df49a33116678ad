/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/client_impl.h"

#include <stdio.h>
#include <string.h>

struct history_op *client_present(struct client *c)
{
    return history_at(&c->world->history, c->op);
}

static const enum history_kind kind_of[ASK_KINDS] = {
    [ASK_PUT] = HISTORY_PUT,       [ASK_CREATE] = HISTORY_CREATE, [ASK_CAS] = HISTORY_CAS,
    [ASK_DELETE] = HISTORY_DELETE, [ASK_GET] = HISTORY_GET,       [ASK_GET_ANY] = HISTORY_GET1,
    [ASK_QUERY] = HISTORY_GET,     [ASK_MAP] = HISTORY_GET,       [ASK_KEYS] = HISTORY_LIST,
    [ASK_ADD] = HISTORY_ADD,       [ASK_COUNT] = HISTORY_COUNT,   [ASK_GRANT] = HISTORY_GRANT,
    [ASK_REVOKE] = HISTORY_REVOKE,
};

struct names client_names(unsigned key)
{
    struct names n = {"", SIM_BUCKET, ""};
    if (key < SIM_KEYS_MAX) {
        snprintf(n.key, sizeof n.key, SIM_KEY, key);
    } else if (key < SIM_PERMISSION) {
        n.bucket = SIM_COUNTED;
        snprintf(n.key, sizeof n.key, "counter-%u", key - SIM_KEYS_MAX);
    } else if (key > SIM_PERMISSION) {
        unsigned set = (key - SIM_ELEMENT(0, 0)) / SIM_ELEMENTS;
        n.type = sets_type(set);
        n.bucket = SIM_SET_NAMES;
        snprintf(n.key, sizeof n.key, "set-%u", set);
    }
    return n;
}

/* R-FLOOR: another for each connection. */
static uint32_t client_name(const struct client *c)
{
    return c->connections * 1000 + c->number + 1;
}

/* One operation for each element that is looked for, added or removed. */
static void note_asked_of_set(struct client *c)
{
    uint32_t number = c->kind == ASK_MEMBERS ? ++c->world->witness.values : 0;
    c->value = number;
    c->ops = 0;
    for (unsigned i = 0; i < SIM_ELEMENTS; i++) {
        bool adds = c->adds & 1u << i, removes = c->removes & 1u << i;
        struct history_op op = {.client = client_name(c),
                                .begin = c->world->now_us,
                                .end = HISTORY_NEVER,
                                .kind = c->kind == ASK_MEMBERS ? HISTORY_MEMBER
                                        : adds                 ? HISTORY_INCLUDE
                                                               : HISTORY_EXCLUDE,
                                .key = SIM_ELEMENT(c->set, i) + 1,
                                .value = number,
                                .expected = removes ? c->set_seen[c->set].answer : 0,
                                .outcome = HISTORY_UNKNOWN};
        if (c->kind == ASK_CHANGE && !adds && !removes)
            continue;
        size_t place = history_add(&c->world->history, &op);
        c->op = c->ops++ ? c->op : place;
    }
}

/* One operation for each key: of a job c->ops from c->key on, of a list all. */
static void note_asked_of_many(struct client *c)
{
    unsigned keys = c->world->options.keys, from = c->kind == ASK_MAP ? c->key : 0;
    if (c->kind == ASK_KEYS)
        c->ops = keys;
    for (unsigned i = 0; i < c->ops; i++) {
        struct history_op op = {.client = client_name(c),
                                .begin = c->world->now_us,
                                .end = HISTORY_NEVER,
                                .kind = kind_of[c->kind],
                                .key = (from + i) % keys + 1,
                                .outcome = HISTORY_UNKNOWN};
        size_t place = history_add(&c->world->history, &op);
        c->op = i ? c->op : place;
    }
}

void client_note_asked(struct client *c)
{
    c->asked = true;
    if (!client_is_noted(c))
        return;
    if (client_is_at_set(c)) {
        note_asked_of_set(c);
        return;
    }
    if (c->kind == ASK_KEYS || c->kind == ASK_MAP) {
        note_asked_of_many(c);
        return;
    }
    c->ops = 1;
    struct history_op op = {.client = client_name(c),
                            .begin = c->world->now_us,
                            .end = HISTORY_NEVER,
                            .kind = kind_of[c->kind],
                            .key = c->key + 1,
                            .value = client_writes(c) ? c->value : 0,
                            .expected = c->kind == ASK_CAS ? c->seen[c->key].value : 0,
                            .outcome = HISTORY_UNKNOWN};
    c->op = history_add(&c->world->history, &op);
    op.kind = HISTORY_MAY;
    op.key = SIM_PERMISSION + 1;
    if (c->kind == ASK_QUERY && !c->operates)
        c->may = history_add(&c->world->history, &op);
}

void client_note_permission(struct client *c, enum history_outcome outcome)
{
    if (c->kind != ASK_QUERY || c->operates)
        return;
    struct history_op *op = history_at(&c->world->history, c->may);
    op->outcome = outcome;
    op->end = c->world->now_us;
}

/* A key that expires is not there for ever, and not for a shorter time than was said, as far as clocks agree. */
static void note_expiry(struct client *c, bool known)
{
    const struct world *w = c->world;
    uint64_t ttl_us = c->ttl_s * SECOND_US;
    uint64_t early_us = faults_clock_error_us(w), late_us = faults_outage_us(w);
    struct history_op op = {.client = 0,
                            .begin = c->ttl_from_us + (ttl_us > early_us ? ttl_us - early_us : 0),
                            .end = known ? w->now_us + ttl_us + late_us : HISTORY_NEVER,
                            .kind = HISTORY_EXPIRE,
                            .key = c->key + 1,
                            .value = c->value,
                            .outcome = known ? HISTORY_OK : HISTORY_UNKNOWN};
    history_add(&c->world->history, &op);
}

void client_note_answer(struct client *c, enum history_outcome outcome, struct slice vclock)
{
    struct history_op *op = client_present(c);
    c->asked = false;
    if (!client_is_noted(c))
        return;
    for (size_t i = 0; i < c->ops; i++) {
        op[i].outcome = outcome;
        op[i].end = outcome == HISTORY_UNKNOWN ? HISTORY_NEVER : c->world->now_us;
    }
    if (vclock.len == VCLOCK_SIZE) {
        memcpy(op->revision, vclock.data, VCLOCK_SIZE);
        op->revision_len = VCLOCK_SIZE;
    }
    if (c->ttl_s && outcome != HISTORY_FAILED && outcome != HISTORY_EXISTS && outcome != HISTORY_MODIFIED &&
        outcome != HISTORY_ABSENT)
        note_expiry(c, outcome == HISTORY_OK);
    c->answered += outcome != HISTORY_UNKNOWN;
    c->world->witness.answered += outcome != HISTORY_UNKNOWN && outcome != HISTORY_FAILED;
}

void client_note_mapped(struct client *c)
{
    client_note_answer(c, HISTORY_OK, slice_make(NULL, 0));
    struct history_op *op = client_present(c);
    for (size_t i = 0; i < c->ops; i++) {
        op[i].value = c->mapped[i];
        op[i].outcome = c->mapped[i] ? HISTORY_OK : HISTORY_ABSENT;
    }
}

void client_note_there(struct client *c, const uint64_t *there)
{
    client_note_answer(c, HISTORY_OK, slice_make(NULL, 0));
    struct history_op *op = client_present(c);
    for (size_t i = 0; i < c->ops; i++)
        op[i].outcome = there[i / 64] >> i % 64 & 1 ? HISTORY_OK : HISTORY_ABSENT;
}
