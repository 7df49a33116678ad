/* SPDX-License-Identifier: Apache-2.0 */
/* JSON's texts without what they mean: where a value begins and ends. In one pass over its bytes, with no memory. What
 * it takes need not be JSON, as long as brackets close and strings end; what is no value is seen when it is decoded. */
#ifndef RIAK_JSON_SCAN_H
#define RIAK_JSON_SCAN_H

#include "base/slice.h"

#include <jansson.h>
#include <stdbool.h>

/* Takes blanks, and this character if it stands there. */
bool json_scan_char(struct slice *in, char c);
/* Whether nothing but blanks follows. */
bool json_scan_at_end(struct slice in);
/* Takes blanks and the text of one value. False: there is none. */
bool json_scan_value(struct slice *in, struct slice *out);
/* How many values are in it, itself included, about: what it costs to decode it. */
size_t json_scan_count(struct slice value);
/* Decodes it, as Riak's reader takes it (json_loose.h). A new reference; NULL: it is none, or E_NOMEM. */
json_t *json_scan_decode(struct slice value);

#endif
