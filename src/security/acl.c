/* SPDX-License-Identifier: Apache-2.0 */
#include "security/acl.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

/* What a role is granted in one place. */
struct grant {
    struct grant *next;
    uint32_t permissions;
    uint16_t type_len, bucket_len; /* 0: any */
    uint8_t text[];                /* type, then bucket */
};

struct acl_role {
    char name[SECURITY_NAME_SIZE];
    bool has_password;
    struct password password;
    unsigned group_count;
    struct acl_role *group[SECURITY_GROUPS_OF];
    struct grant *grants;
};

struct source {
    const struct acl_role *user; /* NULL: all */
    struct address_range range;
    uint32_t method;
};

/* Sorted by name. */
struct roles {
    struct acl_role **role;
    unsigned count, max;
};

struct acl {
    struct roles users, groups;
    struct acl_role *user_place[ACL_USERS_MAX];
    struct acl_role *group_place[ACL_GROUPS_MAX];
    struct acl_role all;
    unsigned grant_count;
    unsigned source_count;
    struct source source[ACL_SOURCES_MAX];
};

int acl_create(struct acl **out)
{
    struct acl *r = *out = calloc(1, sizeof *r);
    if (!r)
        return E_NOMEM;
    r->users = (struct roles){r->user_place, 0, ACL_USERS_MAX};
    r->groups = (struct roles){r->group_place, 0, ACL_GROUPS_MAX};
    return 0;
}

static void drop_grants(struct acl *r, struct acl_role *role)
{
    while (role->grants) {
        struct grant *g = role->grants;
        role->grants = g->next;
        free(g);
        r->grant_count--;
    }
}

static void drop_roles(struct acl *r, struct roles *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        drop_grants(r, s->role[i]);
        free(s->role[i]);
    }
}

void acl_destroy(struct acl **rp)
{
    struct acl *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    drop_roles(r, &r->users);
    drop_roles(r, &r->groups);
    drop_grants(r, &r->all);
    free(r);
}

/* --- roles --- */

