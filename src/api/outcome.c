/* SPDX-License-Identifier: Apache-2.0 */
#include "api/outcome.h"

#include "base/assert.h"
#include "base/err.h"

static const struct {
    const char *name;
    enum outcome_effect effect;
    bool retryable;
} table[OUTCOME_COUNT] = {
#define X(NAME, name, effect, retryable) [OUTCOME_##NAME] = {name, EFFECT_##effect, retryable},
    OUTCOME_TABLE(X)
#undef X
};

const char *outcome_name(enum outcome_code code)
{
    ASSERT(code < OUTCOME_COUNT);
    return table[code].name;
}

enum outcome_effect outcome_effect(enum outcome_code code)
{
    ASSERT(code < OUTCOME_COUNT);
    return table[code].effect;
}

bool outcome_retryable(enum outcome_code code)
{
    ASSERT(code < OUTCOME_COUNT);
    return table[code].retryable;
}

bool outcome_fail(struct outcome *out, int err)
{
    return outcome_refuse(out,
                          (struct outcome){.code = err == E_NOMEM ? OUTCOME_NO_MEMORY : OUTCOME_FAILED, .err = err});
}
