/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of a store have asked and what they were told, to be judged afterwards: by the simulation, where it is
 * made, or from a file, where a recorder over real clients has written it.
 *
 * As text: one operation a line, nine words with blanks between them, `-` for nothing; a line that begins with `#` says
 * nothing.
 *
 *     CLIENT BEGIN END KIND KEY VALUE EXPECTED OUTCOME REVISION
 *
 * CLIENT, KEY, VALUE and EXPECTED are words. BEGIN and END are whole numbers of one clock, whatever it counts; END `-`:
 * it was never answered. KIND, OUTCOME: as below, in small letters. REVISION: the vclock, in hexadecimal.
 *
 * Each key is a register: absent, or a value, and every value is written once; or a counter, whose VALUE is a whole
 * number, from nothing on; or a permission, granted from the start; or an element of a set, which is not there. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(NAME, word): what each does, and its outcomes.
 *   put     writes: ok
 *   create  writes where the key is absent: ok, exists
 *   cas     writes where `expected` is the value (if_not_modified): ok, modified (another is), absent
 *   delete  makes absent: ok, also where it was
 *   get     reads, linearizable: ok, with the value that was read; absent
 *   list    reads what keys there are: ok, it is among them; absent
 *   get1    reads what any replica has (r = 1): likewise, but it may be long past; not older than what the same client
 *           was told before, who has one name for each of its connections
 *   add     adds one to a counter: ok, with the count that it came to where that was told
 *   count   reads a counter, linearizable: ok, with the count; absent
 *   grant   gives a permission: ok
 *   revoke  takes it away: ok
 *   may     asks for what takes it: ok, it was served; absent, it was denied
 *   include adds an element to a set: ok
 *   exclude takes it away, as far as the answer `expected` has shown it: ok
 *   member  looks for it; `value` is the number of the answer: ok, it is there; absent
 *   expire  no client's: at one moment between begin and end, if the value is this one, the key becomes absent. An end
 *           that never comes: perhaps
 *   lose    no client's: at one moment between begin and end whatever was acknowledged may be lost, with all who held
 *           it: the key may become absent, or hold any value again whose write had begun. Key 0: every key */
#define HISTORY_KINDS(X)                                                                                               \
    X(PUT, "put")                                                                                                      \
    X(CREATE, "create")                                                                                                \
    X(CAS, "cas")                                                                                                      \
    X(DELETE, "delete")                                                                                                \
    X(GET, "get")                                                                                                      \
    X(LIST, "list")                                                                                                    \
    X(GET1, "get1")                                                                                                    \
    X(ADD, "add")                                                                                                      \
    X(COUNT, "count")                                                                                                  \
    X(GRANT, "grant")                                                                                                  \
    X(REVOKE, "revoke")                                                                                                \
    X(MAY, "may")                                                                                                      \
    X(INCLUDE, "include")                                                                                              \
    X(EXCLUDE, "exclude")                                                                                              \
    X(MEMBER, "member")                                                                                                \
    X(EXPIRE, "expire")                                                                                                \
    X(LOSE, "lose")

/* failed: certainly no effect. unknown: it may have its effect at any time from its begin on, or never. */
#define HISTORY_OUTCOMES(X)                                                                                            \
    X(OK, "ok")                                                                                                        \
    X(ABSENT, "absent")                                                                                                \
    X(EXISTS, "exists")                                                                                                \
    X(MODIFIED, "modified")                                                                                            \
    X(FAILED, "failed")                                                                                                \
    X(UNKNOWN, "unknown")

enum history_kind {
#define X(name, word) HISTORY_##name,
    HISTORY_KINDS(X) HISTORY_KIND_COUNT
#undef X
};

enum history_outcome {
#define X(name, word) HISTORY_##name,
    HISTORY_OUTCOMES(X) HISTORY_OUTCOME_COUNT
#undef X
};

#define HISTORY_NEVER        UINT64_MAX
#define HISTORY_REVISION_MAX 40

struct history_op {
    uint32_t client;
    uint64_t begin, end; /* HISTORY_NEVER: not answered, its outcome is unknown */
    enum history_kind kind;
    enum history_outcome outcome;
    uint32_t key, value, expected;          /* numbers that stand for words; 0: nothing. Of a counter: the count */
    uint8_t revision[HISTORY_REVISION_MAX]; /* memcmp is their order */
    uint8_t revision_len;                   /* 0: none was told */
};

/* It writes, if it has its effect. */
static inline bool history_writes(const struct history_op *op)
{
    return op->kind == HISTORY_PUT || op->kind == HISTORY_CREATE || op->kind == HISTORY_CAS;
}

/* It tells what is there, and does nothing: unless it was answered it is nothing. */
static inline bool history_reads(const struct history_op *op)
{
    return op->kind == HISTORY_GET || op->kind == HISTORY_LIST;
}

static inline bool history_counts(const struct history_op *op)
{
    return op->kind == HISTORY_ADD || op->kind == HISTORY_COUNT;
}

static inline bool history_permits(const struct history_op *op)
{
    return op->kind == HISTORY_GRANT || op->kind == HISTORY_REVOKE || op->kind == HISTORY_MAY;
}

static inline bool history_collects(const struct history_op *op)
{
    return op->kind == HISTORY_INCLUDE || op->kind == HISTORY_EXCLUDE || op->kind == HISTORY_MEMBER;
}

struct history {
    struct history_op *op;
    size_t count, cap;
    char **word; /* of what was read from a file, by number; NULL elsewhere: the numbers are all there is */
    size_t words;
};

void history_init(struct history *h);
void history_fini(struct history *h);

/* Returns its place; what is known later is filled in there. There is always memory for it, or the process ends. */
size_t history_add(struct history *h, const struct history_op *op);
static inline struct history_op *history_at(struct history *h, size_t place)
{
    return &h->op[place];
}

/* Reads a whole file into an empty history. False: a line is malformed, and `why` says which and how. */
bool history_read(struct history *h, FILE *f, char *why, size_t size);
void history_write(const struct history *h, FILE *f);
/* One operation as a line without its end, as history_write() writes it. */
void history_text(const struct history *h, const struct history_op *op, char *out, size_t size);

#endif
