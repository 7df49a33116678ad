/* SPDX-License-Identifier: Apache-2.0 */
/* The few socket calls of a client, each bounded in time. errno is translated here and nowhere else in this layer. */
#ifndef CLIENT_SOCKET_H
#define CLIENT_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, for deadlines. */
uint64_t client_now_ms(void);

/* A non-blocking, connected socket with TCP_NODELAY at *fd (returned owned); every address of the host is tried until
 * `deadline_ms`. `why` says which address failed and how. E_NOT_FOUND (unknown host), E_TIMEOUT, E_CLOSED (refused),
 * E_IO. Looking up a name is the system's work and is not bounded by the deadline. */
int client_socket_connect(const char *host, uint16_t port, uint64_t deadline_ms, int *fd, char *why, size_t why_size);

/* Begins to connect and does not wait: `numeric` is an IPv4 or IPv6 address. *fd becomes writable when it is over, then
 * client_socket_result() tells how. E_INVALID (no address), E_IO. */
int client_socket_start(const char *numeric, uint16_t port, int *fd);
int client_socket_result(int fd, char *why, size_t why_size);

/* Waits until one of `events` (of poll(2)) is there. E_TIMEOUT, E_IO. */
int client_socket_wait(int fd, short events, uint64_t deadline_ms);

/* Sends or receives what can be at once: *n bytes. E_AGAIN, E_CLOSED (the other end is gone), E_IO. */
int client_socket_send(int fd, const void *data, size_t len, size_t *n);
int client_socket_receive(int fd, void *data, size_t cap, size_t *n);

#endif
