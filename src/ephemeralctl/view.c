#include "ephemeralctl/view.h"

#include "ephemeralctl/units.h"

#include <inttypes.h>

#define SHORT_ID 4 /* bytes of an incarnation that people are shown */
#define COUNT(a) (unsigned)(sizeof(a) / sizeof(a)[0])

const char *view_node_state(enum status_node_state state)
{
    static const char *const names[] = {
        [STATUS_SEEKING] = "seeking", [STATUS_FORMING] = "forming",   [STATUS_JOINING] = "joining",
        [STATUS_MEMBER] = "member",   [STATUS_STRANDED] = "stranded", [STATUS_LEAVING] = "leaving"};
    return state >= STATUS_SEEKING && state <= STATUS_LEAVING ? names[state] : "unknown";
}

static const char *member_state(enum status_member_state state)
{
    static const char *const names[] = {
        [STATUS_LIVE] = "live", [STATUS_SUSPECT] = "suspect", [STATUS_MEMBER_LEAVING] = "leaving"};
    return state >= STATUS_LIVE && state <= STATUS_MEMBER_LEAVING ? names[state] : "unknown";
}

static bool is_zero(const uint8_t id[STATUS_ID_SIZE])
{
    static const uint8_t zeros[STATUS_ID_SIZE];
    return memcmp(id, zeros, STATUS_ID_SIZE) == 0;
}

/* --- status, for people --- */

static void print_cluster(const struct status_node *s, FILE *out)
{
    char name[TABLE_CELL_MAX], id[UNITS_MAX];
    table_safe(s->name, name);
    if (is_zero(s->cluster_id))
        fprintf(out, "cluster      none yet, looks for '%s'\n", name);
    else
        fprintf(out, "cluster      %s (%s), epoch %" PRIu64 "\n", name, units_hex(s->cluster_id, SHORT_ID, id),
                s->epoch);
}

static void print_this_node(const struct status_node *s, FILE *out)
{
    char why[TABLE_CELL_MAX], id[UNITS_MAX];
    fprintf(out, "this node    %s", view_node_state(s->state));
    if (s->id)
        fprintf(out, " %" PRIu64, s->id);
    fprintf(out, " (%s), %s, %s\n", units_hex(s->incarnation, SHORT_ID, id), s->ready ? "ready" : "not ready",
            s->serving ? "serving" : "not serving");
    if (*s->why)
        fprintf(out, "because      %s\n", table_safe(s->why, why));
}

static void print_strength(const struct status_node *s, FILE *out)
{
    fprintf(out, "members      %zu of %u expected, %u seats\n", s->member_count, s->expected, s->seats);
    if (s->may_lose < 0)
        fputs("may lose     not known\n", out);
    else
        fprintf(out, "may lose     %d more node%s at once, without loss of a majority anywhere\n", s->may_lose,
                s->may_lose == 1 ? "" : "s");
    if (s->partitions_incomplete)
        fprintf(out, "partitions   %u with fewer replicas than they should have\n", s->partitions_incomplete);
    else
        fputs("partitions   all have their replicas\n", out);
}

static const char *seat(const struct status_member *m)
{
    return m->leader ? "leader" : m->seat ? "seat" : "-";
}

static void add_member(struct table *t, const struct status_node *s, const struct status_member *m)
{
    char address[UNITS_MAX], incarnation[UNITS_MAX], age[UNITS_MAX], used[UNITS_MAX], limit[UNITS_MAX];
    table_cell(t, "%s", m->id == s->id ? "*" : "");
    table_cell(t, "%" PRIu64, m->id);
    table_cell(t, "%s", member_state(m->state));
    table_cell(t, "%s", seat(m));
    table_cell(t, "%s", units_address(m->address, m->epmd_port, address));
    table_cell(t, "%s", units_hex(m->incarnation, SHORT_ID, incarnation));
    table_cell(t, "%s", units_age(m->age_ms, age));
    table_cell(t, "%s of %s", units_bytes(m->memory_used, used), units_bytes(m->memory_limit, limit));
    table_cell(t, "%" PRIu64, m->keys);
    table_cell(t, "%" PRIu64, m->lag);
}

