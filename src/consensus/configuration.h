/* SPDX-License-Identifier: Apache-2.0 */
/* The library's configurations: of our members, as bytes, and back. */
#ifndef CONSENSUS_CONFIGURATION_H
#define CONSENSUS_CONFIGURATION_H

#include "consensus/group.h"

#include <raft.h>

/* The library wants addresses, all different; we have none here but the id itself, in decimal. */
struct configuration_address {
    char text[24];
};
/* Once for each message that is received: it has to be quick. */
struct configuration_address configuration_address(uint64_t id);

unsigned configuration_members(const struct raft_configuration *c, struct group_member out[GROUP_MEMBERS_MAX]);
/* To be closed by raft_configuration_close(), or taken by the library. E_NOMEM. */
int configuration_build(const struct group_member *m, unsigned n, struct raft_configuration *out);
/* NULL: there is no memory. */
struct blob *configuration_encode(const struct raft_configuration *c);
/* Of what rules_check_configuration() has accepted. E_NOMEM. */
int configuration_decode(struct slice encoded, struct raft_configuration *out);

#endif
