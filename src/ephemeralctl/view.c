/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/view.h"

#include "base/validity.h"
#include "ephemeralctl/units.h"

#include <inttypes.h>

#define SHORT_ID 4 /* bytes of an incarnation that people are shown */
#define COUNT(a) (unsigned)(sizeof(a) / sizeof(a)[0])

static const char *member_state(enum status_member_state state)
{
    static const char *const names[] = {[STATUS_LIVE] = "live",
                                        [STATUS_SUSPECT] = "suspect",
                                        [STATUS_MEMBER_LEAVING] = "leaving",
                                        [STATUS_UNREACHABLE] = "unreachable"};
    return state >= STATUS_LIVE && state <= STATUS_UNREACHABLE ? names[state] : "unknown";
}

/* --- status, for people --- */

static void print_cluster(const struct status_node *s, FILE *out)
{
    char name[TABLE_CELL_MAX], id[UNITS_MAX];
    table_safe(s->name, name);
    if (cluster_id_is_zero(s->cluster_id))
        fprintf(out, "cluster      none yet, looks for '%s'\n", name);
    else
        fprintf(out, "cluster      %s (%s), epoch %" PRIu64 "\n", name, units_hex(s->cluster_id.b, SHORT_ID, id),
                s->epoch);
}

static const struct status_member *member_of(const struct status_node *s, uint64_t id)
{
    for (size_t i = 0; id && i < s->member_count; i++)
        if (s->member[i].id == id)
            return &s->member[i];
    return NULL;
}

static void print_this_node(const struct status_node *s, FILE *out)
{
    const struct status_member *self = member_of(s, s->id);
    char address[UNITS_MAX], id[UNITS_MAX];
    fputs("this node    ", out);
    if (self)
        fprintf(out, "%s, ", units_address(self->address, self->epmd_port, address));
    fprintf(out, "%s", status_node_state_text(s->state));
    if (s->id)
        fprintf(out, " %" PRIu64, s->id);
    fprintf(out, " (%s), %s, %s\n", units_hex(s->incarnation.b, SHORT_ID, id), s->ready ? "ready" : "not ready",
            s->serving ? "serving" : "not serving");
}

static void print_health(const struct status_node *s, FILE *out)
{
    char why[TABLE_CELL_MAX];
    const char *word = status_health_text(s->health);
    size_t n = strlen(word);
    bool repeats = strncmp(s->why, word, n) == 0 && s->why[n] == ':';
    fprintf(out, "health       %s%s%s\n", repeats ? "" : word, *s->why && !repeats ? ": " : "",
            table_safe(s->why, why));
}

static void print_partitions(const struct status_node *s, FILE *out)
{
    if (s->partitions_incomplete < 0)
        fputs("partitions   not known\n", out);
    else if (s->partitions_incomplete == 0)
        fputs("partitions   all have their replicas\n", out);
    else
        fprintf(out, "partitions   %d with fewer replicas than they should have", s->partitions_incomplete);
    if (s->partitions_incomplete > 0 && s->partitions_unavailable > 0)
        fprintf(out, ", %d of them without a majority: their keys are unavailable", s->partitions_unavailable);
    if (s->partitions_incomplete > 0)
        fputc('\n', out);
}

/* What is gone for good: nobody else would say so later. */
static void print_lost(const struct status_node *s, FILE *out)
{
    if (s->partitions_lost == 0)
        return;
    fprintf(out,
            "lost         %u partition%s, with all replicas, since the cluster was first formed: ", s->partitions_lost,
            s->partitions_lost == 1 ? "" : "s");
    if (s->partitions_lost_uncounted < s->partitions_lost)
        fprintf(out, "%" PRIu64 " keys as last counted%s", s->keys_lost,
                s->partitions_lost_uncounted ? ", and " : "\n");
    if (s->partitions_lost_uncounted)
        fprintf(out, "%u whose keys nobody had counted\n", s->partitions_lost_uncounted);
}

