/* SPDX-License-Identifier: Apache-2.0 */
/* The acl: users and groups, what they may do, and how they show who they are. A part of the cluster's meta state,
 * as the catalog is, and a deterministic machine as well: no clock, no chance; it owns copies of all it is given.
 *
 * A source says how users authenticate from a range of addresses. Of the sources whose range contains the client's
 * address the narrowest applies; for equal ranges the user's own before one of all users. A user has the permissions
 * that are granted to the user, to its groups and their groups, and to all: on everything, on a bucket type, or on one
 * bucket (riak-protocol.md section 15).
 *
 * A user named only in the configuration may log in by certificate from any address, with all permissions. The first
 * change to that user creates an acl entry with those defaults. */
#ifndef SECURITY_ACL_H
#define SECURITY_ACL_H

#include "security/change.h"

#define ACL_USERS_MAX   1024
#define ACL_GROUPS_MAX  256
#define ACL_GRANTS_MAX  4096 /* of a scope to a role: 2 MiB, if all names are the longest */
#define ACL_SOURCES_MAX 1024

struct acl;
struct acl_role;

int acl_create(struct acl **out); /* E_NOMEM */
void acl_destroy(struct acl **r);

/* All or nothing: E_EXISTS (ADD), E_NOT_FOUND (no such user or group), E_ABSENT (what is to be revoked or deleted, or a
 * group to be in), E_TOO_MANY, E_NOMEM, E_INVALID (security_change_refused() says why). */
int acl_apply(struct acl *r, const struct security_change *c);

/* Calls f for the changes that make this acl out of an empty one, in an order in which they can be applied. The
 * change is borrowed for the call. */
void acl_each_change(const struct acl *r, void (*f)(void *arg, const struct security_change *c), void *arg);
/* The same for an operator to make where nobody has changed anything: users of whom `is_configured` holds are there
 * already, with all that the first change of one gives him, and that is taken from them first. */
void acl_each_command(const struct acl *r, bool (*is_configured)(const void *arg, const char *name), const void *names,
                      void (*f)(void *arg, const struct security_change *c), void *arg);

/* --- questions; `r` may be NULL, and is empty then --- */

/* NULL: the acl has no such user. Borrowed until the next change. */
const struct acl_role *acl_user(const struct acl *r, const char *name);
bool acl_has_group(const struct acl *r, const char *name);
/* Of a user who has none: NULL. */
const struct password *acl_password(const struct acl_role *user);
/* By which method a user is let in from there; `user` NULL: one whom a configuration names. 0: by none. */
uint32_t acl_method(const struct acl *r, const struct acl_role *user, const struct address *from);
/* Whether anybody might be let in from there who shows no certificate. */
bool acl_takes_bare(const struct acl *r, const struct address *from);
/* What the user may do there. An empty bucket: with the type; an empty type: in general. */
uint32_t acl_permissions(const struct acl *r, const struct acl_role *user, struct slice type, struct slice bucket);
/* What he may do in one place at least. */
uint32_t acl_permissions_anywhere(const struct acl *r, const struct acl_role *user);

#endif
