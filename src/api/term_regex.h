/* SPDX-License-Identifier: Apache-2.0 */
/* The regular expressions of index queries: Perl's syntax, as Riak's are, by PCRE2. Matching is bounded in time and
 * memory: what would pass the bound does not match. */
#ifndef API_TERM_REGEX_H
#define API_TERM_REGEX_H

#include "base/slice.h"

struct term_regex;

/* NULL: it is none, and `why` says so as Riak does: {"missing )",1}. */
struct term_regex *term_regex_make(struct slice pattern, char *why, size_t size);
void term_regex_free(struct term_regex *r); /* or NULL */
/* Anywhere in the term's beginning: a search that starts again at every place of it costs the square of its length. */
#define TERM_REGEX_LOOKED_AT ((size_t)2048)
bool term_regex_matches(const struct term_regex *r, struct slice term);

#endif