static void print_strength(const struct status_node *s, FILE *out)
{
    fprintf(out, "members      %zu of %u expected, %u seats\n", s->member_count, s->expected, s->seats);
    if (s->may_lose < 0)
        fputs("may lose     not known\n", out);
    else
        fprintf(out, "may lose     %d more node%s at once, without loss of a majority anywhere\n", s->may_lose,
                s->may_lose == 1 ? "" : "s");
    print_partitions(s, out);
    print_lost(s, out);
}

static void print_part(const char *before, const char *what, uint64_t used, uint64_t limit, FILE *out)
{
    char room[UNITS_MAX];
    if (used == UINT64_MAX)
        return;
    fprintf(out, "%s%s %s", before, what, units_bytes(used, room));
    if (limit != UINT64_MAX)
        fprintf(out, " of %s", units_bytes(limit, room));
}

/* What the parts do not explain: the program, its connections, and what the heap keeps for later. */
static uint64_t other_memory(const struct status_memory *m)
{
    uint64_t known = m->data + m->logs + m->peers + (m->requests == UINT64_MAX ? 0 : m->requests);
    if (m->resident == UINT64_MAX)
        return UINT64_MAX;
    return m->resident > known ? m->resident - known : 0;
}

static void print_memory(const struct status_memory *m, FILE *out)
{
    if (m->data == UINT64_MAX) /* of an older release */
        return;
    fputs("memory       ", out);
    print_part("", "process", m->resident, m->limit, out);
    print_part(m->resident == UINT64_MAX ? "" : "\n             ", "data", m->data, m->data_limit, out);
    print_part(", ", "logs", m->logs, m->logs_limit, out);
    print_part(", ", "requests", m->requests, m->requests_limit, out);
    print_part(", ", "to nodes", m->peers, UINT64_MAX, out);
    print_part(", ", "other", other_memory(m), UINT64_MAX, out);
    fputc('\n', out);
}

static const char *seat(const struct status_member *m)
{
    return m->leader ? "leader" : m->seat ? "seat" : "-";
}

static void cell_known(struct table *t, uint64_t n, uint64_t unknown)
{
    if (n == unknown)
        table_cell(t, "-");
    else
        table_cell(t, "%" PRIu64, n);
}

static void cell_memory(struct table *t, const struct status_member *m)
{
    char used[UNITS_MAX], limit[UNITS_MAX];
    if (m->memory_used == UINT64_MAX || m->memory_limit == UINT64_MAX)
        table_cell(t, "-");
    else
        table_cell(t, "%s of %s", units_bytes(m->memory_used, used), units_bytes(m->memory_limit, limit));
}

static bool has_names(const struct status_node *s)
{
    for (size_t i = 0; i < s->member_count; i++)
        if (*s->member[i].name)
            return true;
    return false;
}

/* Who a member is, for people: where it is, and its name where any has one. */
static void add_who(struct table *t, const struct status_node *s, const struct status_member *m)
{
    char address[UNITS_MAX];
    table_cell(t, "%s", units_address(m->address, m->epmd_port, address));
    if (has_names(s))
        table_cell(t, "%s", *m->name ? m->name : "-");
}

static void add_member(struct table *t, const struct status_node *s, const struct status_member *m)
{
    char incarnation[UNITS_MAX], age[UNITS_MAX];
    table_cell(t, "%s", m->id == s->id ? "*" : "");
    add_who(t, s, m);
    table_cell(t, "%s", member_state(m->state));
    table_cell(t, "%s", seat(m));
    cell_memory(t, m);
    cell_known(t, m->keys, UINT64_MAX);
    cell_known(t, m->lag, UINT64_MAX);
    table_cell(t, "%s", units_age(m->age_ms, age));
    table_cell(t, "%" PRIu64, m->id);
    table_cell(t, "%s", units_hex(m->incarnation.b, SHORT_ID, incarnation));
}

