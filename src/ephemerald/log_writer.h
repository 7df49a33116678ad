/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the log to a file descriptor from a thread of its own, so that the event loop never waits for its
 * reader.
 *
 * Standard error may be a pipe, a terminal, a socket or a file, and any of them can block for as long as its reader or
 * its disk likes. Making the descriptor non-blocking is no way out: its flags belong to every process that shares it,
 * such as the shell that started the node, and a file ignores them. So one thread does blocking writes, one line each
 * (short enough for a pipe to keep it whole), from a ring of bounded size.
 *
 * What finds no room in the ring is dropped. The newest lines are dropped, not the oldest: the first lines of a burst
 * say what began it. A quarter of the ring is for warnings and errors only. What was dropped, or could not be written
 * (disk full, reader gone), is counted, and a warning with the numbers stands in its place as soon as writing works
 * again. */
#ifndef EPHEMERALD_LOG_WRITER_H
#define EPHEMERALD_LOG_WRITER_H

#include "base/log.h"

#define LOG_WRITER_BYTES ((size_t)256 * 1024) /* 1,500 lines or so: seconds of the busiest debug log */

struct log_writer;

/* Starts the thread; it takes no signals. `fd` is borrowed until the process ends. E_NOMEM: also when there may be no
 * further thread. */
int log_writer_create(int fd, struct log_writer **out);

/* The log_sink; `arg` is the writer. Never waits for the descriptor. From any thread. */
void log_writer_put(void *arg, enum log_level level, const char *line);

/* Lines lost and not yet reported in the log. */
uint64_t log_writer_lost(struct log_writer *w);

/* Waits until everything is written, at most so long, and ends the thread. A thread that is stuck in a write cannot be
 * ended: it and its memory are then left to the end of the process. *w is NULL afterwards, and no line may follow. */
void log_writer_destroy(struct log_writer **w, unsigned linger_ms);

#endif
