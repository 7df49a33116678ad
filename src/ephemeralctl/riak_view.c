/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/riak_view.h"

#include "base/printable.h"
#include "ephemeralctl/units.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH     79
#define NAME_SIZE (UNITS_MAX + 8)

static const struct status_member *member_of(const struct status_node *s, uint64_t id)
{
    for (size_t i = 0; i < s->member_count; i++)
        if (s->member[i].id == id)
            return &s->member[i];
    return NULL;
}

/* "riak@10.0.0.1"; with the port where that alone tells members of one address apart. */
static const char *name_member(const struct status_node *s, const struct status_member *m, char room[NAME_SIZE])
{
    char address[UNITS_MAX], raw[NAME_SIZE];
    bool alone = true;
    for (size_t i = 0; i < s->member_count; i++)
        alone &= &s->member[i] == m || strcmp(s->member[i].address, m->address) != 0;
    snprintf(raw, sizeof raw, "riak@%s", alone ? m->address : units_address(m->address, m->epmd_port, address));
    printable_copy(slice_str(raw), room, NAME_SIZE);
    return room;
}

static const char *name_id(const struct status_node *s, uint64_t id, char room[NAME_SIZE])
{
    const struct status_member *m = member_of(s, id);
    if (m)
        return name_member(s, m, room);
    snprintf(room, NAME_SIZE, "member %" PRIu64, id);
    return room;
}

static bool is_reachable(const struct status_member *m)
{
    return m->state == STATUS_LIVE || m->state == STATUS_MEMBER_LEAVING;
}

static const char *status_word(const struct status_member *m)
{
    return m->state == STATUS_MEMBER_LEAVING ? "leaving" : "valid";
}

static double share(const struct riak_ring *r, size_t member)
{
    return r->replicas ? 100.0 * r->holds[member] / r->replicas : 0.0;
}

void riak_ring_add(struct riak_ring *r, const struct status_partition *p)
{
    r->partitions++;
    r->replicas += (unsigned)p->replica_count;
    for (size_t k = 0; k < p->replica_count; k++)
        for (size_t i = 0; i < r->node.member_count; i++)
            r->holds[i] += r->node.member[i].id == p->replica[k].member;
}

bool riak_ring_is_ready(const struct riak_ring *r)
{
    bool ready = r->node.member_count > 0 && r->node.health != STATUS_NO_QUORUM;
    for (size_t i = 0; i < r->node.member_count; i++)
        ready &= is_reachable(&r->node.member[i]);
    return ready;
}

static void fill(char c, size_t n, FILE *out)
{
    while (n-- > 0)
        fputc(c, out);
}

static void print_title(const char *title, FILE *out)
{
    size_t rest = WIDTH - strlen(title) - 2;
    fill('=', rest / 2, out);
    fprintf(out, " %s ", title);
    fill('=', rest - rest / 2, out);
    fputc('\n', out);
}

static void print_line(FILE *out)
{
    fill('-', WIDTH, out);
    fputc('\n', out);
}

/* Riak has no word for a node that is in no cluster. */
static void print_alone(const struct status_node *s, FILE *out)
{
    char why[2 * STATUS_TEXT_MAX];
    if (s->member_count)
        return;
    printable_copy(slice_str(s->why), why, sizeof why);
    fprintf(out, "This node is in no cluster (%s)%s%s\n", status_node_state_text(s->state), *why ? ": " : "", why);
}

void riak_view_members(const struct riak_ring *r, FILE *out)
{
    const struct status_node *s = &r->node;
    char name[NAME_SIZE];
    unsigned leaving = 0;
    print_title("Membership", out);
    fputs("Status     Ring    Pending    Node\n", out);
    print_line(out);
    for (size_t i = 0; i < s->member_count; i++) {
        const struct status_member *m = &s->member[i];
        leaving += m->state == STATUS_MEMBER_LEAVING;
        fprintf(out, "%-8s  %5.1f%%      --      '%s'\n", status_word(m), share(r, i), name_member(s, m, name));
    }
    print_line(out);
    fprintf(out, "Valid:%zu / Leaving:%u / Exiting:0 / Joining:0 / Down:0\n", s->member_count - leaving, leaving);
    print_alone(s, out);
}

/* The members that are reachable, or those that are not: "'riak@a','riak@b'". Returns how many. */
static size_t print_names(const struct status_node *s, bool reachable, FILE *out)
{
    char name[NAME_SIZE];
    size_t n = 0;
    for (size_t i = 0; i < s->member_count; i++)
        if (is_reachable(&s->member[i]) == reachable)
            fprintf(out, "%s'%s'", n++ ? "," : "", name_member(s, &s->member[i], name));
    return n;
}

static size_t count_unreachable(const struct status_node *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->member_count; i++)
        n += !is_reachable(&s->member[i]);
    return n;
}

static const struct status_member *claimant(const struct status_node *s)
{
    for (size_t i = 0; i < s->member_count; i++)
        if (s->member[i].leader)
            return &s->member[i];
    return NULL;
}

static void print_claimant(const struct riak_ring *r, FILE *out)
{
    const struct status_member *m = claimant(&r->node);
    char name[NAME_SIZE];
    print_title("Claimant", out);
    fprintf(out, "Claimant:  %s%s%s\n", m ? "'" : "", m ? name_member(&r->node, m, name) : "none", m ? "'" : "");
    fprintf(out, "Status:     %s\n", m && is_reachable(m) ? "up" : "down");
    fprintf(out, "Ring Ready: %s\n", riak_ring_is_ready(r) ? "true" : "false");
}

