/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "client/props.h"

static void every_property_has_one_row(void **state)
{
    (void)state;
    uint64_t seen = 0;
    const struct client_prop *p;
    size_t i;
    for (i = 0; (p = client_prop_at(i)); i++) {
        assert_false(seen & PROP_BIT(p->id));
        assert_true(p->offset < sizeof(struct bucket_props));
        seen |= PROP_BIT(p->id);
    }
    assert_int_equal(i, PROP_COUNT);
    assert_null(client_prop_at(i + 1));
}

static void values_of_each_kind(void **state)
{
    (void)state;
    struct bucket_props p = {0};
    assert_int_equal(client_prop_parse(&p, "ttl", "60"), 0);
    assert_int_equal(client_prop_parse(&p, "allow_mult", "true"), 0);
    assert_int_equal(client_prop_parse(&p, "r", "one"), 0);
    assert_int_equal(client_prop_parse(&p, "w", "2"), 0);
    assert_int_equal(client_prop_parse(&p, "backend", "memory"), 0);
    assert_int_equal(p.ttl_s, 60);
    assert_true(p.allow_mult);
    assert_int_equal(p.r, QUORUM_ONE);
    assert_int_equal(p.w, 2);
    assert_slice_is(p.backend, "memory");
    assert_int_equal(p.set, PROP_BIT(PROP_TTL) | PROP_BIT(PROP_ALLOW_MULT) | PROP_BIT(PROP_R) | PROP_BIT(PROP_W) |
                                PROP_BIT(PROP_BACKEND));
}

static void what_is_no_value(void **state)
{
    (void)state;
    struct bucket_props p = {0};
    assert_int_equal(client_prop_parse(&p, "ttl", ""), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "ttl", "-1"), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "ttl", "1x"), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "ttl", "4294967296"), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "ttl", "one"), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "allow_mult", "yes"), E_INVALID);
    assert_int_equal(client_prop_parse(&p, "precommit", "x"), E_UNSUPPORTED);
    assert_int_equal(client_prop_parse(&p, "linkfun", "x"), E_UNSUPPORTED);
    assert_int_equal(client_prop_parse(&p, "nonsense", "1"), E_NOT_FOUND);
    assert_int_equal(p.set, 0);
}

static void quorum_names(void **state)
{
    (void)state;
    assert_string_equal(client_quorum_name(QUORUM_ALL), "all");
    assert_string_equal(client_quorum_name(QUORUM_QUORUM), "quorum");
    assert_null(client_quorum_name(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_property_has_one_row),
        cmocka_unit_test(values_of_each_kind),
        cmocka_unit_test(what_is_no_value),
        cmocka_unit_test(quorum_names),
    };
    return cmocka_run_group_tests_name("client/props", tests, NULL, NULL);
}