static bool print_and_end(struct table *t, FILE *out)
{
    bool ok = table_print(t, out);
    table_fini(t);
    return ok;
}

static long long days_of(const struct status_certificates *c, uint64_t end)
{
    return (long long)validity_days_left((int64_t)end, (int64_t)c->now);
}

/* In days; when, says the JSON. */
static void print_certificates(const struct status_certificates *c, FILE *out)
{
    char user[TABLE_CELL_MAX];
    if (!c->now || !c->root)
        return;
    fprintf(out, "certificates root ends in %lld days, node's own in %lld days (renewed before)", days_of(c, c->root),
            days_of(c, c->node));
    if (c->client)
        fprintf(out, ", first client's, %s, in %lld days", table_safe(c->user, user), days_of(c, c->client));
    fputc('\n', out);
}

bool view_status(const struct status_node *s, FILE *out)
{
    static const char *const heads[] = {"",      "NODE", "STATE", "SEAT", ">DATA",
                                        ">KEYS", ">LAG", ">AGE",  ">ID",  "INCARNATION"};
    static const char *const named[] = {"",      "NODE", "NAME", "STATE", "SEAT",       ">DATA",
                                        ">KEYS", ">LAG", ">AGE", ">ID",   "INCARNATION"};
    struct table t;
    print_cluster(s, out);
    print_this_node(s, out);
    print_health(s, out);
    if (!cluster_id_is_zero(s->cluster_id))
        print_strength(s, out);
    print_memory(&s->memory, out);
    print_certificates(&s->certificates, out);
    if (s->member_count == 0)
        return true;
    fputc('\n', out);
    table_init(&t, has_names(s) ? named : heads, has_names(s) ? COUNT(named) : COUNT(heads));
    for (size_t i = 0; i < s->member_count; i++)
        add_member(&t, s, &s->member[i]);
    return print_and_end(&t, out);
}

bool view_members(const struct status_node *s, FILE *out)
{
    static const char *const heads[] = {"NODE", "STATE", ">ID"}, *const named[] = {"NODE", "NAME", "STATE", ">ID"};
    struct table t;
    table_init(&t, has_names(s) ? named : heads, has_names(s) ? COUNT(named) : COUNT(heads));
    for (size_t i = 0; i < s->member_count; i++) {
        const struct status_member *m = &s->member[i];
        add_who(&t, s, m);
        table_cell(&t, "%s", member_state(m->state));
        table_cell(&t, "%" PRIu64, m->id);
    }
    return print_and_end(&t, out);
}

/* --- status, for programs --- */

static void put_id(struct json *j, const char *name, const uint8_t id[ID_SIZE], bool none)
{
    char text[UNITS_MAX];
    if (none)
        json_null(j, name);
    else
        json_string(j, name, slice_str(units_hex(id, ID_SIZE, text)));
}

static void put_known(struct json *j, const char *name, uint64_t n, uint64_t unknown)
{
    if (n == unknown)
        json_null(j, name);
    else
        json_number(j, name, n);
}

static void put_count(struct json *j, const char *name, int n)
{
    put_known(j, name, n < 0 ? UINT64_MAX : (uint64_t)n, UINT64_MAX);
}

static void put_text(struct json *j, const char *name, const char *text)
{
    if (*text)
        json_string(j, name, slice_str(text));
    else
        json_null(j, name);
}

static void put_who(struct json *j, const struct status_member *m)
{
    json_number(j, "id", m->id);
    put_id(j, "incarnation", m->incarnation.b, incarnation_is_zero(m->incarnation));
    json_string(j, "address", slice_str(m->address));
    put_text(j, "name", m->name);
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
    put_known(j, "memory_used", m->memory_used, UINT64_MAX);
    put_known(j, "memory_limit", m->memory_limit, UINT64_MAX);
    put_known(j, "keys", m->keys, UINT64_MAX);
    put_known(j, "lag", m->lag, UINT64_MAX);
    json_close(j, '}');
}

