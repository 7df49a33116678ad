/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include "base/err.h"
#include "base/roff.h"
#include "base/service_link.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { RANK_DEFAULT = 1, RANK_FILE, RANK_ENVIRONMENT, RANK_FLAG };

static void wipe(char *text, size_t len)
{
    explicit_bzero(text, len);
}

static void drop_text(const struct option *o, struct option_value *v)
{
    if (v->text && o->secret)
        wipe(v->text, strlen(v->text));
    free(v->text);
    v->text = NULL;
}

int option_set_value(struct option_set *s, size_t row, const char *text, size_t len, int rank, const char *origin)
{
    struct option_value *v = &s->values[row];
    if (rank < v->rank)
        return 0;
    char *copy = strndup(text, len);
    if (!copy)
        return E_NOMEM;
    drop_text(&s->table[row], v);
    v->text = copy;
    v->rank = rank;
    snprintf(v->origin, sizeof v->origin, "%s", origin);
    return 0;
}

static int set_or_explain(struct option_set *s, size_t row, const char *text, int rank, const char *origin, char *why,
                          size_t why_size)
{
    int err = option_set_value(s, row, text, strlen(text), rank, origin);
    if (err)
        snprintf(why, why_size, "%s: %s", origin, err_text(err));
    return err;
}

int option_set_init(struct option_set *s, const struct option *table, size_t count)
{
    int err = 0;
    *s = (struct option_set){.table = table, .count = count, .values = calloc(count, sizeof *s->values)};
    if (!s->values)
        return E_NOMEM;
    for (size_t i = 0; !err && i < count; i++)
        if (table[i].standard)
            err = option_set_value(s, i, table[i].standard, strlen(table[i].standard), RANK_DEFAULT, "default");
    return err;
}

void option_set_fini(struct option_set *s)
{
    for (size_t i = 0; s->values && i < s->count; i++)
        drop_text(&s->table[i], &s->values[i]);
    free(s->values);
    s->values = NULL;
}

int option_find(const struct option_set *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->table[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *option_text(const struct option_set *s, const char *name)
{
    int row = option_find(s, name);
    return row < 0 ? NULL : s->values[row].text;
}

const char *option_origin(const struct option_set *s, const char *name)
{
    int row = option_find(s, name);
    return row < 0 ? "nowhere" : s->values[row].origin;
}

/* --- unknown names: which known one is meant --- */

#define DISTANCE_NAME_MAX 63
#define DISTANCE_MAX      3 /* of a misspelling */

/* Levenshtein distance, one row at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strnlen(a, DISTANCE_NAME_MAX), lb = strnlen(b, DISTANCE_NAME_MAX), row[DISTANCE_NAME_MAX + 1];
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

int option_nearest(const struct option_set *s, const char *name)
{
    size_t best = 0;
    for (size_t i = 1; i < s->count; i++)
        if (distance(name, s->table[i].name) < distance(name, s->table[best].name))
            best = i;
    return distance(name, s->table[best].name) <= DISTANCE_MAX ? (int)best : -1;
}

static int fail_unknown(const struct option_set *s, const char *where, const char *name, char *why, size_t why_size)
{
    int near = option_nearest(s, name);
    if (near >= 0)
        snprintf(why, why_size, "%s: unknown option '%s': did you mean '%s'?", where, name, s->table[near].name);
    else
        snprintf(why, why_size, "%s: unknown option '%s': --help lists them all", where, name);
    return E_NOT_FOUND;
}

/* --- flags --- */

static int read_flag(struct option_set *s, int argc, char *const *argv, int *i, char *why, size_t why_size)
{
    const char *arg = argv[*i];
    char name[64], origin[OPTION_ORIGIN_MAX];
    if (strncmp(arg, "--", 2) != 0) {
        snprintf(why, why_size, "command line: '%s' is no option: all options begin with --, --help lists them", arg);
        return E_INVALID;
    }
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
    snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), arg + 2);
    int row = option_find(s, name);
    if (row < 0)
        return fail_unknown(s, "command line", name, why, why_size);
    const char *value = equals ? equals + 1 : NULL;
    if (!value && s->table[row].type == OPTION_FLAG && (*i + 1 == argc || strncmp(argv[*i + 1], "--", 2) == 0))
        value = "on";
    if (!value && ++*i < argc)
        value = argv[*i];
    if (!value) {
        snprintf(why, why_size, "command line: --%s needs a value (%s)", name, s->table[row].argument);
        return E_INVALID;
    }
    snprintf(origin, sizeof origin, "flag --%s", name);
    return set_or_explain(s, (size_t)row, value, RANK_FLAG, origin, why, why_size);
}

