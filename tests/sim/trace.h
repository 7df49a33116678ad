/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened, in order: the last of it as text for people, all of it as a hash that tells whether two lives were
 * the same. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "base/log.h"
#include "base/slice.h"

#include <stdio.h>

#define TRACE_LINES 400
#define TRACE_WIDTH 256

struct trace {
    uint64_t hash;
    const uint64_t *now_us; /* borrowed */
    FILE *file;             /* every event; NULL: none */
    bool verbose;
    uint64_t lines;
    char line[TRACE_LINES][TRACE_WIDTH]; /* a ring of the last */
};

void trace_init(struct trace *t, const uint64_t *now_us);
void trace_fini(struct trace *t);

/* A thing for people to know. `level`: finer ones than LOG_INFO are hashed, and shown only in the file. */
void trace_line(struct trace *t, enum log_level level, const char *who, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Bytes that went from one place to another: hashed, and in the file as their hash. */
void trace_bytes(struct trace *t, const char *what, uint64_t number, struct slice bytes);

/* The last lines, oldest first; usable from a signal handler as far as `file` is. */
void trace_story(const struct trace *t, FILE *file);

#endif
