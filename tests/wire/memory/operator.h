/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `operator` statements, as ephemeralctl reads those of its commands user and group. Apart from the
 * player, because two names of ephemeralctl's JSON writer are jansson's too, which the server has. */
#ifndef WIRE_MEMORY_OPERATOR_H
#define WIRE_MEMORY_OPERATOR_H

#include "base/slice.h"
#include "security/change.h"

struct operator_words {
    struct security_change change;
    enum security_role role; /* of a name alone */
    struct slice who;        /* that the change is still to be made for */
};

/* "user|group VERB ... [<<< PASSWORD]"; `text` is changed, and borrowed by *out. NULL, or what is wrong. */
const char *operator_read(char *text, struct operator_words *out);
/* The change for the next of those that it is for. False: there is none, or *why says what is wrong. */
bool operator_next(struct operator_words *w, struct security_change *out, const char **why);

#endif
