/* SPDX-License-Identifier: Apache-2.0 */
#include "history/history.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define COLUMNS        9

static const char *const kind_words[] = {
#define X(name, word) word,
    HISTORY_KINDS(X)
#undef X
};
static const char *const outcome_words[] = {
#define X(name, word) word,
    HISTORY_OUTCOMES(X)
#undef X
};

void history_init(struct history *h)
{
    *h = (struct history){0};
}

void history_fini(struct history *h)
{
    for (size_t i = 0; i < h->words; i++)
        free(h->word[i]);
    free(h->word);
    free(h->op);
    history_init(h);
}

size_t history_add(struct history *h, const struct history_op *op)
{
    if (h->count == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 256;
        h->op = realloc(h->op, h->cap * sizeof *h->op);
        ASSERT(h->op);
    }
    h->op[h->count] = *op;
    return h->count++;
}

/* --- writing --- */

static void put_word(const struct history *h, uint32_t number, char letter, char *out, size_t size)
{
    if (!number)
        snprintf(out, size, "-");
    else if (h->words)
        snprintf(out, size, "%s", h->word[number - 1]);
    else
        snprintf(out, size, "%c%" PRIu32, letter, number);
}

static void put_time(uint64_t time, char *out, size_t size)
{
    if (time == HISTORY_NEVER)
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%" PRIu64, time);
}

void history_text(const struct history *h, const struct history_op *op, char *out, size_t size)
{
    char client[64], key[128], value[128], expected[128], end[24], revision[2 * HISTORY_REVISION_MAX + 1] = "-";
    put_word(h, op->client, 'c', client, sizeof client);
    put_word(h, op->key, 'k', key, sizeof key);
    if (history_counts(op) && op->value)
        snprintf(value, sizeof value, "%" PRIu32, op->value);
    else
        put_word(h, op->value, 'v', value, sizeof value);
    put_word(h, op->expected, 'v', expected, sizeof expected);
    put_time(op->end, end, sizeof end);
    for (unsigned i = 0; i < op->revision_len; i++)
        snprintf(revision + 2 * i, 3, "%02x", op->revision[i]);
    snprintf(out, size, "%s %" PRIu64 " %s %s %s %s %s %s %s", client, op->begin, end, kind_words[op->kind], key, value,
             expected, outcome_words[op->outcome], revision);
}

void history_write(const struct history *h, FILE *f)
{
    char line[LINE_MAX_BYTES];
    for (size_t i = 0; i < h->count; i++) {
        history_text(h, &h->op[i], line, sizeof line);
        fprintf(f, "%s\n", line);
    }
}

/* --- reading --- */

/* All words have numbers in one row: a table of them with open addressing, for the time of reading. */
struct reader {
    struct history *history;
    size_t *slot; /* 1 + place in history->word */
    size_t slots, cap;
    bool *written; /* by place in history->word: as a value; `cap` of them */
};

static size_t hash_of(const char *word)
{
    size_t hash = 14695981039346656037ULL;
    for (; *word; word++)
        hash = (hash ^ (unsigned char)*word) * 1099511628211ULL;
    return hash ^ hash >> 32;
}

static size_t *find_slot(const struct reader *r, const char *word)
{
    size_t i = hash_of(word) & (r->slots - 1);
    while (r->slot[i] && strcmp(r->history->word[r->slot[i] - 1], word) != 0)
        i = (i + 1) & (r->slots - 1);
    return &r->slot[i];
}

static void make_room(struct reader *r)
{
    struct history *h = r->history;
    if (2 * (h->words + 1) <= r->slots)
        return;
    r->slots = r->slots ? 2 * r->slots : 1024;
    free(r->slot);
    r->slot = calloc(r->slots, sizeof *r->slot);
    ASSERT(r->slot);
    for (size_t i = 0; i < h->words; i++)
        *find_slot(r, h->word[i]) = i + 1;
}

static uint32_t number_of(struct reader *r, const char *word)
{
    struct history *h = r->history;
    if (strcmp(word, "-") == 0)
        return 0;
    make_room(r);
    size_t *slot = find_slot(r, word);
    if (*slot)
        return (uint32_t)*slot;
    if (h->words == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 256;
        h->word = realloc(h->word, r->cap * sizeof *h->word);
        r->written = realloc(r->written, r->cap * sizeof *r->written);
        ASSERT(h->word && r->written);
    }
    r->written[h->words] = false;
    h->word[h->words] = strdup(word);
    ASSERT(h->word[h->words]);
    *slot = ++h->words;
    return (uint32_t)*slot;
}

static bool parse_time(const char *word, uint64_t *out)
{
    char *end;
    if (*word < '0' || *word > '9')
        return false;
    *out = strtoull(word, &end, 10);
    return !*end && *out != HISTORY_NEVER;
}

/* 1 and up. */
static bool parse_count(const char *word, uint32_t *out)
{
    uint64_t n = 0;
    bool there = strcmp(word, "-") != 0;
    *out = 0;
    if (there && (!parse_time(word, &n) || n == 0 || n > UINT32_MAX))
        return false;
    *out = (uint32_t)n;
    return true;
}

