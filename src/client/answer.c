/* SPDX-License-Identifier: Apache-2.0 */
#include "client/answer.h"

#include "base/err.h"
#include "base/printable.h"
#include "wire/admin_msg.h"

/* The texts of riak-protocol.md by how they begin. Order matters: the first that fits. */
static const struct {
    const char *begin;
    int err;
} meanings[] = {
    {"match_found", E_EXISTS},
    {"modified", E_MODIFIED},
    {"notfound", E_NOT_FOUND},
    {"no_type", E_NOT_FOUND},
    {"No bucket-type named", E_NOT_FOUND},
    {"Invalid bucket type:", E_NOT_FOUND},
    {"Error no bucket type", E_NOT_FOUND},
    {"Permission denied", E_DENIED},
    {"Authentication failed", E_DENIED},
    {"Security is enabled", E_DENIED},
    {"memory limit", E_FULL},
    {"{too_large,", E_TOO_LARGE},
    {"{too_many_siblings,", E_TOO_MANY},
    {"timeout", E_TIMEOUT},
    {"overload", E_AGAIN},
    {"unavailable", E_AGAIN},
    {"all_nodes_down", E_AGAIN},
    {"the answer was lost", E_UNKNOWN},
    {"{insufficient_", E_AGAIN},
    {"{r_val_unsatisfied,", E_AGAIN},
    {"{w_val_unsatisfied,", E_AGAIN},
    {"{pr_val_unsatisfied,", E_AGAIN},
    {"{pw_val_unsatisfied,", E_AGAIN},
    {"{dw_val_unsatisfied,", E_AGAIN},
    {"Unknown message code", E_UNSUPPORTED},
};

static int meaning(const char *text)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strncmp(text, meanings[i].begin, strlen(meanings[i].begin)) == 0)
            return meanings[i].err;
    return E_INVALID;
}

int answer_error_decode(struct slice body, struct answer_error *out)
{
    struct slice text;
    *out = (struct answer_error){0};
    int err = admin_error_decode(body, &text, &out->code);
    printable_copy(err ? slice_str("an error that cannot be decoded") : text, out->text, sizeof out->text);
    return err ? E_MALFORMED : meaning(out->text);
}
