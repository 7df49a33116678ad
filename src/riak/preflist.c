/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps a key (riak-protocol.md section 3): as many entries as the bucket's n_val, as in Riak, of the nodes that
 * there are, counted around. Riak's partitions are each on one node; ours are each on several, so the following numbers
 * stand for the further replicas. */
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/kv.h"
#include "wire/bucket_msg.h"

#include <stdio.h>

static int put_items(struct session *s, const struct store_key *k, uint32_t n_val)
{
    int err = 0;
    for (uint32_t i = 0; !err && i < n_val; i++) {
        char node[128];
        unsigned partition;
        const char *address = router_keeper(s->server->router, k, i, &partition);
        snprintf(node, sizeof node, "riak@%s", address ? address : "nobody");
        err = bucket_preflist_item_encode(session_out(s), partition, slice_str(node));
    }
    return err;
}

void preflist_get(struct session *s, struct slice body)
{
    struct bucket_preflist_req req;
    struct target t;
    struct outcome refused;
    size_t mark;
    arena_reset(&riak_of(s)->arena);
    if (bucket_preflist_req_decode(body, &riak_of(s)->arena, &req)) {
        riak_refuse_malformed(s, "RpbGetBucketKeyPreflistReq");
        return;
    }
    struct key_names n = {req.type, req.bucket, req.key, req.has_type};
    if (!key_names_check_given(&n, &refused) || !key_names_check_lengths(&n, &refused) ||
        !target_resolve(&s->server->api, &s->who, MAY_GET_PREFLIST, &n, &t, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    int err = frame_begin(session_out(s), MSG_PREFLIST_RESP, &mark);
    if (!err)
        err = put_items(s, &t.key, t.rules->n_val);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}
