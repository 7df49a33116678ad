/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a program, described once in a table: from it come the flags, the environment variables, the file's keys,
 * --help and the documentation. A flag wins over the environment, which wins over the file, which wins over the
 * default.
 *
 * Values are texts here, with where they came from; what they mean is the program's. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/slice.h"

#include <stdio.h>

#define OPTION_FILE_MAX ((size_t)1024 * 1024) /* bytes of a configuration file */

enum option_type { OPTION_TEXT, OPTION_FLAG, OPTION_NUMBER, OPTION_SIZE, OPTION_DURATION_MS };

struct option {
    const char *name;        /* --name VALUE, and `name = value` in the file */
    const char *environment; /* variable, or NULL; several separated by a space, the first that is set counts */
    enum option_type type;
    const char *argument; /* how --help calls the value */
    const char *standard; /* the default as text, or NULL: said in the help */
    uint64_t min, max;    /* of numbers, sizes and durations */
    bool secret;          /* its value is shown nowhere */
    const char *help;     /* what it does, and why the default is what it is */
};

/* Where a value came from: "flag --listen", "environment variable HOST", "file x.conf line 3", "default". */
#define OPTION_ORIGIN_MAX 256

struct option_value {
    char *text; /* owned; NULL: not given and no default */
    char origin[OPTION_ORIGIN_MAX];
    int rank; /* 0 not given, 1 default, 2 file, 3 environment, 4 flag */
};

struct option_set {
    const struct option *table; /* borrowed */
    size_t count;
    struct option_value *values; /* one for each row; owned */
};

/* E_NOMEM. */
int option_set_init(struct option_set *s, const struct option *table, size_t count);
/* Texts of secret options are overwritten before they are freed. */
void option_set_fini(struct option_set *s);

/* Each returns 0 or an error with its text in `why`: what, where, and what to do.
 *   E_INVALID     a value that is none
 *   E_NOT_FOUND   an unknown option or key (the nearest known one is named)
 *   E_IO          a file that cannot be read
 *   E_TOO_LARGE, E_NOMEM */
int option_read_flags(struct option_set *s, int argc, char *const *argv, char *why, size_t why_size);
/* A variable that is empty, or a service link of Kubernetes (base/service_link.h), counts as not set.
 * The variables of secret options are overwritten in place and unset, so that /proc/PID/environ does not keep them. */
int option_read_environment(struct option_set *s, char *why, size_t why_size);
/* `name = value` lines, # comments; `name = <<END`, then lines, then END, for a value of several lines. A byte order
 * mark at the front is skipped. The option `given_by`, which named the file, is E_INVALID in it. */
int option_read_file(struct option_set *s, const char *given_by, const char *path, char *why, size_t why_size);
int option_set_value(struct option_set *s, size_t row, const char *text, size_t len, int rank, const char *origin);

/* Row of a name, or -1. */
int option_find(const struct option_set *s, const char *name);
/* Row of the option that a misspelled name may mean, or -1. */
int option_nearest(const struct option_set *s, const char *name);
/* NULL when not given and without default. */
const char *option_text(const struct option_set *s, const char *name);
const char *option_origin(const struct option_set *s, const char *name);

/* The value as its type says; sizes take KiB, MiB, GiB, TiB (the same: Ki or K, ...) and the
 * decimal KB, MB, GB, TB, in capitals or not; durations ms, s, m, h; flags on/off, yes/no,
 * true/false, 1/0. E_INVALID with `why`. */
int option_number(const struct option_set *s, const char *name, uint64_t *out, char *why, size_t why_size);
int option_flag(const struct option_set *s, const char *name, bool *out, char *why, size_t why_size);

void option_print_help(const struct option *table, size_t count, FILE *out);
void option_print_markdown(const struct option *table, size_t count, FILE *out);
/* Terms of a manual page (base/roff.h). */
void option_print_man(const struct option *table, size_t count, FILE *out);

#endif
