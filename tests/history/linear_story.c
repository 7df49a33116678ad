/* SPDX-License-Identifier: Apache-2.0 */
/* The story of a search that found no order. */
#include "history/linear_impl.h"

#define TOLD_ORDER 8

static bool is_in_best(const struct search *s, size_t call)
{
    for (size_t i = 0; i < s->best_count; i++)
        if (s->best[i] == call)
            return true;
    return false;
}

static void tell_state(const struct search *s, struct check_report *r)
{
    char line[512];
    if (s->best_belief == BELIEF_ABSENT) {
        check_tell(r, "then the key is absent, and none of these can come next:\n");
    } else if (s->best_belief >= BELIEF_NONE) {
        check_tell(r, "then the key holds %s, and none of these can come next:\n",
                   belief_is_open(s->best_belief) ? "what a loss has left" : "what nobody saw");
    } else {
        struct history_op shown = {.key = s->key->key, .value = s->best_belief};
        history_text(s->key->history, &shown, line, sizeof line);
        check_tell(r, "then the key holds the value of '%s', and none of these can come next:\n", line);
    }
}

void linear_tell(const struct search *s, struct check_report *r)
{
    size_t from = s->best_count > TOLD_ORDER ? s->best_count - TOLD_ORDER : 0, told = 0;
    uint64_t bound = HISTORY_NEVER;
    check_tell(r, "%zu of %zu can be ordered, the last of them:\n", s->best_count, s->musts);
    for (size_t i = from; i < s->best_count; i++)
        check_tell_op(r, s->key->history, "", s->must[s->best[i]].op);
    tell_state(s, r);
    for (size_t i = 0; i < s->musts; i++)
        if (!is_in_best(s, i) && s->must[i].end < bound)
            bound = s->must[i].end;
    for (size_t i = 0; i < s->musts && told < 2 * TOLD_ORDER; i++)
        if (!is_in_best(s, i) && s->must[i].op->begin <= bound) {
            check_tell_op(r, s->key->history, "", s->must[i].op);
            told++;
        }
    if (s->spares)
        check_tell(r, "(%zu more were never answered, and could have come before one of these)\n", s->spares);
}
