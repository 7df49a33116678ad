/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, grants and sources, for operators. Both functions can say ADMIN_ONLY. */
#ifndef API_SECURITY_ADMIN_H
#define API_SECURITY_ADMIN_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/principal.h"

/* Whether a change may be made; c->configured is filled in. A change that passes is logged, and goes to
 * ask_change_security() in the same turn; answer_of_security() says what the router's answer means. BAD_CHANGE: its
 * `why` is static. */
bool security_admin_check(const struct api *a, const struct principal *who, struct security_change *c,
                          struct outcome *out);

/* Calls f for the changes that make what is there, users of the configuration first. Passwords are left out. The change
 * is borrowed for the call of f. */
bool security_admin_list(const struct api *a, const struct principal *who,
                         void (*f)(void *arg, const struct security_change *c), void *arg, struct outcome *out);

#endif
