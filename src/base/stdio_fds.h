/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors 0, 1 and 2, which a program may find closed. Whatever it opens next would then get those numbers, and
 * what is meant for standard error would go into a library's pipe or a connection. */
#ifndef BASE_STDIO_FDS_H
#define BASE_STDIO_FDS_H

/* The first thing in main(): opens /dev/null in place of each that is closed, in the direction that is not its own, so
 * that reading or writing it still fails. E_IO: that is not possible. */
int stdio_fds_open(void);

/* Writes a text of less than PIPE_BUF bytes to standard error, unless that has no room for it within so many
 * milliseconds: it may be a pipe that nobody reads, and a process that is about to end must not wait there. Safe in a
 * signal handler. */
void stdio_fds_say(const char *text, int wait_ms);

#endif
