/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a principal may do something. Looked up with each request, so that a permission that is revoked counts on
 * open connections too. A connection with a node's certificate may do everything.
 *
 * False: DENIED, or NOT_SERVING where this node holds no lease and may not know what was granted meanwhile. */
#ifndef API_AUTHORIZE_H
#define API_AUTHORIZE_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/principal.h"

/* With one bucket; an empty `bucket`: with a whole type; an empty `type`, too: in general. The default type is named
 * "default" here. */
bool authorize(const struct api *a, const struct principal *who, enum permission what, struct slice type,
               struct slice bucket, struct outcome *out);
/* The same, where an empty type stands for "default". */
bool authorize_in(const struct api *a, const struct principal *who, enum permission what, struct slice type,
                  struct slice bucket, struct outcome *out);
/* In one place at least, whichever. */
bool authorize_somewhere(const struct api *a, const struct principal *who, enum permission what, struct outcome *out);
/* What is for operators alone: it takes a certificate with the role of a node. False: ADMIN_ONLY. */
bool authorize_admin(const struct api *a, const struct principal *who, struct outcome *out);

#endif