static void put_memory(struct json *j, const struct status_memory *m)
{
    json_open(j, "memory", '{');
    put_known(j, "resident", m->resident, UINT64_MAX);
    put_known(j, "limit", m->limit, UINT64_MAX);
    put_known(j, "data", m->data, UINT64_MAX);
    put_known(j, "data_limit", m->data_limit, UINT64_MAX);
    put_known(j, "logs", m->logs, UINT64_MAX);
    put_known(j, "logs_limit", m->logs_limit, UINT64_MAX);
    put_known(j, "peers", m->peers, UINT64_MAX);
    put_known(j, "requests", m->requests, UINT64_MAX);
    put_known(j, "requests_limit", m->requests_limit, UINT64_MAX);
    json_close(j, '}');
}

static void put_end(struct json *j, const char *name, const struct status_certificates *c, uint64_t end,
                    const char *user)
{
    char text[VALIDITY_TEXT_SIZE];
    if (!c->now || !end) {
        json_null(j, name);
        return;
    }
    json_open(j, name, '{');
    if (user)
        json_string(j, "user", slice_str(user));
    json_string(j, "ends", slice_str(validity_text((int64_t)end, text)));
    json_signed(j, "days", days_of(c, end));
    json_close(j, '}');
}

static void put_certificates(struct json *j, const struct status_certificates *c)
{
    json_open(j, "certificates", '{');
    put_end(j, "root", c, c->root, NULL);
    put_end(j, "node", c, c->node, NULL);
    put_end(j, "client", c, c->client, c->user);
    json_close(j, '}');
}

