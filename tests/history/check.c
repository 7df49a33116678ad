/* SPDX-License-Identifier: Apache-2.0 */
#include "history/check_impl.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void check_tell(struct check_report *r, const char *format, ...)
{
    size_t len = strlen(r->story);
    va_list args;
    va_start(args, format);
    vsnprintf(r->story + len, sizeof r->story - len, format, args);
    va_end(args);
}

void check_tell_op(struct check_report *r, const struct history *h, const char *mark, const struct history_op *op)
{
    char line[512];
    history_text(h, op, line, sizeof line);
    check_tell(r, "  %s %s\n", mark, line);
}

/* --- revisions --- */

static int by_end(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a, *y = *(const struct history_op *const *)b;
    return (x->end > y->end) - (x->end < y->end);
}

static bool tells_revision(const struct history_op *op)
{
    return op->revision_len && op->outcome == HISTORY_OK && op->end != HISTORY_NEVER && op->kind != HISTORY_GET1;
}

int check_compare_revisions(const struct history_op *a, const struct history_op *b)
{
    size_t len = a->revision_len < b->revision_len ? a->revision_len : b->revision_len;
    int order = memcmp(a->revision, b->revision, len);
    return order ? order : (a->revision_len > b->revision_len) - (a->revision_len < b->revision_len);
}

/* Against the greatest that was told before it began. */
static bool judge_revision(const struct key_history *k, const struct history_op *greatest, const struct history_op *op,
                           struct check_report *r)
{
    int order = greatest ? check_compare_revisions(op, greatest) : 1;
    if (order > 0 || (order == 0 && !history_writes(op)))
        return true;
    check_tell(r, "a revision went back, or stayed where it was with a write:\n");
    check_tell_op(r, k->history, "first:", greatest);
    check_tell_op(r, k->history, "then: ", op);
    return false;
}

bool check_revisions(const struct key_history *k, struct check_report *r)
{
    const struct history_op **ended = malloc((k->count + 1) * sizeof(const struct history_op *)), *greatest = NULL;
    size_t n = 0, next = 0;
    bool right = true;
    ASSERT(ended);
    for (size_t i = 0; i < k->count; i++)
        if (tells_revision(k->op[i]))
            ended[n++] = k->op[i];
    qsort(ended, n, sizeof(const struct history_op *), by_end);
    for (size_t i = 0; right && i < k->count; i++) {
        for (; next < n && ended[next]->end < k->op[i]->begin; next++)
            if (!greatest || check_compare_revisions(ended[next], greatest) > 0)
                greatest = ended[next];
        if (tells_revision(k->op[i]))
            right = judge_revision(k, greatest, k->op[i], r);
    }
    free(ended);
    return right;
}

/* --- reads of any replica --- */

static bool was_written(const struct key_history *k, uint32_t value, uint64_t before)
{
    for (size_t i = 0; i < k->count && k->op[i]->begin <= before; i++)
        if (k->op[i]->value == value && history_wrote(k->op[i]))
            return true;
    return false;
}

bool check_stale_reads(const struct key_history *k, struct check_report *r)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        bool reads = op->kind == HISTORY_GET || op->kind == HISTORY_GET1;
        if (!reads || op->outcome != HISTORY_OK || op->end == HISTORY_NEVER || was_written(k, op->value, op->end))
            continue;
        check_tell(r, "a value was read that nobody had written by then:\n");
        check_tell_op(r, k->history, "it:", op);
        return false;
    }
    return true;
}

/* --- all --- */

static int by_key_and_begin(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a, *y = *(const struct history_op *const *)b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x > y) - (x < y); /* as they were written down */
}

static bool has_any(const struct key_history *k, bool (*is)(const struct history_op *op))
{
    for (size_t i = 0; i < k->count; i++)
        if (is(k->op[i]))
            return true;
    return false;
}

static enum check_verdict judge_key(const struct key_history *k, struct check_report *r)
{
    if (has_any(k, history_permits))
        return check_permission(k, r) ? CHECK_RIGHT : CHECK_WRONG;
    if (has_any(k, history_collects))
        return check_members(k, r) ? CHECK_RIGHT : CHECK_WRONG;
    if (has_any(k, history_counts))
        return check_counts(k, r) ? CHECK_RIGHT : CHECK_WRONG;
    if (!check_stale_reads(k, r) || !check_revisions(k, r) || !check_shown(k, r))
        return CHECK_WRONG;
    return check_linear(k, r);
}

/* `all`: by their keys; those without one, which count for every key, first. */
static enum check_verdict judge_keys(const struct history *h, const struct history_op **all, struct check_report *r)
{
    size_t common = 0;
    while (common < h->count && all[common]->key == 0)
        common++;
    for (size_t i = common, end; i < h->count; i = end) {
        for (end = i; end < h->count && all[end]->key == all[i]->key; end++)
            ;
        struct key_history k = {.history = h, .key = all[i]->key, .count = end - i + common};
        k.op = malloc(k.count * sizeof(const struct history_op *));
        ASSERT(k.op);
        memcpy(k.op, all, common * sizeof(const struct history_op *));
        memcpy(k.op + common, all + i, (end - i) * sizeof(const struct history_op *));
        for (size_t n = common; n < k.count; n++) /* few stand out of order: those in front */
            for (size_t at = n; at && k.op[at - 1]->begin > k.op[at]->begin; at--) {
                const struct history_op *other = k.op[at - 1];
                k.op[at - 1] = k.op[at];
                k.op[at] = other;
            }
        r->keys++;
        enum check_verdict v = judge_key(&k, r);
        free(k.op);
        if (v == CHECK_WRONG)
            return v;
        if (v == CHECK_UNDECIDED)
            r->verdict = v;
    }
    return r->verdict;
}

enum check_verdict history_check(const struct history *h, struct check_report *out)
{
    const struct history_op **all = malloc((h->count + 1) * sizeof(const struct history_op *));
    ASSERT(all);
    *out = (struct check_report){.operations = h->count};
    for (size_t i = 0; i < h->count; i++)
        all[i] = &h->op[i];
    qsort(all, h->count, sizeof(const struct history_op *), by_key_and_begin);
    out->verdict = judge_keys(h, all, out);
    free(all);
    return out->verdict;
}
