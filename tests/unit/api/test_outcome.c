/* SPDX-License-Identifier: Apache-2.0 */
/* The table of outcomes, and what each error of the router means to each kind of request. */
#include "api_rig.h"
#include "base/err.h"
#include "support.h"

#include <string.h>

static void names_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(outcome_name((enum outcome_code)i), outcome_name((enum outcome_code)j));
}

/* What nobody knows the effect of must not be tried again blindly, and nothing else is unknown. */
static void unknown_effects(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        enum outcome_code code = (enum outcome_code)i;
        bool unknown = code == OUTCOME_TIMEOUT_UNKNOWN || code == OUTCOME_ANSWER_LOST;
        assert_int_equal(outcome_effect(code) == EFFECT_UNKNOWN, unknown);
        assert_int_equal(outcome_effect(code) == EFFECT_DONE, code == OUTCOME_OK);
        if (unknown)
            assert_false(outcome_retryable(code));
    }
}

struct row {
    int err;
    enum outcome_code code;
};

static const struct row late[] = {
    {E_TIMEOUT, OUTCOME_TIMEOUT},     {E_UNKNOWN, OUTCOME_TIMEOUT_UNKNOWN}, {E_STALE, OUTCOME_ANSWER_LOST},
    {E_AGAIN, OUTCOME_RULES_CHANGED}, {E_NOMEM, OUTCOME_NO_MEMORY},         {E_IO, OUTCOME_FAILED},
};

static const struct row key_rows[] = {
    {E_EXISTS, OUTCOME_EXISTS},       {E_NOT_FOUND, OUTCOME_NOT_FOUND},
    {E_MODIFIED, OUTCOME_MODIFIED},   {E_TOO_MANY, OUTCOME_TOO_MANY_SIBLINGS},
    {E_TOO_LARGE, OUTCOME_TOO_LARGE}, {E_FULL, OUTCOME_MEMORY_FULL},
    {E_CLOSED, OUTCOME_MOVED},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void answers_of_keys(void **state)
{
    struct api_rig *r = *state;
    struct store_result result = {.number = 5};
    for (size_t i = 0; i < COUNT(key_rows); i++) {
        assert_false(answer_of_key(&r->api, key_rows[i].err, &result, false, 100, &r->out));
        assert_outcome(r, key_rows[i].code);
    }
    for (size_t i = 0; i < COUNT(late); i++) {
        assert_false(answer_of_key(&r->api, late[i].err, &result, false, 100, &r->out));
        assert_outcome(r, late[i].code);
    }
    assert_true(answer_of_key(&r->api, 0, &result, false, 100, &r->out));
}

static void details_of_answers(void **state)
{
    struct api_rig *r = *state;
    struct store_result result = {.number = 5};
    assert_false(answer_of_key(&r->api, E_TOO_MANY, &result, false, 100, &r->out));
    assert_true(r->out.number == 5 && r->out.limit == 3);
    assert_false(answer_of_key(&r->api, E_TOO_LARGE, &result, false, 100, &r->out));
    assert_true(r->out.number == 5 && r->out.limit == 1000);
    assert_false(answer_of_key(&r->api, E_UNKNOWN, &result, false, 100, &r->out));
    assert_int_equal(r->out.limit, 100);
    assert_false(answer_of_key(&r->api, E_IO, &result, false, 100, &r->out));
    assert_int_equal(r->out.err, E_IO);
    result.number = 0; /* no siblings, but writes */
    assert_false(answer_of_key(&r->api, E_TOO_MANY, &result, false, 100, &r->out));
    assert_outcome(r, OUTCOME_TOO_MANY_WRITES);
}

/* All that a condition can say is one thing there. */
static void consistent_answers(void **state)
{
    struct api_rig *r = *state;
    struct store_result result = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_false(answer_of_key(&r->api, key_rows[i].err, &result, true, 100, &r->out));
        assert_outcome(r, OUTCOME_CONFLICT);
    }
    assert_false(answer_of_key(&r->api, E_FULL, &result, true, 100, &r->out));
    assert_outcome(r, OUTCOME_MEMORY_FULL);
}

static void answers_of_updates(void **state)
{
    struct api_rig *r = *state;
    struct store_result result = {.number = 2};
    assert_false(answer_of_update(&r->api, DATATYPE_SET, E_ABSENT, &result, 100, &r->out));
    assert_outcome(r, OUTCOME_NOT_PRESENT);
    assert_int_equal(r->out.number, 2);
    assert_false(answer_of_update(&r->api, DATATYPE_SET, E_INVALID, &result, 100, &r->out));
    assert_outcome(r, OUTCOME_WRONG_DATATYPE);
    assert_int_equal(r->out.number, DATATYPE_SET);
    assert_false(answer_of_update(&r->api, DATATYPE_SET, E_FULL, &result, 100, &r->out));
    assert_outcome(r, OUTCOME_MEMORY_FULL);
}

static void answers_of_changes(void **state)
{
    struct api_rig *r = *state;
    static const struct row creation[] = {
        {E_EXISTS, OUTCOME_EXISTS}, {E_INVALID, OUTCOME_BAD_NAME}, {E_TOO_MANY, OUTCOME_TOO_MANY}};
    static const struct row security[] = {{E_EXISTS, OUTCOME_EXISTS},
                                          {E_NOT_FOUND, OUTCOME_NOT_FOUND},
                                          {E_ABSENT, OUTCOME_NOT_PRESENT},
                                          {E_TOO_MANY, OUTCOME_TOO_MANY}};
    for (size_t i = 0; i < COUNT(creation); i++) {
        assert_false(answer_of_creation(creation[i].err, 100, &r->out));
        assert_outcome(r, creation[i].code);
    }
    for (size_t i = 0; i < COUNT(security); i++) {
        assert_false(answer_of_security(security[i].err, 100, &r->out));
        assert_outcome(r, security[i].code);
    }
    for (size_t i = 0; i < COUNT(late); i++) {
        assert_false(answer_of_change(late[i].err, 100, &r->out));
        assert_outcome(r, late[i].code);
        assert_false(answer_of_creation(late[i].err, 100, &r->out));
        assert_outcome(r, late[i].code);
        assert_false(answer_of_security(late[i].err, 100, &r->out));
        assert_outcome(r, late[i].code);
    }
    assert_true(answer_of_change(0, 100, &r->out) && answer_of_creation(0, 100, &r->out) &&
                answer_of_security(0, 100, &r->out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique), cmocka_unit_test(unknown_effects), API_CASE(answers_of_keys),
        API_CASE(details_of_answers),       API_CASE(consistent_answers),      API_CASE(answers_of_updates),
        API_CASE(answers_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
