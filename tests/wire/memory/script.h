/* SPDX-License-Identifier: Apache-2.0 */
/* A transcript as statements (the format is told in tests/wire/run). */
#ifndef WIRE_MEMORY_SCRIPT_H
#define WIRE_MEMORY_SCRIPT_H

#include "message.h"

#define SCRIPT_OPTIONS_MAX 16

enum verb {
    VERB_CONNECT,
    VERB_TLS,
    VERB_SEND,
    VERB_EXPECT,
    VERB_STREAM,
    VERB_END, /* < closed, reset, refused */
    VERB_CLOSE,
    VERB_RESET,
    VERB_WAIT,
    VERB_TOOK,
    VERB_OPERATOR
};

struct statement {
    struct statement *next;
    unsigned line;
    enum verb verb;
    const char *connection; /* "": the one without a name */
    const char *rest;
    size_t piece;          /* SEND: bytes at once; 0: all. STREAM: the least number of frames */
    struct message *first; /* SEND, EXPECT, STREAM */
};

struct script {
    const char *option[SCRIPT_OPTIONS_MAX]; /* "--FLAG VALUE" */
    size_t option_count;
    struct statement *first;
};

/* Parses `text`, which is changed, into `a`. False: *line and *why say what is wrong. */
bool script_parse(struct script *s, struct arena *a, char *text, unsigned *line, const char **why);

#endif
