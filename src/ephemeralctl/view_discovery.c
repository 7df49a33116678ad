/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/view_discovery.h"

#include "ephemeralctl/units.h"

#include <inttypes.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* --- for people --- */

static void print_node(const struct status_node *s, FILE *out)
{
    char why[TABLE_CELL_MAX];
    fprintf(out, "this node    %s%s%s, %u nodes expected\n", status_node_state_text(s->state), *s->why ? ": " : "",
            table_safe(s->why, why), s->expected);
}

static void cell_age(struct table *t, uint64_t age_ms, const char *none)
{
    char room[UNITS_MAX];
    if (age_ms == UINT64_MAX)
        table_cell(t, "%s", none);
    else
        table_cell(t, "%s ago", units_age(age_ms, room));
}

static void cell_size(struct table *t, int size)
{
    if (size < 0)
        table_cell(t, "-");
    else
        table_cell(t, "%d", size);
}

/* The last thing that is said of it is what went wrong, if that is newer than the answer, or the answer itself. */
static void cell_says(struct table *t, const struct status_source *s)
{
    char age[UNITS_MAX];
    bool fails = *s->error && s->failed_age_ms < s->answered_age_ms;
    if (fails)
        table_cell(t, "no answer: %s", s->error);
    else if (*s->problem)
        table_cell(t, "%s; %s", s->note, s->problem);
    else if (*s->error && s->failed_age_ms != UINT64_MAX)
        table_cell(t, "%s%slast failed %s ago: %s", s->note, *s->note ? "; " : "", units_age(s->failed_age_ms, age),
                   s->error);
    else
        table_cell(t, "%s", *s->note ? s->note : "-");
}

static void add_source(struct table *t, size_t number, const struct status_source *s)
{
    bool answered = s->answered_age_ms != UINT64_MAX;
    table_cell(t, "%zu", number);
    table_cell(t, "%s", s->name);
    cell_age(t, s->answered_age_ms, "never");
    if (answered)
        table_cell(t, "%" PRIu64 " ms", s->took_ms);
    else
        table_cell(t, "-");
    table_cell(t, "%u", s->nodes);
    table_cell(t, "%u", s->addresses);
    cell_size(t, s->size);
    table_cell(t, "%s", s->authoritative ? "yes" : "no");
    cell_says(t, s);
}

static bool print_sources(const struct status_discovery *d, FILE *out)
{
    static const char *const heads[] = {">#",         "SOURCE", "ANSWERED",      ">TOOK", ">NODES",
                                        ">ADDRESSES", ">SIZE",  "AUTHORITATIVE", "SAYS"};
    struct table t;
    table_init(&t, heads, COUNT(heads));
    for (size_t i = 0; i < d->source_count; i++)
        add_source(&t, i + 1, &d->source[i]);
    bool ok = table_print(&t, out);
    table_fini(&t);
    if (d->source_total > d->source_count)
        fprintf(out, "and %zu sources more, for which there is no room\n", d->source_total - d->source_count);
    return ok;
}

/* "1,3"; "-": none, it was named by another node, or was listed before. */
static const char *numbers(uint64_t sources, char room[TABLE_CELL_MAX])
{
    size_t n = 0;
    for (unsigned i = 0; i < STATUS_SOURCES_MAX; i++)
        if (sources >> i & 1)
            n += (size_t)snprintf(room + n, TABLE_CELL_MAX - n, "%s%u", n ? "," : "", i + 1);
    return n ? room : "-";
}

static void add_candidate(struct table *t, const struct status_candidate *c)
{
    char room[TABLE_CELL_MAX], address[UNITS_MAX];
    table_cell(t, "%s", units_address(c->address, c->epmd_port, address));
    table_cell(t, "%s", numbers(c->sources, room));
    table_cell(t, "%s", status_candidate_state_text(c->state));
    table_cell(t, "%s", *c->why ? c->why : "-");
}

/* --- for programs --- */

