/* SPDX-License-Identifier: Apache-2.0 */
/* JSON's texts as slices. */
#ifndef RIAK_JSON_TEXT_H
#define RIAK_JSON_TEXT_H

#include "base/slice.h"

#include <jansson.h>

/* Borrowed from it; empty where it is no text. */
static inline struct slice json_text(const json_t *v)
{
    return slice_make(json_string_value(v), json_string_length(v));
}

#endif
