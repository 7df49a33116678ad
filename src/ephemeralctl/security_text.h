/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of users and groups as the words of ephemeralctl's commands, in both directions. */
#ifndef EPHEMERALCTL_SECURITY_TEXT_H
#define EPHEMERALCTL_SECURITY_TEXT_H

#include "ephemeralctl/json.h"
#include "security/change.h"

/* The words after `user` or `group` (`role`), without the verbs that only look. False: a usage error was printed.
 * `who`: the roles that it is for, as words with commas between, borrowed from `words`; each is then put into the
 * change by security_text_role(). *reads_password: the password is still to be read. */
bool security_text_parse(enum security_role role, char **words, int count, struct security_change *out,
                         const char **who, bool *reads_password);
/* Of words with commas between the first, which is taken off. */
struct slice security_text_word(struct slice *list);
/* "myuser", "group/NAME", "all"; a name alone is of `role`. False: a usage error was printed. */
bool security_text_role(struct slice word, enum security_role role, struct security_change *c);

/* One line, or one object. */
void security_text_print(const struct security_change *c, FILE *out);
void security_text_json(const struct security_change *c, struct json *j);

#endif