static void put_age(struct json *j, const char *name, uint64_t age_ms)
{
    if (age_ms == UINT64_MAX)
        json_null(j, name);
    else
        json_number(j, name, age_ms);
}

static void put_text(struct json *j, const char *name, const char *text)
{
    if (*text)
        json_string(j, name, slice_str(text));
    else
        json_null(j, name);
}

static void put_source(struct json *j, const struct status_source *s)
{
    json_open(j, NULL, '{');
    json_string(j, "name", slice_str(s->name));
    json_bool(j, "authoritative", s->authoritative);
    put_age(j, "answered_age_ms", s->answered_age_ms);
    put_age(j, "took_ms", s->answered_age_ms == UINT64_MAX ? UINT64_MAX : s->took_ms);
    json_number(j, "nodes", s->nodes);
    json_number(j, "addresses", s->addresses);
    put_age(j, "size", s->size < 0 ? UINT64_MAX : (uint64_t)s->size);
    put_text(j, "note", s->note);
    put_text(j, "problem", s->problem);
    put_age(j, "failed_age_ms", s->failed_age_ms);
    put_text(j, "error", s->error);
    json_close(j, '}');
}

static void put_candidate(struct json *j, const struct status_candidate *c)
{
    json_open(j, NULL, '{');
    json_string(j, "address", slice_str(c->address));
    json_number(j, "epmd_port", c->epmd_port);
    json_open(j, "sources", '[');
    for (unsigned i = 0; i < STATUS_SOURCES_MAX; i++)
        if (c->sources >> i & 1)
            json_number(j, NULL, i);
    json_close(j, ']');
    json_string(j, "state", slice_str(status_candidate_state_text(c->state)));
    put_text(j, "why", c->why);
    json_close(j, '}');
}

static void begin_json(struct json *j, const struct status_node *s, const struct status_discovery *d)
{
    json_open(j, NULL, '{');
    json_string(j, "state", slice_str(status_node_state_text(s->state)));
    json_string(j, "why", slice_str(s->why));
    json_number(j, "expected", s->expected);
    json_number(j, "source_total", d->source_total);
    json_open(j, "sources", '[');
    for (size_t i = 0; i < d->source_count; i++)
        put_source(j, &d->source[i]);
    json_close(j, ']');
    json_open(j, "candidates", '[');
}

/* --- both --- */

bool view_discovery_begin(struct view_discovery *v, const struct status_node *s, const struct status_discovery *first,
                          bool as_json, FILE *out)
{
    static const char *const heads[] = {"CANDIDATE", "SOURCES", "STATE", "WHY"};
    *v = (struct view_discovery){.json = json_to(out), .as_json = as_json, .out = out};
    table_init(&v->table, heads, COUNT(heads));
    if (as_json) {
        begin_json(&v->json, s, first);
        return true;
    }
    print_node(s, out);
    if (first->source_count == 0)
        fputs("sources      none: this node looks for no others (peers)\n", out);
    fputc('\n', out);
    return first->source_count == 0 || print_sources(first, out);
}

void view_discovery_page(struct view_discovery *v, const struct status_discovery *page)
{
    for (size_t i = 0; i < page->candidate_count; i++)
        if (v->as_json)
            put_candidate(&v->json, &page->candidate[i]);
        else
            add_candidate(&v->table, &page->candidate[i]);
}

static bool print_candidates(struct view_discovery *v)
{
    if (buf_len(&v->table.cells) == 0) {
        fputs("\ncandidates   none\n", v->out);
        return true;
    }
    fputc('\n', v->out);
    return table_print(&v->table, v->out);
}

bool view_discovery_end(struct view_discovery *v, bool all)
{
    bool ok = true;
    if (v->as_json) {
        json_close(&v->json, ']');
        json_close(&v->json, '}');
        json_end(&v->json);
    } else if (all) {
        ok = print_candidates(v);
    }
    table_fini(&v->table);
    return ok;
}
