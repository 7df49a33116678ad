/* SPDX-License-Identifier: Apache-2.0 */
#include "map/ticket_secrets.h"

#include <string.h>

/* A place in front; what falls off at the end is gone, because the memory is written over. */
static int push(struct ticket_secrets *t, const uint8_t random[RATCHET_SIZE])
{
    uint8_t made[RATCHET_SIZE];
    int err = ratchet_step(&t->ratchet, random, made);
    if (err)
        return err;
    memmove(t->secret[1], t->secret[0], sizeof t->secret - sizeof t->secret[0]);
    memcpy(t->secret[0], made, sizeof made);
    explicit_bzero(made, sizeof made);
    t->count += t->count < TICKET_SECRETS_MAX;
    return 0;
}

int ticket_secrets_begin(struct ticket_secrets *t, const uint8_t random[RATCHET_SIZE], uint64_t now_ms)
{
    static const uint8_t none[RATCHET_SIZE];
    *t = (struct ticket_secrets){.rotated_ms = now_ms};
    memcpy(t->ratchet.key, random, sizeof t->ratchet.key);
    int err = push(t, none);
    return err ? err : push(t, none);
}

void ticket_secrets_rotate(struct ticket_secrets *t, const uint8_t random[RATCHET_SIZE], uint64_t now_ms)
{
    uint32_t generation = t->generation + 1;
    /* Once wiped, it stays so: what follows from a key of zeros is no secret. */
    if (!t->count || push(t, random))
        ticket_secrets_wipe(t);
    t->generation = generation;
    t->rotated_ms = now_ms;
}

unsigned ticket_secrets_current(const struct ticket_secrets *t)
{
    return t->count > 1;
}

void ticket_secrets_wipe(struct ticket_secrets *t)
{
    explicit_bzero(t, sizeof *t);
}