int option_read_flags(struct option_set *s, int argc, char *const *argv, char *why, size_t why_size)
{
    int err = 0;
    for (int i = 1; !err && i < argc; i++)
        err = read_flag(s, argc, argv, &i, why, why_size);
    return err;
}

/* --- the environment --- */

static int read_variable(struct option_set *s, size_t row, const char *name)
{
    char origin[OPTION_ORIGIN_MAX];
    char *value = getenv(name);
    if (!value || !*value || service_link_is(name, value))
        return E_NOT_FOUND;
    snprintf(origin, sizeof origin, "environment variable %s", name);
    int err = option_set_value(s, row, value, strlen(value), RANK_ENVIRONMENT, origin);
    if (s->table[row].secret) {
        wipe(value, strlen(value));
        unsetenv(name);
    }
    return err;
}

static int read_variables(struct option_set *s, size_t row)
{
    char name[128];
    int err = E_NOT_FOUND;
    for (const char *p = s->table[row].environment; p && *p && err == E_NOT_FOUND;) {
        size_t len = strcspn(p, " ");
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        err = read_variable(s, row, name);
        p += len + strspn(p + len, " ");
    }
    return err == E_NOT_FOUND ? 0 : err;
}

int option_read_environment(struct option_set *s, char *why, size_t why_size)
{
    int err = 0;
    for (size_t i = 0; !err && i < s->count; i++)
        err = read_variables(s, i);
    if (err)
        snprintf(why, why_size, "environment: %s", err_text(err));
    return err;
}

/* --- the file --- */

struct lines {
    const char *path;
    char *text, *at; /* the whole file, NUL at its end */
    size_t len;
    unsigned number;
    const char *given_by; /* the option that named this file */
};

static int load(struct lines *l, const char *path, char *why, size_t why_size)
{
    FILE *f = fopen(path, "re");
    *l = (struct lines){.path = path, .text = malloc(OPTION_FILE_MAX + 2)};
    if (!f || !l->text) {
        snprintf(why, why_size, "configuration file %s cannot be read: %s", path,
                 f ? "out of memory" : strerror(errno));
        if (f)
            fclose(f);
        return f ? E_NOMEM : E_IO;
    }
    l->len = fread(l->text, 1, OPTION_FILE_MAX + 1, f);
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    l->text[l->len] = '\0';
    l->at = l->text + slice_bom_size(slice_make(l->text, l->len));
    if (failed)
        snprintf(why, why_size, "configuration file %s cannot be read: %s", path, strerror(failed));
    else if (l->len > OPTION_FILE_MAX)
        snprintf(why, why_size, "configuration file %s is larger than 1 MiB", path);
    else if (memchr(l->text, '\0', l->len))
        snprintf(why, why_size, "configuration file %s holds a NUL byte: it is no text", path);
    else
        return 0;
    return failed ? E_IO : l->len > OPTION_FILE_MAX ? E_TOO_LARGE : E_INVALID;
}