static bool print_and_end(struct table *t, FILE *out)
{
    bool ok = table_print(t, out);
    table_fini(t);
    return ok;
}

bool view_status(const struct status_node *s, FILE *out)
{
    static const char *const heads[] = {"",     ">ID",     "STATE", "SEAT", "ADDRESS", "INCARNATION",
                                        ">AGE", ">MEMORY", ">KEYS", ">LAG"};
    struct table t;
    print_cluster(s, out);
    print_this_node(s, out);
    if (!is_zero(s->cluster_id))
        print_strength(s, out);
    if (s->member_count == 0)
        return true;
    fputc('\n', out);
    table_init(&t, heads, COUNT(heads));
    for (size_t i = 0; i < s->member_count; i++)
        add_member(&t, s, &s->member[i]);
    return print_and_end(&t, out);
}

bool view_members(const struct status_node *s, FILE *out)
{
    static const char *const heads[] = {">ID", "ADDRESS", "STATE"};
    char address[UNITS_MAX];
    struct table t;
    table_init(&t, heads, COUNT(heads));
    for (size_t i = 0; i < s->member_count; i++) {
        const struct status_member *m = &s->member[i];
        table_cell(&t, "%" PRIu64, m->id);
        table_cell(&t, "%s", units_address(m->address, m->epmd_port, address));
        table_cell(&t, "%s", member_state(m->state));
    }
    return print_and_end(&t, out);
}

/* --- status, for programs --- */

static void put_id(struct json *j, const char *name, const uint8_t id[STATUS_ID_SIZE])
{
    char text[UNITS_MAX];
    if (is_zero(id))
        json_null(j, name);
    else
        json_string(j, name, slice_str(units_hex(id, STATUS_ID_SIZE, text)));
}

static void put_known(struct json *j, const char *name, uint64_t n, uint64_t unknown)
{
    if (n == unknown)
        json_null(j, name);
    else
        json_number(j, name, n);
}

static void put_who(struct json *j, const struct status_member *m)
{
    json_number(j, "id", m->id);
    put_id(j, "incarnation", m->incarnation);
    json_string(j, "address", slice_str(m->address));
    json_number(j, "epmd_port", m->epmd_port);
    json_number(j, "handoff_port", m->handoff_port);
    json_string(j, "state", slice_str(member_state(m->state)));
}

static void put_member(struct json *j, const struct status_member *m)
{
    json_open(j, NULL, '{');
    put_who(j, m);
    json_bool(j, "seat", m->seat);
    json_bool(j, "leader", m->leader);
    json_number(j, "age_ms", m->age_ms);
    json_number(j, "memory_used", m->memory_used);
    json_number(j, "memory_limit", m->memory_limit);
    json_number(j, "keys", m->keys);
    json_number(j, "lag", m->lag);
    json_close(j, '}');
}

static void put_this_node(struct json *j, const struct status_node *s)
{
    json_string(j, "state", slice_str(view_node_state(s->state)));
    json_string(j, "why", slice_str(s->why));
    json_bool(j, "ready", s->ready);
    json_bool(j, "serving", s->serving);
    put_known(j, "id", s->id, 0);
    put_id(j, "incarnation", s->incarnation);
    json_string(j, "cluster_name", slice_str(s->name));
    put_id(j, "cluster_id", s->cluster_id);
    json_number(j, "epoch", s->epoch);
    json_number(j, "expected", s->expected);
    json_number(j, "seats", s->seats);
    put_known(j, "may_lose", s->may_lose < 0 ? UINT64_MAX : (uint64_t)s->may_lose, UINT64_MAX);
    json_number(j, "partitions_incomplete", s->partitions_incomplete);
}

