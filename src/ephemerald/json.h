/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of the environment: users and bucket types (configuration.md). Strict: unknown keys, doubled keys, wrong
 * types and anything over its limit are errors that say where. The only place with jansson. */
#ifndef EPHEMERALD_JSON_H
#define EPHEMERALD_JSON_H

#include "ephemerald/config.h"

#define JSON_TEXT_MAX ((size_t)256 * 1024)

/* {"name":..., "auth_mode":"certificate"} or an array of such. Fills c->user_names. 0, or E_MALFORMED, E_INVALID,
 * E_UNSUPPORTED, E_TOO_MANY, E_TOO_LARGE, E_NOMEM with `why`. */
int json_read_users(struct config *c, const char *text, char *why, size_t why_size);

/* {"type": {"property": value, ...}, ...}, or with {"props": {...}} around the properties as riak-admin takes them.
 * Fills c->bucket_types; their texts stay in c->json, freed by json_free(). */
int json_read_types(struct config *c, const char *text, char *why, size_t why_size);
void json_free(struct config *c);

#endif
