/* SPDX-License-Identifier: Apache-2.0 */
/* What a node knows of where others may be, as tables for people and as JSON for programs (docs/ephemeralctl.md names
 * its fields). Candidates come in pages: the view is begun with the first, and ended after the last. */
#ifndef EPHEMERALCTL_VIEW_DISCOVERY_H
#define EPHEMERALCTL_VIEW_DISCOVERY_H

#include "ephemeralctl/json.h"
#include "ephemeralctl/table.h"
#include "wire/status.h"

struct view_discovery {
    struct table table; /* of the candidates */
    struct json json;
    bool as_json;
    FILE *out;
};

/* Prints the node and the sources. False: not enough memory. */
bool view_discovery_begin(struct view_discovery *v, const struct status_node *s, const struct status_discovery *first,
                          bool as_json, FILE *out);
/* Adds the candidates of a page. */
void view_discovery_page(struct view_discovery *v, const struct status_discovery *page);
/* `all`: nothing failed, so that the candidates are to be printed. False: not enough memory. */
bool view_discovery_end(struct view_discovery *v, bool all);

#endif
