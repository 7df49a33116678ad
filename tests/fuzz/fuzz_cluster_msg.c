/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a cluster: every input is given to every decoder. What decodes is written, and what was written
 * decodes and is written the same again. */
#include "fuzz.h"
#include "wire/cluster_msg.h"
#include "wire/frame.h"

struct twice {
    struct buf first, second;
};

/* The body of the one frame in `out`, which an encoder has just written. */
static struct slice body_of(const struct buf *out, int err)
{
    struct slice in = buf_slice(out);
    struct frame f;
    ASSERT(err == 0);
    ASSERT(frame_take(&in, UINT32_MAX, &f) == 1 && in.len == 0);
    return f.body;
}

static void compare(struct twice *t)
{
    ASSERT(slice_eq(buf_slice(&t->first), buf_slice(&t->second)));
    buf_consume(&t->first, buf_len(&t->first));
    buf_consume(&t->second, buf_len(&t->second));
}

static bool is_refused(int err)
{
    ASSERT(err == 0 || err == E_MALFORMED || err == E_TOO_MANY);
    return err != 0;
}

#define ROUND_TRIP(name, type, put, decode)                                                                            \
    static void name(struct slice body, struct twice *t)                                                               \
    {                                                                                                                  \
        static type m;                                                                                                 \
        if (is_refused(decode(body, &m)))                                                                              \
            return;                                                                                                    \
        struct slice again = body_of(&t->first, put(&t->first, &m));                                                   \
        ASSERT(decode(again, &m) == 0);                                                                                \
        body_of(&t->second, put(&t->second, &m));                                                                      \
        compare(t);                                                                                                    \
    }

ROUND_TRIP(fuzz_status, struct status_node, cluster_msg_put_status, cluster_msg_decode_status)
ROUND_TRIP(fuzz_partitions_req, struct cluster_partitions_req, cluster_msg_put_partitions_req,
           cluster_msg_decode_partitions_req)
ROUND_TRIP(fuzz_partitions, struct cluster_partitions_resp, cluster_msg_put_partitions, cluster_msg_decode_partitions)
ROUND_TRIP(fuzz_transfers, struct cluster_transfers_resp, cluster_msg_put_transfers, cluster_msg_decode_transfers)
ROUND_TRIP(fuzz_ready_req, struct cluster_ready_req, cluster_msg_put_ready_req, cluster_msg_decode_ready_req)
ROUND_TRIP(fuzz_ready, struct cluster_ready_resp, cluster_msg_put_ready, cluster_msg_decode_ready)
ROUND_TRIP(fuzz_discovery_req, struct cluster_discovery_req, cluster_msg_put_discovery_req,
           cluster_msg_decode_discovery_req)
ROUND_TRIP(fuzz_discovery, struct status_discovery, cluster_msg_put_discovery, cluster_msg_decode_discovery)
ROUND_TRIP(fuzz_act, struct cluster_act_req, cluster_msg_put_act_req, cluster_msg_decode_act_req)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    struct twice t;
    buf_init(&t.first, SIZE_MAX / 2);
    buf_init(&t.second, SIZE_MAX / 2);
    fuzz_status(body, &t);
    fuzz_partitions_req(body, &t);
    fuzz_partitions(body, &t);
    fuzz_transfers(body, &t);
    fuzz_ready_req(body, &t);
    fuzz_ready(body, &t);
    fuzz_discovery_req(body, &t);
    fuzz_discovery(body, &t);
    fuzz_act(body, &t);
    buf_fini(&t.first);
    buf_fini(&t.second);
    return 0;
}