static void print_handoff(const struct status_node *s, FILE *out)
{
    print_title("Ownership Handoff", out);
    if (s->partitions_incomplete < 0)
        fputs("Not known: this node reaches no majority.\n", out);
    else if (s->partitions_incomplete == 0)
        fputs("No pending changes.\n", out);
    else
        fprintf(out, "%d partitions have fewer replicas than they should; they are copied without an operator.\n",
                s->partitions_incomplete);
}

void riak_view_ring(const struct riak_ring *r, FILE *out)
{
    print_claimant(r, out);
    fputc('\n', out);
    print_handoff(&r->node, out);
    fputc('\n', out);
    print_title("Unreachable Nodes", out);
    if (count_unreachable(&r->node)) {
        fputs("The following nodes are unreachable: [", out);
        print_names(&r->node, false, out);
        fputs("]\nThe cluster replaces their copies without an operator.\n", out);
    } else if (r->node.member_count) {
        fputs("All nodes are up and reachable\n", out);
    }
    print_alone(&r->node, out);
}

void riak_view_ready(const struct riak_ring *r, FILE *out)
{
    if (riak_ring_is_ready(r)) {
        fputs("TRUE All nodes agree on the ring [", out);
        print_names(&r->node, true, out);
        fputs("]\n", out);
    } else if (count_unreachable(&r->node)) {
        fputs("FALSE [", out);
        print_names(&r->node, false, out);
        fputs("] down.  All nodes need to be up to check.\n", out);
    } else {
        fputs("FALSE no quorum\n", out);
        print_alone(&r->node, out);
    }
}

static void print_rule(size_t width, FILE *out)
{
    fputc('+', out);
    fill('-', width, out);
    fputs("+------+-------+-----+-------+\n", out);
}

void riak_view_cluster(const struct riak_ring *r, FILE *out)
{
    const struct status_node *s = &r->node;
    char name[NAME_SIZE];
    int width = 14;
    for (size_t i = 0; i < s->member_count; i++) {
        int len = (int)strlen(name_member(s, &s->member[i], name));
        width = len > width ? len : width;
    }
    fprintf(out, "---- Cluster Status ----\nRing ready: %s\n\n", riak_ring_is_ready(r) ? "true" : "false");
    print_rule((size_t)width + 6, out);
    fprintf(out, "|%*s%-*s|status| avail |ring |pending|\n", width / 2, "", width + 6 - width / 2, "node");
    print_rule((size_t)width + 6, out);
    for (size_t i = 0; i < s->member_count; i++) {
        const struct status_member *m = &s->member[i];
        fprintf(out, "| %s %-*s |%-6.6s|%s|%5.1f|  --   |\n", m->leader ? "(C)" : "   ", width, name_member(s, m, name),
                status_word(m), is_reachable(m) ? "  up   " : " down! ", share(r, i));
    }
    print_rule((size_t)width + 6, out);
    fputs("\nKey: (C) = Claimant; availability marked with '!' is unexpected\n", out);
    print_alone(s, out);
}

static void print_ownership(const struct riak_ring *r, FILE *out)
{
    char name[NAME_SIZE];
    fputs("ring_ownership : <<\"[", out);
    for (size_t i = 0; i < r->node.member_count; i++)
        fprintf(out, "%s{'%s',%u}", i ? "," : "", name_member(&r->node, &r->node.member[i], name), r->holds[i]);
    fputs("]\">>\n", out);
}

static void print_known(const char *name, uint64_t n, FILE *out)
{
    if (n != UINT64_MAX)
        fprintf(out, "%s : %" PRIu64 "\n", name, n);
}

/* Riak's has some hundred lines, most of them counters that this store does not keep: they are left out, not made up.
 */
void riak_view_status(const struct riak_ring *r, FILE *out)
{
    const struct status_node *s = &r->node;
    const struct status_member *self = member_of(s, s->id);
    char name[NAME_SIZE] = "riak@unknown";
    if (self)
        name_member(s, self, name);
    fprintf(out, "stats for '%s'\n-------------------------------------------\n", name);
    fprintf(out, "nodename : '%s'\nconnected_nodes : [", name);
    print_names(s, true, out);
    fputs("]\nring_members : [", out);
    for (size_t i = 0; i < s->member_count; i++)
        fprintf(out, "%s'%s'", i ? "," : "", name_member(s, &s->member[i], name));
    fprintf(out, "]\nring_num_partitions : %u\n", r->partitions);
    print_ownership(r, out);
    print_known("memory_total", s->memory.resident, out);
    print_alone(s, out);
}

void riak_view_transfers(const struct status_node *s, const struct status_transfer *list, size_t count, FILE *out)
{
    char from[NAME_SIZE], to[NAME_SIZE], text[UNITS_MAX];
    if (s->partitions_incomplete > 0)
        fprintf(out, "%d partitions wait for a replica\n", s->partitions_incomplete);
    if (count == 0) {
        fputs("No transfers active\n", out);
        return;
    }
    fputs("Active Transfers:\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct status_transfer *t = &list[i];
        fprintf(out, "\ntransfer type: ownership_transfer\nvnode type: riak_kv_vnode\npartition: %u\n", t->partition);
        fprintf(out, "started: %s ago\n", units_age(t->age_ms, text));
        fprintf(out, "total size: %" PRIu64 " bytes\nobjects transferred: %" PRIu64 "\n\n", t->bytes, t->keys);
        fprintf(out, "%s  =======>  %s\n", name_id(s, t->from, from), name_id(s, t->to, to));
    }
}
