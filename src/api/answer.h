/* SPDX-License-Identifier: Apache-2.0 */
/* What the router's answer means to who asked: an error code of router/router.h as an outcome. Each is for one kind of
 * request, since a code means different things to each. True: err is 0. `timeout_ms`: the time that the request had. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api/api.h"
#include "api/outcome.h"
#include "datatype/datatype.h"

/* A read or a write of a key. `consistent`: of a consistent bucket, where a condition that failed is CONFLICT.
 *   EXISTS, NOT_FOUND, MODIFIED, CONFLICT, TOO_MANY_SIBLINGS, TOO_MANY_WRITES, TOO_LARGE, MEMORY_FULL, MOVED, NO_MEMORY
 *   and those of answer_of_change() */
bool answer_of_key(const struct api *a, int err, const struct store_result *r, bool consistent, uint64_t timeout_ms,
                   struct outcome *out);
/* An update or a read of a data type: NOT_PRESENT, WRONG_DATATYPE, and those of answer_of_key(). */
bool answer_of_update(const struct api *a, enum datatype kind, int err, const struct store_result *r,
                      uint64_t timeout_ms, struct outcome *out);
/* The state that such an answer holds: *payload as datatype/datatype.h has it, borrowed from the object. *has_value:
 * there is a live object. False: WRONG_DATATYPE. */
bool answer_state(enum datatype kind, const struct store_result *r, struct slice *payload, bool *has_value,
                  struct outcome *out);
/* A change of properties: TIMEOUT, TIMEOUT_UNKNOWN, ANSWER_LOST, RULES_CHANGED, NO_MEMORY, FAILED. */
bool answer_of_change(int err, uint64_t timeout_ms, struct outcome *out);
/* The creation of a bucket type: EXISTS, BAD_NAME, TOO_MANY, and those of answer_of_change(). */
bool answer_of_creation(int err, uint64_t timeout_ms, struct outcome *out);
/* A change of users: EXISTS, NOT_FOUND, NOT_PRESENT, TOO_MANY, and those of answer_of_change(). */
bool answer_of_security(int err, uint64_t timeout_ms, struct outcome *out);

#endif
