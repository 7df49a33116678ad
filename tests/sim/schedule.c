/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/schedule.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *const words[] = {
#define X(name, word, help) word,
    FAULT_TABLE(X)
#undef X
};

static _Noreturn void refuse(const char *file, size_t line, const char *what)
{
    fprintf(stderr, "ephemeral-sim: schedule %s, line %zu: %s\n", file, line, what);
    exit(EX_DATAERR);
}

static FILE *open_file(const char *name, const char *mode)
{
    FILE *f = fopen(name, mode);
    if (!f) {
        fprintf(stderr, "ephemeral-sim: the schedule ");
        perror(name);
        exit(EX_NOINPUT);
    }
    return f;
}

static enum fault find_fault(const char *word)
{
    unsigned kind = 0;
    while (kind < FAULT_COUNT && strcmp(word, words[kind]) != 0)
        kind++;
    return (enum fault)kind;
}

static void parse(const char *file, size_t number, const char *line, struct schedule_entry *e)
{
    char word[32];
    uint64_t *s = e->chance.s;
    if (sscanf(line, "%" SCNu64 " %31s %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &e->at_us, word, &s[0], &s[1],
               &s[2], &s[3]) != 6)
        refuse(file, number, "a line is MICROSECONDS FAULT and four numbers");
    e->kind = find_fault(word);
    if (e->kind == FAULT_COUNT)
        refuse(file, number, "this version has no such fault");
    if (!(s[0] | s[1] | s[2] | s[3])) /* the generator would give zeros only */
        refuse(file, number, "the chance is zero");
}

static void read_entries(struct schedule *s, const char *name)
{
    char line[256];
    FILE *f = open_file(name, "r");
    s->entry = calloc(SCHEDULE_MAX, sizeof s->entry[0]);
    ASSERT(s->entry);
    while (fgets(line, sizeof line, f)) {
        if (s->count == SCHEDULE_MAX)
            refuse(name, s->count + 1, "too many lines");
        parse(name, s->count + 1, line, &s->entry[s->count]);
        if (s->count && s->entry[s->count].at_us < s->entry[s->count - 1].at_us)
            refuse(name, s->count + 1, "it is earlier than the line before");
        s->count++;
    }
    fclose(f);
}

void schedule_init(struct schedule *s, const char *replay, const char *record)
{
    *s = (struct schedule){.replays = replay != NULL};
    if (record)
        s->record = open_file(record, "w");
    if (replay)
        read_entries(s, replay);
}

void schedule_fini(struct schedule *s)
{
    if (s->record)
        fclose(s->record);
    free(s->entry);
}

void schedule_record(struct schedule *s, const struct schedule_entry *e)
{
    const uint64_t *c = e->chance.s;
    if (s->record)
        fprintf(s->record, "%" PRIu64 " %s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", e->at_us,
                words[e->kind], c[0], c[1], c[2], c[3]);
}

const struct schedule_entry *schedule_find(const struct schedule *s, enum fault kind, size_t from)
{
    while (from < s->count && s->entry[from].kind != kind)
        from++;
    return from < s->count ? &s->entry[from] : NULL;
}
