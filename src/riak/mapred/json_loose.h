/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Riak's reader takes it: control characters may stand in strings as they are. Old clients send newlines and
 * tabs so, and RFC 8259, section 7, which jansson follows, refuses them. */
#ifndef RIAK_JSON_LOOSE_H
#define RIAK_JSON_LOOSE_H

#include "base/buf.h"

/* Appends `text` to `out`, with the control characters in its strings escaped (at most six bytes for one). What is not
 * JSON otherwise stays what it is. E_NOMEM, or E_TOO_LARGE over the maximum of `out`. */
int json_escape_controls(struct slice text, struct buf *out);

#endif
