/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of small random histories against that of a program that tries every order; and of long ones that a
 * register has really had. SEEDS=N in the environment: more of them. */
#include "support.h"

#include "base/rng.h"
#include "history/check.h"

#include <stdio.h>
#include <stdlib.h>

#define OPS_MAX 7

static struct check_report report;

static unsigned long seeds(unsigned long usual)
{
    const char *given = getenv("SEEDS");
    return given ? strtoul(given, NULL, 10) : usual;
}

/* --- every order --- */

struct brute {
    const struct history_op *op[OPS_MAX];
    unsigned count;
};

static bool is_pending(const struct history_op *op)
{
    return op->end == HISTORY_NEVER || op->outcome == HISTORY_UNKNOWN;
}

static bool may_have_written(const struct history_op *op)
{
    return op->kind <= HISTORY_CAS && (op->outcome == HISTORY_OK || op->outcome == HISTORY_UNKNOWN);
}

/* What follows when it comes now; false: it was told otherwise. A key holds a value, or 0. */
static bool happens(const struct history_op *op, uint32_t *held)
{
    bool told = !is_pending(op);
    switch (op->kind) {
    case HISTORY_PUT:
        *held = op->value;
        return true;
    case HISTORY_DELETE:
        *held = 0;
        return true;
    case HISTORY_CREATE:
        if (told && (op->outcome == HISTORY_OK) != (*held == 0))
            return false;
        if (*held == 0)
            *held = op->value;
        return true;
    case HISTORY_CAS:
        if (told && op->outcome != (*held == op->expected ? HISTORY_OK : *held ? HISTORY_MODIFIED : HISTORY_ABSENT))
            return false;
        if (*held == op->expected)
            *held = op->value;
        return true;
    case HISTORY_GET:
        return *held == (op->outcome == HISTORY_OK ? op->value : 0);
    case HISTORY_LIST:
        return (op->outcome == HISTORY_OK) == (*held != 0);
    default: /* expire */
        if (*held == op->value)
            *held = 0;
        return true;
    }
}

/* Whether it certainly was: it was answered, or somebody saw it who certainly did. */
static bool certainly_wrote(const struct brute *b, const struct history_op *op)
{
    if (!is_pending(op))
        return true;
    for (unsigned i = 0; i < b->count; i++) {
        const struct history_op *o = b->op[i];
        if (o->kind == HISTORY_GET && o->outcome == HISTORY_OK && o->value == op->value)
            return true;
        if (o->kind == HISTORY_CAS && o->expected == op->value && o != op &&
            (o->outcome == HISTORY_OK || (is_pending(o) && certainly_wrote(b, o))))
            return true;
    }
    return false;
}

/* What nobody knows to have been written may expire, or there was nothing to. */
static bool may_be_left_out(const struct brute *b, const struct history_op *op)
{
    if (op->kind != HISTORY_EXPIRE || is_pending(op))
        return is_pending(op);
    for (unsigned i = 0; i < b->count; i++)
        if (b->op[i]->kind <= HISTORY_CAS && b->op[i]->value == op->value && certainly_wrote(b, b->op[i]))
            return false;
    return true;
}

static bool survives(const struct brute *b, unsigned lose, unsigned done, uint32_t held);

static bool explains(const struct brute *b, unsigned done, uint32_t held)
{
    uint64_t first_end = HISTORY_NEVER;
    bool all = true;
    for (unsigned i = 0; i < b->count; i++)
        if (!(done & 1u << i) && !may_be_left_out(b, b->op[i])) {
            all = false;
            if (b->op[i]->end < first_end)
                first_end = b->op[i]->end;
        }
    if (all)
        return true;
    for (unsigned i = 0; i < b->count; i++) {
        uint32_t then = held;
        if (done & 1u << i || b->op[i]->begin > first_end)
            continue;
        if (b->op[i]->kind == HISTORY_LOSE ? survives(b, i, done, held)
                                           : happens(b->op[i], &then) && explains(b, done | 1u << i, then))
            return true;
    }
    return false;
}

