/* SPDX-License-Identifier: Apache-2.0 */
/* Any row of changes, against a model that keeps every grant, source and membership as a line of a table: the same
 * refusals, the same permissions and methods; and the changes that a acl tells make one that is the same. */
#include "base/err.h"
#include "base/rng.h"
#include "security/acl.h"
#include "support.h"

#include <stdio.h>

#define NAMES 4
#define STEPS 400
#define SEEDS 60

static const char *const names[NAMES] = {"a", "b", "c", "d"};
static const char *const types[] = {"", "t", "u"};
static const char *const buckets[] = {"", "x", "y"};
static const char *const ranges[] = {"::/0", "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.1/32"};
static const char *const places[] = {"10.1.1.1", "10.1.2.2", "10.2.2.2", "12.0.0.1", "::1"};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Role 0 to 3: users, 4 to 7: groups, 8: all. */
struct model {
    bool there[2 * NAMES], has_password[NAMES];
    bool in[2 * NAMES][NAMES];
    uint32_t granted[2 * NAMES + 1][COUNT(types)][COUNT(buckets)];
    uint32_t source[2 * NAMES + 1][COUNT(ranges)];
};

static unsigned any(struct rng *rng, size_t n)
{
    return (unsigned)rng_below(rng, n);
}

static unsigned index_of(const char *const *list, size_t n, const char *text)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return i;
    fail();
    return 0;
}

static unsigned role_index(const struct security_change *c)
{
    return c->role == ROLE_ALL ? 2 * NAMES : index_of(names, NAMES, c->name) + (c->role == ROLE_GROUP ? NAMES : 0);
}

static int model_fields(struct model *m, unsigned role, const struct security_change *c)
{
    for (size_t i = 0; i < c->group_count; i++)
        if (!m->there[NAMES + index_of(names, NAMES, c->group[i].name)])
            return E_ABSENT;
    if (c->has_groups)
        memset(m->in[role], 0, sizeof m->in[role]);
    for (size_t i = 0; i < c->group_count; i++)
        m->in[role][index_of(names, NAMES, c->group[i].name)] = true;
    if (c->has_password)
        m->has_password[role] = true;
    return 0;
}

static void model_delete(struct model *m, unsigned role)
{
    m->there[role] = false;
    memset(m->in[role], 0, sizeof m->in[role]);
    memset(m->granted[role], 0, sizeof m->granted[role]);
    memset(m->source[role], 0, sizeof m->source[role]);
    if (role < NAMES)
        m->has_password[role] = false;
    for (unsigned i = 0; role >= NAMES && i < 2 * NAMES; i++)
        m->in[i][role - NAMES] = false;
}

static int model_apply(struct model *m, const struct security_change *c)
{
    unsigned role = role_index(c);
    bool known = role == 2 * NAMES || m->there[role];
    struct model before = *m;
    int err;
    if (c->act == SECURITY_ADD) {
        if (known)
            return E_EXISTS;
        err = model_fields(m, role, c);
        m->there[role] = err == 0;
        return err;
    }
    if (!known && !c->configured)
        return E_NOT_FOUND;
    if (!known) {
        m->there[role] = true;
        m->granted[role][0][0] = PERMISSIONS_ALL;
        m->source[role][0] = METHOD_CERTIFICATE;
    }
    uint32_t *granted =
        &m->granted[role][index_of(types, COUNT(types), c->type)][index_of(buckets, COUNT(buckets), c->bucket)];
    uint32_t *source = *c->range ? &m->source[role][index_of(ranges, COUNT(ranges), c->range)] : NULL;
    err = 0;
    switch (c->act) {
    case SECURITY_ALTER:
        err = model_fields(m, role, c);
        break;
    case SECURITY_DELETE:
        model_delete(m, role);
        break;
    case SECURITY_GRANT:
        *granted |= c->permissions;
        break;
    case SECURITY_REVOKE:
        err = *granted & c->permissions ? 0 : E_ABSENT;
        *granted &= ~c->permissions;
        break;
    case SECURITY_ADD_SOURCE:
        *source = c->method;
        break;
    default:
        err = *source ? 0 : E_ABSENT;
        *source = 0;
    }
    if (err)
        *m = before;
    return err;
}

static uint32_t model_may(const struct model *m, unsigned user, unsigned type, unsigned bucket)
{
    bool counts[2 * NAMES + 1] = {[2 * NAMES] = true};
    uint32_t all = 0;
    counts[user] = true;
    for (unsigned round = 0; round <= NAMES; round++)
        for (unsigned i = 0; i < 2 * NAMES; i++)
            for (unsigned g = 0; counts[i] && g < NAMES; g++)
                counts[NAMES + g] |= m->in[i][g];
    for (unsigned i = 0; i <= 2 * NAMES; i++)
        if (counts[i])
            all |= m->granted[i][0][0] | (type ? m->granted[i][type][0] | m->granted[i][type][bucket] : 0);
    return all;
}

