/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says when it refuses: RpbErrorResp, and what its text means to a program. Riak's servers send the code
 * 0 with nearly everything, so that only the text tells a failed condition from a full store. */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "base/slice.h"

#define ANSWER_TEXT_MAX 512 /* with its NUL; longer texts are cut */

struct answer_error {
    uint32_t code;
    char text[ANSWER_TEXT_MAX]; /* escaped (base/printable.h), so that it may be printed */
};

/* Decodes the body of RpbErrorResp; one that cannot be decoded says so in `text`. Returns what the text means:
 *   E_EXISTS       if_none_match found an object
 *   E_MODIFIED     if_not_modified found another revision
 *   E_NOT_FOUND    if_not_modified found nothing; no such bucket type
 *   E_DENIED       not authenticated, or no permission
 *   E_FULL         the memory limit is reached
 *   E_TOO_LARGE, E_TOO_MANY (siblings), E_TIMEOUT, E_AGAIN (overload, no node or quorum), E_UNKNOWN (whether it
 *                  had its effect), E_UNSUPPORTED (message code),
 *   E_MALFORMED
 *   E_INVALID      anything else */
int answer_error_decode(struct slice body, struct answer_error *out);

#endif
