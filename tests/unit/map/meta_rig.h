/* SPDX-License-Identifier: Apache-2.0 */
/* Meta states to be changed, copied and compared. */
#ifndef CLUSTER_META_RIG_H
#define CLUSTER_META_RIG_H

#include "map/meta_state.h"

extern struct store_memory meta_rig_memory;     /* every state's; a test may change its limit */
extern const struct bucket_props meta_rig_many; /* some properties */

struct meta_state *meta_rig_empty_state(void);
/* Members 1 to n; every partition has replicas on the first three of them. */
struct meta_state *meta_rig_created_state(unsigned n);
void meta_rig_destroy(struct meta_state *s); /* and all memory is given back */

struct member meta_rig_somebody(unsigned number);
int meta_rig_apply(struct meta_state *s, struct meta_command m);
uint64_t meta_rig_join(struct meta_state *s, unsigned number);
void meta_rig_change(struct meta_state *s, unsigned partition, enum replica_change what, uint64_t id);
int meta_rig_rebuild(struct meta_state *s, unsigned partition, uint64_t donor, uint64_t member);
int meta_rig_change_catalog(struct meta_state *s, enum catalog_change what, const char *type, const char *bucket,
                            const struct bucket_props *props);
int meta_rig_change_security(struct meta_state *s, const struct security_change *change);

void meta_rig_expect_equal(const struct meta_state *a, const struct meta_state *b);
/* Through its bytes: what meta_state_decode() returned. */
int meta_rig_copy_of(const struct meta_state *s, struct meta_state **out);
void meta_rig_expect_copy(const struct meta_state *s); /* it can be copied, and the copy is equal */

#endif