/* The ranges stand in the order from wide to narrow. */
static uint32_t model_method(const struct model *m, unsigned user, const struct address *from)
{
    uint32_t method = 0;
    bool own = false;
    for (unsigned i = 0; i < COUNT(ranges); i++) {
        struct address_range range;
        const char *why;
        assert_true(range_parse(ranges[i], &range, &why));
        if (!range_holds(&range, from))
            continue;
        if (m->source[2 * NAMES][i] && !(own && i == 1)) /* 0.0.0.0/0 is as wide as ::/0 */
            method = m->source[2 * NAMES][i];
        if (m->source[user][i])
            method = m->source[user][i];
        own = m->source[user][i] != 0;
    }
    return method;
}

static struct security_change invent(struct rng *rng)
{
    struct security_change c = {.act = SECURITY_ADD + (enum security_act)any(rng, SECURITY_ACT_MAX),
                                .role = ROLE_USER + (enum security_role)any(rng, ROLE_MAX)};
    if (c.role != ROLE_ALL)
        strcpy(c.name, names[any(rng, NAMES)]);
    c.configured = any(rng, 4) == 0;
    if (c.act <= SECURITY_ALTER) {
        c.has_groups = any(rng, 2);
        c.group_count = c.has_groups ? any(rng, 3) : 0;
        unsigned first = any(rng, NAMES);
        for (size_t i = 0; i < c.group_count; i++)
            strcpy(c.group[i].name, names[(first + i) % NAMES]);
        c.has_password = c.role == ROLE_USER && any(rng, 3) == 0;
        c.password.iterations = PASSWORD_ITERATIONS_MIN;
    } else if (c.act == SECURITY_GRANT || c.act == SECURITY_REVOKE) {
        unsigned type = any(rng, COUNT(types));
        c.permissions = (uint32_t)any(rng, PERMISSIONS_ALL) + 1;
        strcpy(c.type, types[type]);
        strcpy(c.bucket, type ? buckets[any(rng, COUNT(buckets))] : "");
    } else if (c.act >= SECURITY_ADD_SOURCE) {
        strcpy(c.range, ranges[any(rng, COUNT(ranges))]);
        c.method = 1 + any(rng, METHOD_MAX);
    }
    return c;
}

static void compare(const struct acl *r, const struct model *m)
{
    for (unsigned u = 0; u < NAMES; u++) {
        const struct acl_role *user = acl_user(r, names[u]);
        assert_int_equal(user != NULL, m->there[u]);
        assert_int_equal(acl_has_group(r, names[u]), m->there[NAMES + u]);
        if (!user)
            continue;
        assert_int_equal(acl_password(user) != NULL, m->has_password[u]);
        for (unsigned t = 0; t < COUNT(types); t++)
            for (unsigned b = 0; b < (t ? COUNT(buckets) : 1); b++)
                assert_int_equal(acl_permissions(r, user, slice_str(types[t]), slice_str(buckets[b])),
                                 model_may(m, u, t, b));
        for (unsigned i = 0; i < COUNT(places); i++) {
            struct address from;
            assert_true(address_parse(places[i], &from));
            assert_int_equal(acl_method(r, user, &from), model_method(m, u, &from));
        }
    }
}

static void take(void *arg, const struct security_change *c)
{
    assert_int_equal(acl_apply(arg, c), 0);
}

/* "a" and "b" are of the configuration. */
static bool is_configured(const void *arg, const char *name)
{
    return arg && *name < 'c';
}

static void take_command(void *arg, const struct security_change *c)
{
    struct security_change asked = *c;
    asked.configured = c->role == ROLE_USER && is_configured(arg, c->name);
    assert_false(asked.configured && (c->act == SECURITY_ADD || c->act == SECURITY_DELETE)); /* would be refused */
    take(arg, &asked);
}

static void any_row_of_changes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rng rng;
        struct model m = {0};
        struct acl *r, *copy;
        rng_seed(&rng, seed);
        assert_int_equal(acl_create(&r), 0);
        for (unsigned i = 0; i < STEPS; i++) {
            struct security_change c = invent(&rng);
            int wanted = security_change_refused(&c) ? E_INVALID : model_apply(&m, &c);
            assert_int_equal(acl_apply(r, &c), wanted);
            compare(r, &m);
        }
        assert_int_equal(acl_create(&copy), 0);
        acl_each_change(r, take, copy);
        compare(copy, &m);
        acl_destroy(&copy);
        assert_int_equal(acl_create(&copy), 0);
        acl_each_command(r, is_configured, copy, take_command, copy);
        compare(copy, &m);
        acl_destroy(&copy);
        acl_destroy(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_row_of_changes)};
    return cmocka_run_group_tests_name("security/acl_property", tests, NULL, NULL);
}