/* The next line without its end, NULL after the last. */
static char *next_line(struct lines *l)
{
    char *line = l->at;
    if (!*line)
        return NULL;
    size_t len = strcspn(line, "\n");
    l->at = line + len + (line[len] == '\n');
    line[len] = '\0';
    if (len && line[len - 1] == '\r')
        line[len - 1] = '\0';
    l->number++;
    return line;
}

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t len = strlen(s);
    while (len && isspace((unsigned char)s[len - 1]))
        s[--len] = '\0';
    return s;
}

/* The lines up to `end`, joined in place by newlines again. */
static char *read_block(struct lines *l, const char *end, char *why, size_t why_size)
{
    unsigned first = l->number;
    char *block = l->at, *to = block, *line;
    while ((line = next_line(l))) {
        if (strcmp(trim(line), end) == 0) {
            *to = '\0';
            return block;
        }
        if (!*l->at)
            break; /* the last line: no end can follow, nor is there room for a newline */
        size_t len = strlen(line);
        memmove(to, line, len);
        to += len;
        *to++ = '\n';
    }
    snprintf(why, why_size, "%s line %u: the text that begins here with <<%s has no line %s at its end", l->path, first,
             end, end);
    return NULL;
}

static int read_line(struct option_set *s, struct lines *l, char *line, char *why, size_t why_size)
{
    char origin[OPTION_ORIGIN_MAX];
    unsigned number = l->number;
    line = trim(line);
    if (!*line || *line == '#')
        return 0;
    char *equals = strchr(line, '=');
    snprintf(origin, sizeof origin, "file %.200s line %u", l->path, number);
    if (!equals) {
        snprintf(why, why_size, "%s: '%.40s' is no setting: write name = value", origin, line);
        return E_INVALID;
    }
    *equals = '\0';
    char *name = trim(line), *value = trim(equals + 1);
    int row = option_find(s, name);
    if (row < 0)
        return fail_unknown(s, origin, name, why, why_size);
    if (strcmp(name, l->given_by) == 0) {
        snprintf(why, why_size, "%s: a file cannot name another one: give '%s' as a flag or in the environment", origin,
                 name);
        return E_INVALID;
    }
    if (strncmp(value, "<<", 2) == 0 && value[2]) {
        value = read_block(l, value + 2, why, why_size);
        if (!value)
            return E_INVALID;
    }
    return set_or_explain(s, (size_t)row, value, RANK_FILE, origin, why, why_size);
}

int option_read_file(struct option_set *s, const char *given_by, const char *path, char *why, size_t why_size)
{
    struct lines l;
    char *line;
    int err = load(&l, path, why, why_size);
    l.given_by = given_by;
    while (!err && (line = next_line(&l)))
        err = read_line(s, &l, line, why, why_size);
    if (l.text)
        wipe(l.text, l.len);
    free(l.text);
    return err;
}

/* --- what values mean --- */

struct unit {
    const char *name;
    uint64_t factor;
};

#define KI (UINT64_C(1) << 10)
#define MI (UINT64_C(1) << 20)
#define GI (UINT64_C(1) << 30)
#define TI (UINT64_C(1) << 40)
#define KB UINT64_C(1000)
#define MB UINT64_C(1000000)
#define GB UINT64_C(1000000000)
#define TB UINT64_C(1000000000000)

/* A letter alone is a power of 1024, as systemd, Docker and the JVM have it; Kubernetes writes that Ki, Mi, Gi. With B
 * it is the power of 1000 that the letters mean. */
static const struct unit size_units[] = {{"", 1},     {"B", 1}, /* bytes */
                                         {"K", KI},   {"Ki", KI},  {"KiB", KI}, {"M", MI},   {"Mi", MI},
                                         {"MiB", MI}, {"G", GI},   {"Gi", GI},  {"GiB", GI}, {"T", TI},
                                         {"Ti", TI},  {"TiB", TI},                                       /* of 1024 */
                                         {"KB", KB},  {"MB", MB},  {"GB", GB},  {"TB", TB},  {NULL, 0}}; /* of 1000 */
