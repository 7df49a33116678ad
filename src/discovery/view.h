/* SPDX-License-Identifier: Apache-2.0 */
/* What several sources know, as one view. Kept twice: the one that was told, and room to make the next one. */
#ifndef DISCOVERY_VIEW_H
#define DISCOVERY_VIEW_H

#include "discovery/source.h"

struct view {
    struct discovery_candidate candidates[DISCOVERY_CANDIDATES_MAX];
    struct discovery_view view; /* of these */
    bool too_many;              /* there were more */
};

void view_make(struct view *v, struct source *const *sources, size_t count);
/* Of one source: what it lists now. */
unsigned view_nodes_of(const struct source *s);
unsigned view_addresses_of(const struct source *s);
bool view_lists(const struct source *s, const struct discovery_candidate *c);
bool view_equal(const struct view *a, const struct view *b);

#endif
