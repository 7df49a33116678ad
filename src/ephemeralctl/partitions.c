/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/partitions.h"

#include "base/err.h"

/* Gives a page to the caller and moves *from past it. */
static int take_page(const struct cluster_partitions_resp *page, uint32_t *from, partitions_each each, void *arg)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct status_partition *one = &page->partition[i];
        if (one->number < *from || one->number >= PARTITIONS_MAX)
            return E_MISMATCH;
        *from = one->number + 1;
        each(arg, one);
    }
    return 0;
}

int partitions_walk(struct client *c, partitions_each each, void *arg)
{
    struct cluster_partitions_resp page;
    uint32_t from = 0;
    do {
        int err = client_cluster_partitions(c, from, &page);
        if (!err)
            err = take_page(&page, &from, each, arg);
        if (err)
            return err;
    } while (page.count && from < page.total);
    return 0;
}
