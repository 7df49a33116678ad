/* SPDX-License-Identifier: Apache-2.0 */
/* What a put's content becomes before it is stored: its metadata in one run of bytes, its indexes checked and put in
 * Riak's form, its own life read from the user metadata. */
#ifndef SERVER_PUT_CONTENT_H
#define SERVER_PUT_CONTENT_H

#include "server/session.h"
#include "wire/kv_msg.h"

#define CONTENT_TTL_KEY "X-Ephemeral-TTL" /* user metadata, compared without case: seconds, 0: for ever */

/* Builds the metadata in s->server->meta. *ttl_s is replaced by the content's own life, if it has one. False: it cannot
 * be stored, which is answered in Riak's words. */
bool content_prepare(struct session *s, const struct kv_content *content, uint64_t *ttl_s);

/* A to Z alone, as Riak does with the names of fields. */
void content_lower(uint8_t *p, size_t len);

/* An integer in canonical decimal: "007" is "7", "-0" is "0"; the digits are a view of `text`. False: it is none. */
bool content_integer(struct slice text, struct slice *digits, bool *negative);

#endif
