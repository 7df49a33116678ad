/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *units_bytes(uint64_t bytes, char room[UNITS_MAX])
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
    size_t i = 0;
    if (bytes < 1024) {
        snprintf(room, UNITS_MAX, "%" PRIu64 " B", bytes);
        return room;
    }
    for (; tenths >= 10240 && i < sizeof names / sizeof names[0] - 1; i++)
        tenths /= 1024;
    snprintf(room, UNITS_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, names[i]);
    return room;
}

const char *units_age(uint64_t ms, char room[UNITS_MAX])
{
    uint64_t s = ms / 1000;
    if (s < 60)
        snprintf(room, UNITS_MAX, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(room, UNITS_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(room, UNITS_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(room, UNITS_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
    return room;
}

const char *units_hex(const uint8_t *bytes, size_t size, char room[UNITS_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        room[2 * i] = digits[bytes[i] >> 4];
        room[2 * i + 1] = digits[bytes[i] & 15];
    }
    room[2 * size] = '\0';
    return room;
}

const char *units_address(const char *address, uint16_t port, char room[UNITS_MAX])
{
    snprintf(room, UNITS_MAX, strchr(address, ':') ? "[%.63s]:%u" : "%.63s:%u", address, port);
    return room;
}