/* The place of a word among some; `count` where it is none of them. */
static unsigned parse_choice(const char *word, const char *const *words, unsigned count)
{
    unsigned i = 0;
    while (i < count && strcmp(word, words[i]) != 0)
        i++;
    return i;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_revision(const char *word, struct history_op *op)
{
    if (strcmp(word, "-") == 0)
        return true;
    size_t len = strlen(word);
    if (len % 2 || len / 2 > sizeof op->revision)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        int high = hex_digit(word[2 * i]), low = hex_digit(word[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        op->revision[i] = (uint8_t)(high << 4 | low);
    }
    op->revision_len = (uint8_t)(len / 2);
    return true;
}

/* What outcomes there are of what is asked. */
static bool is_possible(const struct history_op *op)
{
    if (op->outcome == HISTORY_OK || op->outcome == HISTORY_FAILED || op->outcome == HISTORY_UNKNOWN)
        return true;
    switch (op->kind) {
    case HISTORY_CREATE:
        return op->outcome == HISTORY_EXISTS;
    case HISTORY_CAS:
        return op->outcome == HISTORY_MODIFIED || op->outcome == HISTORY_ABSENT;
    case HISTORY_GET:
    case HISTORY_LIST:
    case HISTORY_GET1:
    case HISTORY_COUNT:
    case HISTORY_MAY:
    case HISTORY_MEMBER:
        return op->outcome == HISTORY_ABSENT;
    default:
        return false;
    }
}

static bool has_value(const struct history_op *op)
{
    bool reads = op->kind == HISTORY_GET || op->kind == HISTORY_GET1 || op->kind == HISTORY_COUNT;
    bool has_to = history_writes(op) || op->kind == HISTORY_EXPIRE || (reads && op->outcome == HISTORY_OK);
    return op->value || !has_to;
}

/* False: it was written before. */
static bool note_written(struct reader *r, const struct history_op *op)
{
    bool was = history_writes(op) && r->written[op->value - 1];
    if (history_writes(op))
        r->written[op->value - 1] = true;
    return !was;
}

/* What of its words is no operation; NULL: it is one. */
static const char *find_fault(struct reader *r, const struct history_op *op)
{
    bool is_told = op->outcome != HISTORY_UNKNOWN && op->outcome != HISTORY_FAILED;
    if (op->end < op->begin)
        return "it ends before it begins";
    if (!op->key && op->kind != HISTORY_LOSE)
        return "it has no key";
    if (!has_value(op) || ((op->kind == HISTORY_CAS || op->kind == HISTORY_EXCLUDE) && !op->expected))
        return "it has no value";
    if (!is_possible(op))
        return "such an operation has no such outcome";
    if (is_told && op->end == HISTORY_NEVER && op->kind < HISTORY_EXPIRE)
        return "it was answered, and has no end";
    return note_written(r, op) ? NULL : "its value was written before";
}

/* NULL: it is one, and stands in *op. */
static const char *parse(struct reader *r, char *line, struct history_op *op)
{
    char *word[COLUMNS + 1], *rest = line;
    unsigned n = 0;
    while (n <= COLUMNS && (word[n] = strtok_r(rest, " \t\r\n", &rest)))
        n++;
    if (n != COLUMNS)
        return "it has not nine words";
    *op = (struct history_op){.end = HISTORY_NEVER};
    op->kind = parse_choice(word[3], kind_words, HISTORY_KIND_COUNT);
    op->outcome = parse_choice(word[7], outcome_words, HISTORY_OUTCOME_COUNT);
    if (op->kind == HISTORY_KIND_COUNT)
        return "the fourth word is no kind of operation";
    if (op->outcome == HISTORY_OUTCOME_COUNT)
        return "the eighth word is no outcome";
    if (!parse_time(word[1], &op->begin) || (strcmp(word[2], "-") != 0 && !parse_time(word[2], &op->end)))
        return "the second and third words are no times";
    if (!parse_revision(word[8], op))
        return "the ninth word is no revision in hexadecimal digits";
    op->client = number_of(r, word[0]);
    op->key = strcmp(word[4], "*") == 0 ? 0 : number_of(r, word[4]);
    if (!history_counts(op))
        op->value = number_of(r, word[5]);
    else if (!parse_count(word[5], &op->value))
        return "the sixth word is no count";
    op->expected = number_of(r, word[6]);
    return find_fault(r, op);
}

bool history_read(struct history *h, FILE *f, char *why, size_t size)
{
    struct reader r = {.history = h};
    char line[LINE_MAX_BYTES];
    const char *wrong = NULL;
    unsigned long number = 0;
    while (!wrong && fgets(line, sizeof line, f)) {
        struct history_op op;
        number++;
        if (!strchr(line, '\n') && !feof(f))
            wrong = "it is too long";
        else if (line[0] != '#' && line[strspn(line, " \t\r\n")] && !(wrong = parse(&r, line, &op)))
            history_add(h, &op);
    }
    if (!wrong && ferror(f))
        wrong = "it could not be read";
    free(r.slot);
    free(r.written);
    if (wrong)
        snprintf(why, size, "line %lu: %s", number, wrong);
    return !wrong;
}
