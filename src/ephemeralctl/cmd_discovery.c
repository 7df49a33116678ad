/* SPDX-License-Identifier: Apache-2.0 */
/* Where a node looks for others, and why those that it has found are no members. */
#include "ephemeralctl/command.h"
#include "ephemeralctl/view_discovery.h"

#include <sysexits.h>

#define CANDIDATES_MAX 4096 /* a node knows of some hundred places */

/* The pages after the first. */
static int read_pages(struct context *x, struct view_discovery *v, struct status_discovery *page)
{
    uint32_t from = 0;
    for (;;) {
        view_discovery_page(v, page);
        from += (uint32_t)page->candidate_count;
        if (page->candidate_count == 0 || from >= page->candidate_total || from >= CANDIDATES_MAX)
            return EX_OK;
        int err = client_cluster_discovery(x->client, from, page);
        if (err)
            return command_failed(x, err);
    }
}

int cmd_discovery(struct context *x)
{
    struct status_discovery page;
    struct view_discovery v;
    struct status_node s;
    int err = client_cluster_status(x->client, &s);
    if (!err)
        err = client_cluster_discovery(x->client, 0, &page);
    if (err)
        return command_failed(x, err);
    bool ok = view_discovery_begin(&v, &s, &page, x->options->output == OUTPUT_JSON, stdout);
    int status = ok ? read_pages(x, &v, &page) : EX_OSERR;
    ok &= view_discovery_end(&v, status == EX_OK);
    if (!ok)
        fputs("ephemeralctl: out of memory\n", stderr);
    return ok ? status : EX_OSERR;
}
