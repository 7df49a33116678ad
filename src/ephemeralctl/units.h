/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read them. Each writes into `room` and returns it. */
#ifndef EPHEMERALCTL_UNITS_H
#define EPHEMERALCTL_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_MAX 80 /* bytes with the NUL that any of these may write */

/* "512 B", "12.3 MiB" */
const char *units_bytes(uint64_t bytes, char room[UNITS_MAX]);
/* "12s", "3m12s", "2h05m", "4d03h" */
const char *units_age(uint64_t ms, char room[UNITS_MAX]);
/* The first `size` bytes (up to 16) in hexadecimal digits. */
const char *units_hex(const uint8_t *bytes, size_t size, char room[UNITS_MAX]);
/* An address (up to 63 bytes) with its port: "10.0.0.1:4369", "[fd00::1]:4369". */
const char *units_address(const char *address, uint16_t port, char room[UNITS_MAX]);

#endif
