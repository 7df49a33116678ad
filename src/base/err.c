/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

struct err_row {
    const char *text;
    bool retryable;
};

static const struct err_row rows[] = {
#define X(name, number, retryable, text) [number] = {text, retryable},
    ERR_TABLE(X)
#undef X
};

static const struct err_row *row_of(int err)
{
    if (err >= 0 || err <= -(int)(sizeof rows / sizeof rows[0]))
        return 0;
    return rows[-err].text ? &rows[-err] : 0;
}

const char *err_text(int err)
{
    const struct err_row *row = row_of(err);
    return err == 0 ? "success" : row ? row->text : "unknown error";
}

bool err_known(int err)
{
    return err == 0 || row_of(err);
}

bool err_retryable(int err)
{
    const struct err_row *row = row_of(err);
    return row && row->retryable;
}