void view_status_json(const struct status_node *s, FILE *out)
{
    struct json j = json_to(out);
    json_open(&j, NULL, '{');
    put_this_node(&j, s);
    json_open(&j, "members", '[');
    for (size_t i = 0; i < s->member_count; i++)
        put_member(&j, &s->member[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
}

void view_members_json(const struct status_node *s, FILE *out)
{
    struct json j = json_to(out);
    json_open(&j, NULL, '[');
    for (size_t i = 0; i < s->member_count; i++) {
        json_open(&j, NULL, '{');
        put_who(&j, &s->member[i]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_end(&j);
}

/* --- partitions --- */

void view_partitions_begin(struct table *t)
{
    static const char *const heads[] = {">NUMBER", ">GENERATION", ">LEADER", "REPLICAS", ">KEYS", ">LAG"};
    table_init(t, heads, COUNT(heads));
}

static void cell_known(struct table *t, uint64_t n, uint64_t unknown)
{
    if (n == unknown)
        table_cell(t, "-");
    else
        table_cell(t, "%" PRIu64, n);
}

/* Members; one that is being added has a '+' in front. */
static const char *replicas(const struct status_partition *p, char room[TABLE_CELL_MAX])
{
    size_t n = 0;
    room[0] = '\0';
    for (size_t i = 0; i < p->replica_count; i++)
        n += (size_t)snprintf(room + n, TABLE_CELL_MAX - n, "%s%s%" PRIu64, i ? " " : "",
                              p->replica[i].voter ? "" : "+", p->replica[i].member);
    return room;
}

_Static_assert(STATUS_REPLICAS_MAX * 22 < TABLE_CELL_MAX, "a cell holds all replicas of a partition");

/* Of the replica that is farthest behind, among those that are known. */
static uint64_t worst_lag(const struct status_partition *p)
{
    uint64_t worst = UINT64_MAX;
    for (size_t i = 0; i < p->replica_count; i++) {
        uint64_t lag = p->replica[i].lag;
        if (lag != UINT64_MAX && (worst == UINT64_MAX || lag > worst))
            worst = lag;
    }
    return worst;
}

void view_partition(struct table *t, const struct status_partition *p)
{
    char text[TABLE_CELL_MAX];
    table_cell(t, "%u", p->number);
    table_cell(t, "%" PRIu32, p->generation);
    cell_known(t, p->leader, 0);
    table_cell(t, "%s", replicas(p, text));
    cell_known(t, p->keys, UINT64_MAX);
    cell_known(t, worst_lag(p), UINT64_MAX);
}

void view_partition_json(struct json *j, const struct status_partition *p)
{
    json_open(j, NULL, '{');
    json_number(j, "number", p->number);
    json_number(j, "generation", p->generation);
    put_known(j, "leader", p->leader, 0);
    put_known(j, "keys", p->keys, UINT64_MAX);
    json_open(j, "replicas", '[');
    for (size_t i = 0; i < p->replica_count; i++) {
        json_open(j, NULL, '{');
        json_number(j, "member", p->replica[i].member);
        json_bool(j, "voter", p->replica[i].voter);
        put_known(j, "lag", p->replica[i].lag, UINT64_MAX);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* --- transfers --- */

bool view_transfers(const struct status_transfer *list, size_t count, FILE *out)
{
    static const char *const heads[] = {">PARTITION", ">FROM", ">TO", ">KEYS", ">COPIED", ">AGE"};
    char text[UNITS_MAX];
    struct table t;
    if (count == 0) {
        fputs("this node sends and receives no copies now\n", out);
        return true;
    }
    table_init(&t, heads, COUNT(heads));
    for (size_t i = 0; i < count; i++) {
        table_cell(&t, "%u", list[i].partition);
        table_cell(&t, "%" PRIu64, list[i].from);
        table_cell(&t, "%" PRIu64, list[i].to);
        table_cell(&t, "%" PRIu64, list[i].keys);
        table_cell(&t, "%s", units_bytes(list[i].bytes, text));
        table_cell(&t, "%s", units_age(list[i].age_ms, text));
    }
    return print_and_end(&t, out);
}

void view_transfers_json(const struct status_transfer *list, size_t count, FILE *out)
{
    struct json j = json_to(out);
    json_open(&j, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&j, NULL, '{');
        json_number(&j, "partition", list[i].partition);
        json_number(&j, "from", list[i].from);
        json_number(&j, "to", list[i].to);
        json_number(&j, "keys", list[i].keys);
        json_number(&j, "bytes", list[i].bytes);
        json_number(&j, "age_ms", list[i].age_ms);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_end(&j);
}