/* Where it is, or where it would be. */
static unsigned place_of(const struct roles *s, const char *name)
{
    unsigned low = 0, high = s->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (strcmp(s->role[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct acl_role *find(const struct roles *s, const char *name)
{
    unsigned i = place_of(s, name);
    return i < s->count && strcmp(s->role[i]->name, name) == 0 ? s->role[i] : NULL;
}

static struct roles *roles_of(struct acl *r, enum security_role kind)
{
    return kind == ROLE_USER ? &r->users : &r->groups;
}

static struct acl_role *role_of(struct acl *r, const struct security_change *c)
{
    return c->role == ROLE_ALL ? &r->all : find(roles_of(r, c->role), c->name);
}

/* All of the groups are there, or nothing is changed. */
static int set_fields(struct acl *r, struct acl_role *role, const struct security_change *c)
{
    struct acl_role *group[SECURITY_GROUPS_OF];
    for (size_t i = 0; i < c->group_count; i++)
        if (!(group[i] = find(&r->groups, c->group[i].name)))
            return E_ABSENT;
    if (c->has_groups) {
        memcpy(role->group, group, c->group_count * sizeof *group);
        role->group_count = (unsigned)c->group_count;
    }
    if (c->has_password)
        role->password = c->password;
    role->has_password |= c->has_password;
    return 0;
}

static int add_role(struct acl *r, const struct security_change *c)
{
    struct roles *s = roles_of(r, c->role);
    if (find(s, c->name))
        return E_EXISTS;
    if (s->count == s->max)
        return E_TOO_MANY;
    struct acl_role *role = calloc(1, sizeof *role);
    int err = role ? set_fields(r, role, c) : E_NOMEM;
    if (err) {
        free(role);
        return err;
    }
    unsigned at = place_of(s, c->name);
    memcpy(role->name, c->name, sizeof role->name);
    memmove(s->role + at + 1, s->role + at, (s->count - at) * sizeof(struct acl_role *));
    s->role[at] = role;
    s->count++;
    return 0;
}

static void leave_group(struct acl_role *role, const struct acl_role *group)
{
    for (unsigned i = 0; i < role->group_count; i++)
        if (role->group[i] == group) {
            role->group_count--;
            memmove(role->group + i, role->group + i + 1, (role->group_count - i) * sizeof(struct acl_role *));
            return;
        }
}

static void disband(struct acl *r, const struct acl_role *group)
{
    for (unsigned i = 0; i < r->users.count; i++)
        leave_group(r->users.role[i], group);
    for (unsigned i = 0; i < r->groups.count; i++)
        leave_group(r->groups.role[i], group);
}

static void remove_source(struct acl *r, unsigned at)
{
    r->source_count--;
    memmove(r->source + at, r->source + at + 1, (r->source_count - at) * sizeof r->source[0]);
}

static void drop_sources(struct acl *r, const struct acl_role *user)
{
    for (unsigned i = r->source_count; i-- > 0;)
        if (r->source[i].user == user)
            remove_source(r, i);
}

static void delete_role(struct acl *r, enum security_role kind, struct acl_role *role)
{
    struct roles *s = roles_of(r, kind);
    unsigned at = place_of(s, role->name);
    if (kind == ROLE_GROUP)
        disband(r, role);
    else
        drop_sources(r, role);
    drop_grants(r, role);
    free(role);
    s->count--;
    memmove(s->role + at, s->role + at + 1, (s->count - at) * sizeof(struct acl_role *));
}

/* --- grants --- */

static struct slice grant_type(const struct grant *g)
{
    return slice_make(g->text, g->type_len);
}

static struct slice grant_bucket(const struct grant *g)
{
    return slice_make(g->text + g->type_len, g->bucket_len);
}

static struct grant **find_grant(struct acl_role *role, struct slice type, struct slice bucket)
{
    struct grant **at = &role->grants;
    while (*at && !(slice_eq(grant_type(*at), type) && slice_eq(grant_bucket(*at), bucket)))
        at = &(*at)->next;
    return at;
}

static int grant(struct acl *r, struct acl_role *role, const struct security_change *c)
{
    struct slice type = slice_str(c->type), bucket = slice_str(c->bucket);
    struct grant **at = find_grant(role, type, bucket);
    if (!*at && r->grant_count == ACL_GRANTS_MAX)
        return E_TOO_MANY;
    if (!*at) {
        struct grant *g = calloc(1, sizeof *g + type.len + bucket.len);
        if (!g)
            return E_NOMEM;
        g->type_len = (uint16_t)type.len;
        g->bucket_len = (uint16_t)bucket.len;
        memcpy(g->text, c->type, type.len);
        memcpy(g->text + type.len, c->bucket, bucket.len);
        *at = g;
        r->grant_count++;
    }
    (*at)->permissions |= c->permissions;
    return 0;
}

static int revoke(struct acl *r, struct acl_role *role, const struct security_change *c)
{
    struct grant **at = find_grant(role, slice_str(c->type), slice_str(c->bucket)), *g = *at;
    if (!g || !(g->permissions & c->permissions))
        return E_ABSENT;
    g->permissions &= ~c->permissions;
    if (!g->permissions) {
        *at = g->next;
        free(g);
        r->grant_count--;
    }
    return 0;
}

/* --- sources --- */

static unsigned find_source(const struct acl *r, const struct acl_role *user, const struct address_range *range)
{
    unsigned i = 0;
    while (i < r->source_count && !(r->source[i].user == user && range_equal(&r->source[i].range, range)))
        i++;
    return i;
}

static int change_source(struct acl *r, const struct acl_role *role, const struct security_change *c)
{
    struct address_range range;
    const char *why;
    if (!range_parse(c->range, &range, &why))
        return E_INVALID;
    const struct acl_role *user = role == &r->all ? NULL : role;
    unsigned at = find_source(r, user, &range);
    if (c->act == SECURITY_DELETE_SOURCE) {
        if (at == r->source_count)
            return E_ABSENT;
        remove_source(r, at);
        return 0;
    }
    if (at == ACL_SOURCES_MAX)
        return E_TOO_MANY;
    r->source[at] = (struct source){user, range, c->method};
    r->source_count += at == r->source_count;
    return 0;
}

/* --- changes --- */

static int apply(struct acl *r, const struct security_change *c)
{
    if (c->act == SECURITY_ADD)
        return add_role(r, c);
    struct acl_role *role = role_of(r, c);
    if (!role)
        return E_NOT_FOUND;
    switch (c->act) {
    case SECURITY_ALTER:
        return set_fields(r, role, c);
    case SECURITY_DELETE:
        delete_role(r, c->role, role);
        return 0;
    case SECURITY_GRANT:
        return grant(r, role, c);
    case SECURITY_REVOKE:
        return revoke(r, role, c);
    default:
        return change_source(r, role, c);
    }
}

/* The whole of what a configured user has. */
static const struct security_change everywhere = {
    .act = SECURITY_ADD_SOURCE, .role = ROLE_USER, .range = "::/0", .method = METHOD_CERTIFICATE};
static const struct security_change everything = {
    .act = SECURITY_GRANT, .role = ROLE_USER, .permissions = PERMISSIONS_ALL};

static int make_configured(struct acl *r, const char *name)
{
    struct security_change add = {.act = SECURITY_ADD, .role = ROLE_USER}, source = everywhere, all = everything;
    memcpy(add.name, name, sizeof add.name);
    memcpy(source.name, name, sizeof source.name);
    memcpy(all.name, name, sizeof all.name);
    int err = apply(r, &add);
    if (!err)
        err = apply(r, &source);
    return err ? err : apply(r, &all);
}

int acl_apply(struct acl *r, const struct security_change *c)
{
    if (security_change_refused(c))
        return E_INVALID;
    bool made = c->configured && c->act != SECURITY_ADD && !find(&r->users, c->name);
    int err = made ? make_configured(r, c->name) : 0;
    if (!err)
        err = apply(r, c);
    struct acl_role *half = err && made ? find(&r->users, c->name) : NULL;
    if (half)
        delete_role(r, ROLE_USER, half);
    return err;
}

/* --- all of it, as changes --- */

struct telling {
    void (*f)(void *arg, const struct security_change *c);
    void *arg;
    bool (*is_configured)(const void *arg, const char *name); /* NULL: nobody is */
    const void *names;
};

static struct security_change change_of(enum security_act act, enum security_role kind, const struct acl_role *role)
{
    struct security_change c = {.act = act, .role = kind};
    memcpy(c.name, role->name, sizeof c.name);
    return c;
}

static void tell_role(const struct telling *t, enum security_act act, enum security_role kind,
                      const struct acl_role *role, bool with_groups)
{
    struct security_change c = change_of(act, kind, role);
    c.has_password = role->has_password;
    c.password = role->password;
    c.has_groups = with_groups;
    for (unsigned i = 0; with_groups && i < role->group_count; i++)
        memcpy(c.group[c.group_count++].name, role->group[i]->name, SECURITY_NAME_SIZE);
    t->f(t->arg, &c);
}

static void tell_grants(const struct telling *t, enum security_role kind, const struct acl_role *role)
{
    struct security_change c = change_of(SECURITY_GRANT, kind, role);
    for (const struct grant *g = role->grants; g; g = g->next) {
        c.permissions = g->permissions;
        memset(c.type, 0, sizeof c.type);
        memset(c.bucket, 0, sizeof c.bucket);
        memcpy(c.type, g->text, g->type_len);
        memcpy(c.bucket, g->text + g->type_len, g->bucket_len);
        t->f(t->arg, &c);
    }
}

static void tell_source(const struct telling *t, const struct acl *r, const struct source *s)
{
    struct security_change c =
        change_of(SECURITY_ADD_SOURCE, s->user ? ROLE_USER : ROLE_ALL, s->user ? s->user : &r->all);
    range_text(&s->range, c.range, sizeof c.range);
    c.method = s->method;
    t->f(t->arg, &c);
}

/* What he has of the configuration is taken from him; what he has of it still is told with all others' again. */
static void tell_configured(const struct telling *t, const struct acl *r, const struct acl_role *user)
{
    struct security_change revoke = everything, source = everywhere;
    struct address_range range;
    const char *why;
    revoke.act = SECURITY_REVOKE;
    source.act = SECURITY_DELETE_SOURCE;
    source.method = 0;
    memcpy(revoke.name, user->name, sizeof revoke.name);
    memcpy(source.name, user->name, sizeof source.name);
    t->f(t->arg, &revoke);
    if (range_parse(source.range, &range, &why) && find_source(r, user, &range) == r->source_count)
        t->f(t->arg, &source);
    if (user->group_count || user->has_password)
        tell_role(t, SECURITY_ALTER, ROLE_USER, user, true);
}

static void tell_user(const struct telling *t, const struct acl *r, const struct acl_role *user)
{
    if (t->is_configured && t->is_configured(t->names, user->name))
        tell_configured(t, r, user);
    else
        tell_role(t, SECURITY_ADD, ROLE_USER, user, true);
}

/* Groups are in one another in any way, so that all are made before any is in one. */
static void tell_all(const struct telling *t, const struct acl *r)
{
    for (unsigned i = 0; i < r->groups.count; i++)
        tell_role(t, SECURITY_ADD, ROLE_GROUP, r->groups.role[i], false);
    for (unsigned i = 0; i < r->groups.count; i++)
        if (r->groups.role[i]->group_count)
            tell_role(t, SECURITY_ALTER, ROLE_GROUP, r->groups.role[i], true);
    for (unsigned i = 0; i < r->users.count; i++)
        tell_user(t, r, r->users.role[i]);
    for (unsigned i = 0; i < r->source_count; i++)
        tell_source(t, r, &r->source[i]);
    tell_grants(t, ROLE_ALL, &r->all);
    for (unsigned i = 0; i < r->groups.count; i++)
        tell_grants(t, ROLE_GROUP, r->groups.role[i]);
    for (unsigned i = 0; i < r->users.count; i++)
        tell_grants(t, ROLE_USER, r->users.role[i]);
}

void acl_each_change(const struct acl *r, void (*f)(void *arg, const struct security_change *c), void *arg)
{
    tell_all(&(const struct telling){.f = f, .arg = arg}, r);
}

void acl_each_command(const struct acl *r, bool (*is_configured)(const void *arg, const char *name), const void *names,
                      void (*f)(void *arg, const struct security_change *c), void *arg)
{
    tell_all(&(const struct telling){f, arg, is_configured, names}, r);
}

/* --- questions --- */

const struct acl_role *acl_user(const struct acl *r, const char *name)
{
    return r ? find(&r->users, name) : NULL;
}

bool acl_has_group(const struct acl *r, const char *name)
{
    return r && find(&r->groups, name);
}

const struct password *acl_password(const struct acl_role *user)
{
    return user->has_password ? &user->password : NULL;
}

/* Among sources of equally wide ranges that of the user counts. */
static bool is_nearer(const struct source *a, const struct source *b)
{
    if (!b)
        return true;
    unsigned of_a = range_bits(&a->range), of_b = range_bits(&b->range);
    if (of_a != of_b)
        return of_a > of_b;
    if (!a->user != !b->user)
        return a->user != NULL;
    return a->range.prefix > b->range.prefix; /* 0.0.0.0/0 before ::/0 */
}

uint32_t acl_method(const struct acl *r, const struct acl_role *user, const struct address *from)
{
    const struct source *best = NULL;
    for (unsigned i = 0; r && i < r->source_count; i++) {
        const struct source *s = &r->source[i];
        if ((!s->user || s->user == user) && range_holds(&s->range, from) && is_nearer(s, best))
            best = s;
    }
    if (!user && (!best || range_bits(&best->range) == 0)) /* his own, of everywhere, stands before one of all */
        return METHOD_CERTIFICATE;
    return best ? best->method : 0;
}

bool acl_takes_bare(const struct acl *r, const struct address *from)
{
    for (unsigned i = 0; r && i < r->source_count; i++)
        if (r->source[i].method != METHOD_CERTIFICATE && range_holds(&r->source[i].range, from))
            return true;
    return false;
}

/* A place; NULL: any. */
struct scope {
    struct slice type, bucket;
};

static bool covers(const struct grant *g, const struct scope *at)
{
    return !at || !g->type_len ||
           (slice_eq(grant_type(g), at->type) && (!g->bucket_len || slice_eq(grant_bucket(g), at->bucket)));
}

static uint32_t granted(const struct acl_role *role, const struct scope *at)
{
    uint32_t all = 0;
    for (const struct grant *g = role->grants; g; g = g->next)
        if (covers(g, at))
            all |= g->permissions;
    return all;
}

/* The roles that count for one user, himself first; groups may be in one another in a circle. */
struct standing {
    const struct acl_role *role[ACL_GROUPS_MAX + 2];
    unsigned count;
};

static void stand_in(struct standing *s, const struct acl_role *role)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->role[i] == role)
            return;
    ASSERT(s->count < sizeof s->role / sizeof s->role[0]);
    s->role[s->count++] = role;
}

static uint32_t permissions_at(const struct acl *r, const struct acl_role *user, const struct scope *at)
{
    struct standing s;
    uint32_t all = granted(&r->all, at);
    s.count = 0;
    stand_in(&s, user);
    for (unsigned i = 0; i < s.count; i++) {
        all |= granted(s.role[i], at);
        for (unsigned k = 0; k < s.role[i]->group_count; k++)
            stand_in(&s, s.role[i]->group[k]);
    }
    return all;
}

uint32_t acl_permissions(const struct acl *r, const struct acl_role *user, struct slice type, struct slice bucket)
{
    return permissions_at(r, user, &(struct scope){type, bucket});
}

uint32_t acl_permissions_anywhere(const struct acl *r, const struct acl_role *user)
{
    return permissions_at(r, user, NULL);
}
