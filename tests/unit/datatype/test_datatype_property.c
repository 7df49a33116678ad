/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, sets, gsets and maps against the naive model: random operations with contexts of random age and without. */
#include "support.h"

#include "model.h"

#include "base/err.h"
#include "datatype/operation.h"

#include <stdlib.h>

#define STEPS 400

static uint64_t first_seed(void)
{
    const char *text = getenv("ES_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

static void expect_absent(const struct buf *op, uint64_t absent, unsigned letter, enum datatype kind)
{
    struct slice name;
    enum datatype of;
    char c = letter_of(letter);
    assert_true(operation_removal(buf_slice(op), absent, &name, &of));
    assert_slice_equal(name, slice_make(&c, 1));
    assert_int_equal(of, kind);
}

static void step(struct rng *r, struct value **v, struct buf *state, uint64_t seq)
{
    struct op *o = op_random(r, (*v)->kind, MODEL_DEPTH);
    struct value *next = model_copy(*v);
    struct buf op, after;
    unsigned letter;
    enum datatype kind;
    uint64_t absent = 0;
    buf_init(&op, SIZE_MAX / 2);
    buf_init(&after, SIZE_MAX / 2);
    op_encode(o, &op);
    struct datatype_update u = {.kind = (*v)->kind,
                                .op = buf_slice(&op),
                                .seq = seq,
                                .has_context = rng_below(r, 3) != 0,
                                .seen_seq = rng_below(r, seq)};
    bool good = model_apply(next, o, &u, &letter, &kind);
    int err = datatype_apply(&u, buf_slice(state), &after, &absent);
    assert_int_equal(err, good ? 0 : E_ABSENT);
    if (good) {
        struct slice payload;
        assert_true(datatype_check(u.kind, buf_slice(&after), &payload));
        model_compare(next, payload);
        struct buf before = *state;
        *state = after;
        after = before;
    } else {
        assert_int_equal(buf_len(&after), 0);
        expect_absent(&op, absent, letter, kind);
    }
    struct value *gone = good ? *v : next;
    *v = good ? next : *v;
    model_free(gone);
    free(gone);
    buf_fini(&after);
    buf_fini(&op);
    op_free(o);
}

static void live(uint64_t seed, enum datatype kind)
{
    struct rng r;
    struct buf state;
    struct value *v = calloc(1, sizeof *v);
    assert_non_null(v);
    v->kind = kind;
    rng_seed(&r, seed);
    buf_init(&state, SIZE_MAX / 2);
    for (uint64_t seq = 1; seq <= STEPS; seq++)
        step(&r, &v, &state, seq);
    buf_fini(&state);
    model_free(v);
    free(v);
}

static void test_equal_the_model(void **state)
{
    static const enum datatype kinds[] = {DATATYPE_COUNTER, DATATYPE_SET, DATATYPE_GSET, DATATYPE_MAP, DATATYPE_MAP};
    (void)state;
    for (uint64_t seed = first_seed(), last = seed + 20; seed < last; seed++)
        for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            live(seed * 10 + i, kinds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