static void put_this_node(struct json *j, const struct status_node *s)
{
    json_string(j, "state", slice_str(status_node_state_text(s->state)));
    json_string(j, "why", slice_str(s->why));
    json_string(j, "health", slice_str(s->health == STATUS_NO_QUORUM ? "no_quorum" : status_health_text(s->health)));
    json_bool(j, "ready", s->ready);
    json_bool(j, "probe", s->probe);
    json_bool(j, "serving", s->serving);
    put_known(j, "id", s->id, 0);
    put_id(j, "incarnation", s->incarnation.b, incarnation_is_zero(s->incarnation));
    json_string(j, "cluster_name", slice_str(s->name));
    put_id(j, "cluster_id", s->cluster_id.b, cluster_id_is_zero(s->cluster_id));
    json_number(j, "epoch", s->epoch);
    json_number(j, "expected", s->expected);
    json_number(j, "seats", s->seats);
    put_count(j, "may_lose", s->may_lose);
    put_count(j, "partitions_incomplete", s->partitions_incomplete);
    put_count(j, "partitions_unavailable", s->partitions_unavailable);
    json_number(j, "partitions_lost", s->partitions_lost);
    json_number(j, "partitions_lost_uncounted", s->partitions_lost_uncounted);
    json_number(j, "keys_lost", s->keys_lost);
    put_memory(j, &s->memory);
    put_certificates(j, &s->certificates);
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

/* A member where many are named in a row: without the port where all have the same. */
static const char *short_name(const struct status_node *s, uint64_t id, char room[UNITS_MAX])
{
    const struct status_member *m = member_of(s, id);
    bool same_port = true;
    for (size_t i = 0; i < s->member_count; i++)
        same_port &= s->member[i].epmd_port == s->member[0].epmd_port;
    if (m && !same_port)
        return units_address(m->address, m->epmd_port, room);
    if (m)
        snprintf(room, UNITS_MAX, "%s", m->address);
    else
        snprintf(room, UNITS_MAX, "member %" PRIu64, id);
    return room;
}

void view_partitions_begin(struct table *t)
{
    static const char *const heads[] = {">NUMBER", ">GENERATION", "LEADER", "REPLICAS", ">KEYS", ">LAG"};
    table_init(t, heads, COUNT(heads));
}

/* Members; one that is being added has a '+' in front. */
static const char *replicas(const struct status_node *s, const struct status_partition *p, char room[TABLE_CELL_MAX])
{
    size_t n = 0;
    char name[UNITS_MAX];
    room[0] = '\0';
    for (size_t i = 0; i < p->replica_count; i++)
        n += (size_t)snprintf(room + n, TABLE_CELL_MAX - n, "%s%s%s", i ? ", " : "", p->replica[i].voter ? "" : "+",
                              short_name(s, p->replica[i].member, name));
    return room;
}

_Static_assert(STATUS_REPLICAS_MAX *(UNITS_MAX + 3) < TABLE_CELL_MAX, "a cell holds all replicas of a partition");

/* Of the replica that lags most, among those that are known. */
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

void view_partition(struct table *t, const struct status_node *s, const struct status_partition *p)
{
    char text[TABLE_CELL_MAX], name[UNITS_MAX];
    table_cell(t, "%u", p->number);
    table_cell(t, "%" PRIu32, p->generation);
    table_cell(t, "%s", p->leader ? short_name(s, p->leader, name) : "-");
    table_cell(t, "%s", replicas(s, p, text));
    cell_known(t, p->keys, UINT64_MAX);
    cell_known(t, worst_lag(p), UINT64_MAX);
}

/* Its address; null: it is in the table no more. */
static void put_address(struct json *j, const char *name, const struct status_node *s, uint64_t id)
{
    const struct status_member *m = member_of(s, id);
    put_text(j, name, m ? m->address : "");
}

void view_partition_json(struct json *j, const struct status_node *s, const struct status_partition *p)
{
    json_open(j, NULL, '{');
    json_number(j, "number", p->number);
    json_number(j, "generation", p->generation);
    put_known(j, "leader", p->leader, 0);
    put_address(j, "leader_address", s, p->leader);
    put_known(j, "keys", p->keys, UINT64_MAX);
    json_open(j, "replicas", '[');
    for (size_t i = 0; i < p->replica_count; i++) {
        json_open(j, NULL, '{');
        json_number(j, "member", p->replica[i].member);
        put_address(j, "address", s, p->replica[i].member);
        json_bool(j, "voter", p->replica[i].voter);
        put_known(j, "lag", p->replica[i].lag, UINT64_MAX);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* --- transfers --- */

bool view_transfers(const struct status_node *s, const struct status_transfer *list, size_t count, FILE *out)
{
    static const char *const heads[] = {">PARTITION", "FROM", "TO", ">KEYS", ">COPIED", ">AGE"};
    char text[UNITS_MAX];
    struct table t;
    if (count == 0) {
        fputs("this node sends and receives no copies now\n", out);
        return true;
    }
    table_init(&t, heads, COUNT(heads));
    for (size_t i = 0; i < count; i++) {
        table_cell(&t, "%u", list[i].partition);
        table_cell(&t, "%s", short_name(s, list[i].from, text));
        table_cell(&t, "%s", short_name(s, list[i].to, text));
        table_cell(&t, "%" PRIu64, list[i].keys);
        table_cell(&t, "%s", units_bytes(list[i].bytes, text));
        table_cell(&t, "%s", units_age(list[i].age_ms, text));
    }
    return print_and_end(&t, out);
}

void view_transfers_json(const struct status_node *s, const struct status_transfer *list, size_t count, FILE *out)
{
    struct json j = json_to(out);
    json_open(&j, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&j, NULL, '{');
        json_number(&j, "partition", list[i].partition);
        json_number(&j, "from", list[i].from);
        put_address(&j, "from_address", s, list[i].from);
        json_number(&j, "to", list[i].to);
        put_address(&j, "to_address", s, list[i].to);
        json_number(&j, "keys", list[i].keys);
        json_number(&j, "bytes", list[i].bytes);
        json_number(&j, "age_ms", list[i].age_ms);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_end(&j);
}
