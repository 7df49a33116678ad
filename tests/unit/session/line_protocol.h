/* SPDX-License-Identifier: Apache-2.0 */
/* A second protocol for the connection engine, as small as may be: what is missing in the seam between src/session and
 * a protocol is missing here first. TLS from the first byte, then:
 *
 *   AUTH user LF                        +OK
 *   GET bucket key LF                   $length LF value LF, or $- LF where there is none
 *   PUT bucket key length LF value LF   +OK
 *   WATCH LF                            +OK, and from then on "!bucket key LF" behind each put of this door
 *   COUNT LF                            :number LF, of puts so far; concerns more than one key
 *
 * A refusal is "-name LF", with the outcome's name. Names have no blanks. */
#ifndef LINE_PROTOCOL_H
#define LINE_PROTOCOL_H

#include "session/session.h"

#define LINE_MAX_BYTES 1024    /* of the line before a value */
#define LINE_VALUE_MAX 1000000 /* bytes of a value that is read */

struct line_door {
    struct list watchers;
    unsigned puts, pushed, lost;
};

void line_door_init(struct line_door *d);

extern const struct protocol line_protocol;

#endif