/* It lost nothing, or the key holds nothing then, or anything that was begun to be written by then. */
static bool survives(const struct brute *b, unsigned lose, unsigned done, uint32_t held)
{
    done |= 1u << lose;
    if (explains(b, done, held) || explains(b, done, 0))
        return true;
    for (unsigned i = 0; i < b->count; i++)
        if (may_have_written(b->op[i]) && b->op[i]->begin <= b->op[lose]->end && explains(b, done, b->op[i]->value))
            return true;
    return false;
}

static bool brute_force(const struct history *h)
{
    struct brute b = {0};
    for (size_t i = 0; i < h->count; i++)
        if (h->op[i].outcome != HISTORY_FAILED && !(history_reads(&h->op[i]) && is_pending(&h->op[i])))
            b.op[b.count++] = &h->op[i];
    return explains(&b, 0, 0);
}

/* --- random histories --- */

static enum history_outcome pick_outcome(struct rng *r, enum history_kind kind)
{
    unsigned x = (unsigned)rng_below(r, 10);
    if (x == 0)
        return HISTORY_UNKNOWN;
    if (x == 1)
        return HISTORY_FAILED;
    switch (kind) {
    case HISTORY_CREATE:
        return x < 6 ? HISTORY_OK : HISTORY_EXISTS;
    case HISTORY_CAS:
        return x < 6 ? HISTORY_OK : x < 8 ? HISTORY_MODIFIED : HISTORY_ABSENT;
    case HISTORY_GET:
    case HISTORY_LIST:
        return x < 7 ? HISTORY_OK : HISTORY_ABSENT;
    default:
        return HISTORY_OK;
    }
}

static void make_random(struct rng *r, struct history *h)
{
    static const enum history_kind kinds[] = {HISTORY_PUT,  HISTORY_PUT,    HISTORY_CREATE, HISTORY_CREATE,
                                              HISTORY_CAS,  HISTORY_CAS,    HISTORY_DELETE, HISTORY_GET,
                                              HISTORY_GET,  HISTORY_GET,    HISTORY_GET,    HISTORY_LIST,
                                              HISTORY_LIST, HISTORY_EXPIRE, HISTORY_LOSE};
    unsigned count = 1 + (unsigned)rng_below(r, OPS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct history_op op = {.begin = rng_below(r, 20), .key = 1};
        op.kind = kinds[rng_below(r, sizeof kinds / sizeof kinds[0])];
        op.outcome = pick_outcome(r, op.kind);
        op.end = op.outcome == HISTORY_UNKNOWN ? HISTORY_NEVER : op.begin + rng_below(r, 8);
        bool writes = op.kind == HISTORY_PUT || op.kind == HISTORY_CREATE || op.kind == HISTORY_CAS;
        if (writes)
            op.value = i + 1;
        else if ((op.kind == HISTORY_GET && op.outcome != HISTORY_ABSENT) || op.kind == HISTORY_EXPIRE)
            op.value = 1 + (uint32_t)rng_below(r, count);
        if (op.kind == HISTORY_CAS)
            op.expected = 1 + (uint32_t)rng_below(r, count);
        if (op.kind == HISTORY_LOSE && op.outcome != HISTORY_OK)
            op.outcome = HISTORY_FAILED;
        history_add(h, &op);
    }
}

/* A value is read, expected or expires only if somebody writes it: else the two disagree on what such a history is. */
static bool is_sound(const struct history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->op[i];
        uint32_t value = op->kind == HISTORY_CAS ? op->expected : op->kind <= HISTORY_CAS ? 0 : op->value;
        bool found = !value;
        for (size_t k = 0; k < h->count; k++)
            found |= h->op[k].kind <= HISTORY_CAS && h->op[k].value == value && k != i &&
                     h->op[k].begin < h->op[i].begin && h->op[k].outcome != HISTORY_FAILED;
        if (!found)
            return false;
    }
    return true;
}

static void test_against_every_order(void **state)
{
    unsigned right = 0, wrong = 0;
    (void)state;
    for (uint64_t seed = 1; right + wrong < seeds(20000); seed++) {
        struct history h;
        struct rng r;
        rng_seed(&r, seed);
        history_init(&h);
        make_random(&r, &h);
        if (is_sound(&h)) {
            bool expected = brute_force(&h);
            enum check_verdict v = history_check(&h, &report);
            if (v != (expected ? CHECK_RIGHT : CHECK_WRONG)) {
                history_write(&h, stderr);
                fail_msg("seed %llu: every order says %s, the check %d: %s", (unsigned long long)seed,
                         expected ? "right" : "wrong", v, report.story);
            }
            *(expected ? &right : &wrong) += 1;
        }
        history_fini(&h);
    }
    assert_true(right > (right + wrong) / 20 && wrong > (right + wrong) / 20);
}

