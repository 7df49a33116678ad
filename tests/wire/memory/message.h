/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a transcript (the format is told in tests/wire/run): read from text, composed into bytes, compared
 * with an answer. The schema is proto/riak.proto, as protobuf-c describes it. Mistakes in a text fail the test. */
#ifndef WIRE_MEMORY_MESSAGE_H
#define WIRE_MEMORY_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#define VARIABLES_MAX 32

enum field_kind {
    FIELD_BYTES,
    FIELD_VARINT,
    FIELD_FIXED32,
    FIELD_FIXED64,
    FIELD_MESSAGE,
    FIELD_VARIABLE, /* $name */
    FIELD_OTHER,    /* !$name */
    FIELD_REGEX,
    FIELD_NOW,
    FIELD_ANY
};

struct field {
    struct field *next;
    uint32_t number;
    const ProtobufCFieldDescriptor *known; /* NULL: the message has no such field */
    enum field_kind kind;
    uint64_t value;      /* of a number */
    struct slice bytes;  /* of bytes, or the name of a variable, or the text of a regex */
    struct field *first; /* of a message */
};

/* One frame. Without a code it is bytes as they are. */
struct message {
    struct message *next;
    int code;                                  /* -1: none */
    const ProtobufCMessageDescriptor *message; /* NULL: not known */
    struct field *first;
    bool is_hex;
    const int16_t *hex; /* bytes; -1: any byte */
    size_t hex_count;
};

/* What transcripts give a name to; in an arena. */
struct variables {
    struct {
        struct slice name, bytes;
        uint64_t value;
        bool is_number;
    } one[VARIABLES_MAX];
    size_t count;
};

static inline bool field_is_message(const ProtobufCFieldDescriptor *known)
{
    return known && known->type == PROTOBUF_C_TYPE_MESSAGE;
}

/* Its place in `one`; v->count: the name has no value. */
size_t variables_find(const struct variables *v, struct slice name);

/* FRAME, or FRAME for A..B: one or more, in `a`. NULL: the text is none; *why says where. */
struct message *message_parse(struct arena *a, const char *text, const char **why);
/* Appends the bytes of one. False: *why. */
bool message_compose(const struct message *m, const struct variables *known, struct buf *out, const char **why);
/* Whether `wanted` is what came; `code` -1 where bytes without a frame came. `known` changes only when it is. */
bool message_match(const struct message *wanted, int code, struct slice body, struct variables *known, uint64_t now_s,
                   struct arena *a);
/* The bodies of several frames of one message, as if one had brought them: protobuf joins them so. True where this one
 * holds `done` and nothing else (*done), or anything but that. */
bool message_is_part(const struct message *wanted, struct slice body, bool *done);

#endif
