/* SPDX-License-Identifier: Apache-2.0 */
/* An object as a human or a program wants to see it. */
#ifndef EPHEMERALCTL_OBJECT_H
#define EPHEMERALCTL_OBJECT_H

#include "wire/kv_msg.h"

/* Each sibling under a line that says which it is. */
void object_print_siblings(const struct kv_resp *r);
/* One line: everything that is known of the object. */
void object_print_json(struct slice type, struct slice bucket, struct slice key, const struct kv_resp *r);

#endif
