/* SPDX-License-Identifier: Apache-2.0 */
/* One change of the users and of what they may do: what an operator asks for, what the cluster's log holds, and, in a
 * row, how all of it is told (wire/security_msg.h). Plain values; texts end with their NUL. */
#ifndef SECURITY_CHANGE_H
#define SECURITY_CHANGE_H

#include "security/password.h"
#include "security/permission.h"
#include "security/range.h"

#include <stddef.h>

#define SECURITY_NAME_SIZE  65  /* of users and groups; X.509 has 64 bytes for a common name */
#define SECURITY_SCOPE_SIZE 256 /* of a bucket type, and of a bucket that is named in a grant */
#define SECURITY_GROUPS_OF  16  /* that one user or group can be in, directly */

enum security_act {
    SECURITY_ADD = 1, /* a user or a group; fields as those of ALTER */
    SECURITY_ALTER,   /* has_groups: all of its groups; has_password */
    SECURITY_DELETE,  /* with its grants, its sources, and its place in others' groups */
    SECURITY_GRANT,   /* permissions on type and bucket */
    SECURITY_REVOKE,
    SECURITY_ADD_SOURCE, /* method, for who comes from the range; one that is there is replaced */
    SECURITY_DELETE_SOURCE,
    SECURITY_ACT_MAX = SECURITY_DELETE_SOURCE
};

enum security_role { ROLE_USER = 1, ROLE_GROUP, ROLE_ALL, ROLE_MAX = ROLE_ALL };

/* How a user shows that it is he. */
enum security_method {
    METHOD_CERTIFICATE = 1, /* its common name is his */
    METHOD_PASSWORD,
    METHOD_TRUST, /* not at all */
    METHOD_MAX = METHOD_TRUST
};

struct security_group_name {
    char name[SECURITY_NAME_SIZE];
};

struct security_change {
    enum security_act act;
    enum security_role role;
    char name[SECURITY_NAME_SIZE]; /* of the user or group, in small letters; of all: "" */
    bool configured; /* a user whom configurations name: if there is no such user yet, he is made first, with all that
                        one has whom nobody has changed */
    bool has_groups, has_password;
    size_t group_count;
    struct security_group_name group[SECURITY_GROUPS_OF];
    struct password password;
    uint32_t permissions;
    char type[SECURITY_SCOPE_SIZE];   /* "": any */
    char bucket[SECURITY_SCOPE_SIZE]; /* "": all of the type */
    char range[RANGE_TEXT_SIZE];
    uint32_t method; /* enum security_method; 0: none is given */
};

/* In place, ASCII alone, as the names of certificates are compared. */
void security_name_lower(char *name);
/* NULL: a user or a group can have this name. Otherwise why not; static. */
const char *security_name_refused(const char *name);
/* NULL: it can be applied, as far as it says itself. Otherwise why not; static. */
const char *security_change_refused(const struct security_change *c);

const char *security_method_name(uint32_t method); /* "certificate"; static */
uint32_t security_method_of(const char *name);     /* 0: there is none of that name */

#endif
