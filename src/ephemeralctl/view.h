/* SPDX-License-Identifier: Apache-2.0 */
/* What a node tells about its cluster, as tables for people and as JSON for programs (docs/ephemeralctl.md names its
 * fields). The text functions return false when there was not enough memory. */
#ifndef EPHEMERALCTL_VIEW_H
#define EPHEMERALCTL_VIEW_H

#include "ephemeralctl/json.h"
#include "ephemeralctl/table.h"
#include "wire/status.h"

/* A line for each thing that the node says of the cluster, then the members. */
bool view_status(const struct status_node *s, FILE *out);
void view_status_json(const struct status_node *s, FILE *out);
bool view_members(const struct status_node *s, FILE *out);
void view_members_json(const struct status_node *s, FILE *out);

/* Members are named by what `s` says of them. Partitions come in pages: a table is begun, rows are added, and it is
 * printed; JSON is written as it comes. */
void view_partitions_begin(struct table *t);
void view_partition(struct table *t, const struct status_node *s, const struct status_partition *p);
void view_partition_json(struct json *j, const struct status_node *s, const struct status_partition *p);

bool view_transfers(const struct status_node *s, const struct status_transfer *t, size_t count, FILE *out);
void view_transfers_json(const struct status_node *s, const struct status_transfer *t, size_t count, FILE *out);

#endif
