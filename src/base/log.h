/* SPDX-License-Identifier: Apache-2.0 */
/* Leveled log lines: "time level area: message". An error is logged once, where it is dropped, and says what, which
 * object, why, and what to do. Secrets never reach it: callers pass names, sizes and codes. Not for data.
 *
 * A struct log belongs to its node (no global): tests and the simulation give their own sink. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 1024 /* bytes, with the NUL */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Gets one line without its newline; `line` is borrowed for the call. */
typedef void (*log_sink)(void *arg, enum log_level level, const char *line);

struct log {
    enum log_level level; /* the most talkative level that is written */
    log_sink sink;
    void *arg;
    uint64_t (*wall_ms)(void *arg); /* for the time at the front; NULL: none is written */
};

/* With UTC time in front of each line. `arg` is borrowed. */
void log_init(struct log *l, enum log_level level, log_sink sink, void *arg);
bool log_level_parse(const char *name, enum log_level *level);
const char *log_level_name(enum log_level level);

/* `l` may be NULL: nothing is written. Lines are cut at LOG_LINE_MAX - 1 bytes; control characters are shown as '?', so
 * that what a client sends cannot forge a line. */
void log_write(const struct log *l, enum log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(l, area, ...) log_write(l, LOG_ERROR, area, __VA_ARGS__)
#define log_warn(l, area, ...)  log_write(l, LOG_WARN, area, __VA_ARGS__)
#define log_info(l, area, ...)  log_write(l, LOG_INFO, area, __VA_ARGS__)
#define log_debug(l, area, ...) log_write(l, LOG_DEBUG, area, __VA_ARGS__)

#endif