static const struct unit duration_units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static bool parse_number(const char *text, const struct unit *units, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno)
        return false;
    while (*end == ' ')
        end++;
    for (; units->name; units++)
        if (strcasecmp(end, units->name) == 0)
            return !__builtin_mul_overflow(value, units->factor, out);
    return false;
}

int option_number(const struct option_set *s, const char *name, uint64_t *out, char *why, size_t why_size)
{
    int row = option_find(s, name);
    const struct option *o = &s->table[row];
    const struct option_value *v = &s->values[row];
    const struct unit *units = o->type == OPTION_SIZE          ? size_units
                               : o->type == OPTION_DURATION_MS ? duration_units
                                                               : no_units;
    const char *unit = o->type == OPTION_SIZE          ? " bytes, or with a unit: K, M, G, T (the same: KiB or Ki, "
                                                         "MiB, GiB, TiB, powers of 1024), or KB, MB, GB, TB (powers of "
                                                         "1000)"
                       : o->type == OPTION_DURATION_MS ? " ms, or with a unit: ms, s, m, h"
                                                       : "";
    if (parse_number(v->text, units, out) && *out >= o->min && *out <= o->max)
        return 0;
    snprintf(why, why_size, "%s: '%.40s' is no value for %s: give %s from %llu to %llu%s", v->origin, v->text, name,
             o->argument, (unsigned long long)o->min, (unsigned long long)o->max, unit);
    return E_INVALID;
}

int option_flag(const struct option_set *s, const char *name, bool *out, char *why, size_t why_size)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "0", "1"};
    const struct option_value *v = &s->values[option_find(s, name)];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(v->text, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    snprintf(why, why_size, "%s: '%.40s' is no value for %s: give on or off", v->origin, v->text, name);
    return E_INVALID;
}

/* --- help --- */

static void print_wrapped(FILE *out, const char *text, int indent, int width)
{
    int column = indent;
    fprintf(out, "%*s", indent, "");
    while (*text) {
        int len = (int)strcspn(text, " ");
        if (column > indent && column + len > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(out, "%.*s ", len, text);
        column += len + 1;
        text += len + (text[len] == ' ');
    }
    fputc('\n', out);
}

void option_print_help(const struct option *table, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  --%s %s", table[i].name, table[i].argument);
        if (table[i].standard)
            fprintf(out, "  (default %s)", *table[i].standard ? table[i].standard : "empty");
        fputc('\n', out);
        if (table[i].environment)
            fprintf(out, "      environment: %s\n", table[i].environment);
        print_wrapped(out, table[i].help, 6, 100);
    }
}

/* A bar would begin a new column, also inside of `...`. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text; text++)
        fprintf(out, "%s%c", *text == '|' ? "\\" : "", *text);
}

void option_print_markdown(const struct option *table, size_t count, FILE *out)
{
    fputs("| option | environment | default | what it does |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "| `--%s ", table[i].name);
        print_cell(out, table[i].argument);
        fputs("` | ", out);
        for (const char *p = table[i].environment; p && *p;) {
            int len = (int)strcspn(p, " ");
            fprintf(out, "%s`%.*s`", p == table[i].environment ? "" : ", ", len, p);
            p += len + (p[len] == ' ');
        }
        fprintf(out, " | %s | ", table[i].standard ? table[i].standard : "");
        print_cell(out, table[i].help);
        fputs(" |\n", out);
    }
}

void option_print_man(const struct option *table, size_t count, FILE *out)
{
    char term[128];
    for (size_t i = 0; i < count; i++) {
        snprintf(term, sizeof term, "--%s", table[i].name);
        roff_term(out, term, table[i].argument);
        roff_text(out, table[i].help);
        if (table[i].standard && *table[i].standard)
            fprintf(out, "Default: %s.\n", table[i].standard);
        if (table[i].environment)
            fprintf(out, ".br\nEnvironment: %s\n", table[i].environment);
    }
}
