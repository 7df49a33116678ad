/* SPDX-License-Identifier: Apache-2.0 */
/* What this layer and the doors ask of the router: the calls of router/router.h, which says what they do, by way of a
 * table, so that a test can put a router of its own in front of a door. */
#ifndef API_ASK_H
#define API_ASK_H

#include "api/api.h"

struct router_ops {
    const char *(*unavailable)(const struct router *r);
    bool (*obstacle)(const struct router *r, char *out, size_t size);
    bool (*is_current)(const struct router *r);
    void (*forget)(struct router *r, struct router_request *q);
    enum router_state (*read)(struct router *r, struct router_request *q, const struct store_key *k, bool any_replica);
    enum router_state (*write)(struct router *r, struct router_request *q, struct store_command *c);
    enum router_state (*create_type)(struct router *r, struct router_request *q, struct slice type,
                                     const struct bucket_props *props);
    enum router_state (*set_type)(struct router *r, struct router_request *q, struct slice type,
                                  const struct bucket_props *fields);
    enum router_state (*set_bucket)(struct router *r, struct router_request *q, struct slice type, struct slice bucket,
                                    const struct bucket_props *fields);
    enum router_state (*reset_bucket)(struct router *r, struct router_request *q, struct slice type,
                                      struct slice bucket);
    enum router_state (*change_security)(struct router *r, struct router_request *q,
                                         const struct security_change *change);
    enum router_state (*list_keys)(struct router *r, struct router_request *q, struct router_scan *w, struct slice type,
                                   struct slice bucket, store_list_f f, void *arg);
    enum router_state (*list_buckets)(struct router *r, struct router_request *q, struct router_scan *w,
                                      struct slice type, store_list_f f, void *arg);
    enum router_state (*query)(struct router *r, struct router_request *q, struct router_scan *w, struct slice type,
                               struct slice bucket, const struct router_query *query, router_hit_f f, void *arg);
};

extern const struct router_ops router_calls; /* the router itself */

static inline const char *ask_unavailable(const struct api *a)
{
    return a->ops->unavailable(a->router);
}

static inline bool ask_obstacle(const struct api *a, char *out, size_t size)
{
    return a->ops->obstacle(a->router, out, size);
}

static inline void ask_forget(const struct api *a, struct router_request *q)
{
    a->ops->forget(a->router, q);
}

static inline enum router_state ask_read(const struct api *a, struct router_request *q, const struct store_key *k,
                                         bool any_replica)
{
    return a->ops->read(a->router, q, k, any_replica);
}

static inline enum router_state ask_write(const struct api *a, struct router_request *q, struct store_command *c)
{
    return a->ops->write(a->router, q, c);
}

static inline enum router_state ask_create_type(const struct api *a, struct router_request *q, struct slice type,
                                                const struct bucket_props *props)
{
    return a->ops->create_type(a->router, q, type, props);
}

static inline enum router_state ask_set_type(const struct api *a, struct router_request *q, struct slice type,
                                             const struct bucket_props *fields)
{
    return a->ops->set_type(a->router, q, type, fields);
}

static inline enum router_state ask_set_bucket(const struct api *a, struct router_request *q, struct slice type,
                                               struct slice bucket, const struct bucket_props *fields)
{
    return a->ops->set_bucket(a->router, q, type, bucket, fields);
}

static inline enum router_state ask_reset_bucket(const struct api *a, struct router_request *q, struct slice type,
                                                 struct slice bucket)
{
    return a->ops->reset_bucket(a->router, q, type, bucket);
}

static inline enum router_state ask_change_security(const struct api *a, struct router_request *q,
                                                    const struct security_change *change)
{
    return a->ops->change_security(a->router, q, change);
}

static inline enum router_state ask_list_keys(const struct api *a, struct router_request *q, struct router_scan *w,
                                              struct slice type, struct slice bucket, store_list_f f, void *arg)
{
    return a->ops->list_keys(a->router, q, w, type, bucket, f, arg);
}

static inline enum router_state ask_list_buckets(const struct api *a, struct router_request *q, struct router_scan *w,
                                                 struct slice type, store_list_f f, void *arg)
{
    return a->ops->list_buckets(a->router, q, w, type, f, arg);
}

static inline enum router_state ask_query(const struct api *a, struct router_request *q, struct router_scan *w,
                                          struct slice type, struct slice bucket, const struct router_query *query,
                                          router_hit_f f, void *arg)
{
    return a->ops->query(a->router, q, w, type, bucket, query, f, arg);
}

#endif
