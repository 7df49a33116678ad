/* SPDX-License-Identifier: Apache-2.0 */
/* A permission: granted and revoked, and asked for by what takes it. Who was served saw it granted, who was denied saw
 * it revoked, at some moment between the begin and the end of what he asked. Every node that serves knows a change when
 * it is answered; before, from its begin on, some may and some may not.
 *
 * So a change may be what is seen, unless another to the contrary began when it had been answered, and was itself
 * answered before he asked. A loss may bring back either. In the beginning it is granted. */
#include "history/check_impl.h"

static bool changes(const struct history_op *op, enum history_kind kind)
{
    return op->kind == kind && (op->outcome == HISTORY_OK || op->outcome == HISTORY_UNKNOWN);
}

/* Whether a change to the contrary is certainly behind what ended then, for one who asks at `begin`. */
static bool is_overruled(const struct key_history *k, enum history_kind contrary, uint64_t end, uint64_t begin)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        if (op->kind == contrary && op->outcome == HISTORY_OK && op->begin > end && op->end < begin)
            return true;
    }
    return false;
}

static bool may_be_seen(const struct key_history *k, enum history_kind kind, const struct history_op *seen)
{
    enum history_kind contrary = kind == HISTORY_GRANT ? HISTORY_REVOKE : HISTORY_GRANT;
    if (kind == HISTORY_GRANT && !is_overruled(k, contrary, 0, seen->begin))
        return true;
    for (size_t i = 0; i < k->count && k->op[i]->begin <= seen->end; i++) {
        const struct history_op *op = k->op[i];
        bool possible = changes(op, kind) || op->kind == HISTORY_LOSE;
        if (possible && (op->end >= seen->begin || !is_overruled(k, contrary, op->end, seen->begin)))
            return true;
    }
    return false;
}

bool check_permission(const struct key_history *k, struct check_report *r)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct history_op *op = k->op[i];
        bool told = op->kind == HISTORY_MAY && (op->outcome == HISTORY_OK || op->outcome == HISTORY_ABSENT);
        enum history_kind kind = op->outcome == HISTORY_OK ? HISTORY_GRANT : HISTORY_REVOKE;
        if (!told || op->end == HISTORY_NEVER || may_be_seen(k, kind, op))
            continue;
        check_tell(r, "%s:\n",
                   kind == HISTORY_GRANT ? "served, when the permission was revoked and all knew it"
                                         : "denied, when the permission was granted and all knew it");
        check_tell_op(r, k->history, "it:", op);
        return false;
    }
    return true;
}
