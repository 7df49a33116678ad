/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <ctype.h>
#include <stdlib.h>

#define GATHERED_MAX 8

struct parser {
    struct arena *arena;
    struct script *script;
    struct statement **end;
    const char *why;
    struct {
        const char *connection;
        struct message *first;
    } gathered[GATHERED_MAX]; /* + waits for its > */
    size_t gathered_count;
};

static const struct {
    const char *word;
    enum verb verb;
} verbs[] = {{"connect", VERB_CONNECT}, {"tls", VERB_TLS},   {"close", VERB_CLOSE},      {"reset", VERB_RESET},
             {"wait", VERB_WAIT},       {"took", VERB_TOOK}, {"operator", VERB_OPERATOR}};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *keep(struct parser *p, const char *text)
{
    const char *copy = arena_strdup(p->arena, slice_str(text));
    if (!copy)
        abort();
    return copy;
}

static struct message **end_of(struct message **m)
{
    while (*m)
        m = &(*m)->next;
    return m;
}

static struct message **gathered_of(struct parser *p, const char *connection)
{
    size_t i = 0;
    while (i < p->gathered_count && strcmp(p->gathered[i].connection, connection) != 0)
        i++;
    if (i == p->gathered_count && i < GATHERED_MAX) {
        p->gathered[i].connection = connection;
        p->gathered[i].first = NULL;
        p->gathered_count++;
    }
    return i < GATHERED_MAX ? &p->gathered[i].first : NULL;
}

static bool is_end(const char *rest)
{
    return strcmp(rest, "closed") == 0 || strcmp(rest, "reset") == 0 || strcmp(rest, "refused") == 0;
}

static void take_sent(struct parser *p, struct statement *st)
{
    struct message **waits = gathered_of(p, st->connection), *more = message_parse(p->arena, st->rest, &p->why);
    if (!waits || !more)
        return;
    st->first = *waits;
    *end_of(&st->first) = more;
    *waits = NULL;
}

/* Behind the verbs >, <, <* and +. True: the statement is whole. */
static bool take_frames(struct parser *p, struct statement *st, const char *verb)
{
    struct message **waits;
    switch (verb[0]) {
    case '+':
        waits = gathered_of(p, st->connection);
        if (waits)
            *end_of(waits) = message_parse(p->arena, st->rest, &p->why);
        return false;
    case '>':
        st->verb = VERB_SEND;
        st->piece = strtoul(verb + 1, NULL, 10);
        take_sent(p, st);
        return true;
    default:
        st->verb = verb[1] == '*' ? VERB_STREAM : is_end(st->rest) ? VERB_END : VERB_EXPECT;
        st->piece = verb[1] == '*' ? strtoul(verb + 2, NULL, 10) : 0;
        if (st->verb != VERB_END)
            st->first = message_parse(p->arena, st->rest, &p->why);
        return true;
    }
}

static bool take_verb(struct parser *p, struct statement *st, const char *verb)
{
    if (strchr("+><", verb[0]))
        return take_frames(p, st, verb);
    if (strcmp(verb, "daemon") == 0) {
        if (p->script->option_count == SCRIPT_OPTIONS_MAX)
            p->why = "too many options";
        else
            p->script->option[p->script->option_count++] = st->rest;
        return false;
    }
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(verbs[i].word, verb) == 0) {
            st->verb = verbs[i].verb;
            return true;
        }
    p->why = "no statement";
    return false;
}

/* "NAME: " before the verb, if it is there. */
static const char *cut_connection(struct parser *p, char **text)
{
    char *end = *text + strspn(*text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (end == *text || end[0] != ':' || end[1] != ' ')
        return "";
    *end = '\0';
    const char *name = keep(p, *text);
    *text = end + 2;
    return name;
}

static void take_statement(struct parser *p, char *text, unsigned line)
{
    struct statement *st = arena_alloc(p->arena, sizeof *st);
    if (!st)
        abort();
    *st = (struct statement){.line = line};
    st->connection = cut_connection(p, &text);
    char *rest = text + strcspn(text, " ");
    if (*rest)
        *rest++ = '\0';
    st->rest = keep(p, rest + strspn(rest, " "));
    if (!take_verb(p, st, text))
        return;
    *p->end = st;
    p->end = &st->next;
}

static bool is_comment(const char *line)
{
    line += strspn(line, " \t");
    return *line == '#' || *line == '\0';
}

/* Lines that begin with a blank go on with the one before. */
bool script_parse(struct script *s, struct arena *a, char *text, unsigned *line, const char **why)
{
    struct parser p = {.arena = a, .script = s, .end = &s->first};
    struct buf joined;
    unsigned number = 0, first = 0;
    *s = (struct script){.option_count = 0};
    buf_init(&joined, SIZE_MAX / 2);
    for (char *next = text; next && !p.why;) {
        char *at = next;
        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        number++;
        bool goes_on = isspace((unsigned char)*at) && buf_len(&joined);
        if (is_comment(at) && next)
            continue;
        if (!goes_on && buf_len(&joined)) {
            if (buf_append(&joined, "", 1))
                abort();
            take_statement(&p, (char *)joined.data + joined.start, first);
            buf_consume(&joined, buf_len(&joined));
        }
        if (!goes_on)
            first = number;
        if ((goes_on && buf_append(&joined, " ", 1)) || buf_append_slice(&joined, slice_str(at + strspn(at, " \t"))))
            abort();
    }
    buf_fini(&joined);
    *line = first;
    *why = p.why;
    return !p.why;
}
