/* SPDX-License-Identifier: Apache-2.0 */
#include "api/properties.h"

#include "api/authorize.h"
#include "api/target.h"

static const struct slice none = {0};

static bool no_type(struct slice type, struct outcome *out)
{
    return outcome_refuse(out, (struct outcome){.code = OUTCOME_NO_TYPE, .name = type});
}

static bool bad(const struct properties_text *text, struct outcome *out)
{
    return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_PROPERTIES, .why = text->bytes});
}

static bool find_bucket(const struct api *a, struct slice type, struct slice bucket, struct bucket_props *props,
                        struct outcome *out)
{
    return catalog_get_bucket(router_catalog(a->router), bucket_type_of(type), bucket, props) == 0 ||
           no_type(type, out);
}

static bool find_type(const struct api *a, struct slice type, struct bucket_props *props, struct outcome *out)
{
    return catalog_get_type(router_catalog(a->router), bucket_type_of(type), props) == 0 || no_type(type, out);
}

bool properties_of_bucket(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                          struct bucket_props *props, struct outcome *out)
{
    return authorize_in(a, who, MAY_GET_BUCKET, type, bucket, out) && find_bucket(a, type, bucket, props, out);
}

bool properties_of_type(const struct api *a, const struct principal *who, struct slice type, struct bucket_props *props,
                        struct outcome *out)
{
    return authorize_in(a, who, MAY_GET_TYPE, type, none, out) && find_type(a, type, props, out);
}

bool properties_check_bucket(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                             const struct bucket_props *fields, struct properties_text *text, struct outcome *out)
{
    struct bucket_props now;
    if (!authorize_in(a, who, MAY_SET_BUCKET, type, bucket, out) || !find_bucket(a, type, bucket, &now, out))
        return false;
    bool typed = bucket_type_of(type).len != 0;
    return props_check_bucket(&now, typed, fields, text->bytes, sizeof text->bytes) || bad(text, out);
}

bool properties_check_type(const struct api *a, const struct principal *who, struct slice type,
                           const struct bucket_props *fields, struct properties_text *text, struct outcome *out)
{
    struct bucket_props now;
    if (!authorize_in(a, who, MAY_SET_TYPE, type, none, out))
        return false;
    if (bucket_type_of(type).len == 0)
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_FIXED_TYPE});
    return find_type(a, type, &now, out) &&
           (props_check_type_update(&now, fields, text->bytes, sizeof text->bytes) || bad(text, out));
}

bool properties_check_reset(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                            struct outcome *out)
{
    return authorize_in(a, who, MAY_SET_BUCKET, type, bucket, out);
}

bool properties_check_creation(const struct api *a, const struct principal *who, const struct bucket_props *fields,
                               struct properties_text *text, struct outcome *out)
{
    return authorize_admin(a, who, out) &&
           (props_check_type(fields, text->bytes, sizeof text->bytes) || bad(text, out));
}

bool properties_check_list(const struct api *a, const struct principal *who, struct outcome *out)
{
    return authorize(a, who, MAY_GET_TYPE, none, none, out);
}