/* --- what a register has really had --- */

#define CLIENTS 6
#define LONG    600
#define SHORT   60 /* where every order has to be tried */

struct truth {
    uint32_t held;
    struct history history;
    struct rng rng;
};

/* Something happens at one moment between begin and end, and its client hears of it, or does not. */
static void really_do(struct truth *t, uint32_t number, uint64_t begin, uint64_t end)
{
    struct history_op op = {.client = number % CLIENTS + 1, .begin = begin, .end = end, .key = 1};
    op.kind = (enum history_kind)rng_below(&t->rng, HISTORY_GET1);
    if (op.kind <= HISTORY_CAS)
        op.value = number + 1;
    if (op.kind == HISTORY_CAS) /* the first expects what nobody writes */
        op.expected = t->held && rng_below(&t->rng, 2) ? t->held
                      : number                         ? 1 + (uint32_t)rng_below(&t->rng, number)
                                                       : UINT16_MAX;
    bool happens_at_all = rng_below(&t->rng, 10), is_told = happens_at_all && rng_below(&t->rng, 10);
    switch (op.kind) {
    case HISTORY_CREATE:
        op.outcome = t->held ? HISTORY_EXISTS : HISTORY_OK;
        break;
    case HISTORY_CAS:
        op.outcome = t->held == op.expected ? HISTORY_OK : t->held ? HISTORY_MODIFIED : HISTORY_ABSENT;
        break;
    case HISTORY_GET:
        op.outcome = t->held ? HISTORY_OK : HISTORY_ABSENT;
        op.value = t->held;
        break;
    case HISTORY_LIST:
        op.outcome = t->held ? HISTORY_OK : HISTORY_ABSENT;
        break;
    default:
        break;
    }
    if (happens_at_all && op.outcome == HISTORY_OK && op.kind <= HISTORY_DELETE)
        t->held = op.value;
    if (!is_told) {
        op.outcome = HISTORY_UNKNOWN;
        op.end = HISTORY_NEVER;
    }
    history_add(&t->history, &op);
}

static void make_true(struct truth *t, uint64_t seed, uint32_t length)
{
    *t = (struct truth){0};
    history_init(&t->history);
    rng_seed(&t->rng, seed);
    for (uint32_t i = 0; i < length; i++) {
        uint64_t at = 100 + 20 * (uint64_t)i; /* each at the same time as some five others */
        really_do(t, i, at - rng_below(&t->rng, 50), at + rng_below(&t->rng, 50));
    }
}

static void test_what_really_was(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(200); seed++) {
        struct truth t;
        make_true(&t, seed, LONG);
        if (history_check(&t.history, &report) != CHECK_RIGHT)
            fail_msg("seed %llu: %s", (unsigned long long)seed, report.story);
        history_fini(&t.history);
    }
}

/* A read long after says what was there before the last write. */
static void test_what_never_was(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(200); seed++) {
        struct truth t;
        make_true(&t, seed, SHORT);
        struct history_op first = {.begin = 100000, .end = 100001, .key = 1, .kind = HISTORY_PUT, .value = 100000};
        struct history_op second = {.begin = 100002, .end = 100003, .key = 1, .kind = HISTORY_PUT, .value = 100001};
        struct history_op get = {.begin = 100004, .end = 100005, .key = 1, .kind = HISTORY_GET, .value = 100000};
        history_add(&t.history, &first);
        history_add(&t.history, &second);
        history_add(&t.history, &get);
        enum check_verdict v = history_check(&t.history, &report);
        if (v != CHECK_WRONG)
            fail_msg("seed %llu: %d: %s", (unsigned long long)seed, v, report.story);
        history_fini(&t.history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_every_order),
        cmocka_unit_test(test_what_really_was),
        cmocka_unit_test(test_what_never_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
