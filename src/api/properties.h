/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of buckets and bucket types: who may read and change them, and what they may be changed to. A change that
 * passes its check goes to the router in the same turn: ask_set_bucket(), ask_set_type(), ask_reset_bucket(),
 * ask_create_type(), each with bucket_type_of(type); answer.h says what the router's answer means.
 *
 * Every check can say DENIED or NOT_SERVING (authorize.h). `type` may be "" or "default" for the default type. */
#ifndef API_PROPERTIES_H
#define API_PROPERTIES_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/principal.h"
#include "store/props_check.h"

/* Resolved properties; slices are borrowed until the catalog's next change. NO_TYPE. */
bool properties_of_bucket(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                          struct bucket_props *props, struct outcome *out);
bool properties_of_type(const struct api *a, const struct principal *who, struct slice type, struct bucket_props *props,
                        struct outcome *out);

/* Where a check writes what is wrong with the fields, for the outcome's `why`: the caller's. */
struct properties_text {
    char bytes[PROPS_CHECK_TEXT];
};

/* NO_TYPE, BAD_PROPERTIES. */
bool properties_check_bucket(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                             const struct bucket_props *fields, struct properties_text *text, struct outcome *out);
/* FIXED_TYPE, NO_TYPE, BAD_PROPERTIES. */
bool properties_check_type(const struct api *a, const struct principal *who, struct slice type,
                           const struct bucket_props *fields, struct properties_text *text, struct outcome *out);
/* A type that does not exist is no error: there is nothing to reset. */
bool properties_check_reset(const struct api *a, const struct principal *who, struct slice type, struct slice bucket,
                            struct outcome *out);
/* For operators: ADMIN_ONLY, BAD_PROPERTIES. The name is checked by the router: answer_of_creation(). */
bool properties_check_creation(const struct api *a, const struct principal *who, const struct bucket_props *fields,
                               struct properties_text *text, struct outcome *out);
/* Whether the names of types may be listed: catalog_each_type(). */
bool properties_check_list(const struct api *a, const struct principal *who, struct outcome *out);

#endif
