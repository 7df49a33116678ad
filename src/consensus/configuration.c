/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/configuration.h"

#include "base/err.h"

#include <string.h>

static const int library_role[] = {
    [GROUP_SPARE] = RAFT_SPARE, [GROUP_STANDBY] = RAFT_STANDBY, [GROUP_VOTER] = RAFT_VOTER};

static enum group_role our_role(int role)
{
    return role == RAFT_VOTER ? GROUP_VOTER : role == RAFT_STANDBY ? GROUP_STANDBY : GROUP_SPARE;
}

struct configuration_address configuration_address(uint64_t id)
{
    struct configuration_address a;
    char digits[sizeof a.text], *p = digits + sizeof digits;
    *--p = '\0';
    do
        *--p = (char)('0' + id % 10);
    while ((id /= 10) != 0);
    memcpy(a.text, p, (size_t)(digits + sizeof digits - p));
    return a;
}

unsigned configuration_members(const struct raft_configuration *c, struct group_member out[GROUP_MEMBERS_MAX])
{
    for (unsigned i = 0; i < c->n; i++)
        out[i] = (struct group_member){c->servers[i].id, our_role(c->servers[i].role)};
    return c->n;
}

int configuration_build(const struct group_member *m, unsigned n, struct raft_configuration *out)
{
    raft_configuration_init(out);
    for (unsigned i = 0; i < n; i++)
        if (raft_configuration_add(out, m[i].id, configuration_address(m[i].id).text, library_role[m[i].role])) {
            raft_configuration_close(out);
            return E_NOMEM;
        }
    return 0;
}

struct blob *configuration_encode(const struct raft_configuration *c)
{
    struct raft_buffer encoded;
    if (raft_configuration_encode(c, &encoded))
        return NULL;
    struct blob *b = blob_create(encoded.len);
    if (b)
        memcpy(b->data, encoded.base, encoded.len);
    raft_free(encoded.base);
    return b;
}

int configuration_decode(struct slice encoded, struct raft_configuration *out)
{
    struct raft_buffer b = {(void *)(uintptr_t)encoded.data, encoded.len};
    return raft_configuration_decode(&b, out) ? E_NOMEM : 0; /* its form was checked */
}
