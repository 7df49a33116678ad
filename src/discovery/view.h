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
bool view_equal(const struct view *a, const struct view *b);

#endif
