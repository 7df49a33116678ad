/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ask.h"

const struct router_ops router_calls = {
    .unavailable = router_unavailable,
    .obstacle = router_obstacle,
    .is_current = router_is_current,
    .forget = router_forget,
    .read = router_read,
    .write = router_write,
    .create_type = router_create_type,
    .set_type = router_set_type,
    .set_bucket = router_set_bucket,
    .reset_bucket = router_reset_bucket,
    .change_security = router_change_security,
    .list_keys = router_list_keys,
    .list_buckets = router_list_buckets,
    .query = router_query,
};
