/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the nodes, tries all rows, and prints what came of each beside what should have. */
#include "rows.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT_WIDTH 46
#define TEXT_WIDTH 84

struct tally {
    const char *only; /* rows whose first column holds it */
    unsigned ok, differ;
};

static void describe_nodes(struct matrix *m)
{
    struct cred *c = m->creds;
    struct node *n = m->nodes;
    n[MANIFEST] = (struct node){.what = "as the manifest says", .roots = {&c[ROOT]}};
    n[V3] = (struct node){.what = "v3 root, two users",
                          .roots = {&c[ROOT_V3]},
                          .pem = PEM_BACKSLASHES,
                          .user = "[{\"name\":\"myUser\",\"auth_mode\":\"certificate\"},"
                                  "{\"name\":\"other\",\"auth_mode\":\"certificate\"}]"};
    n[EC] = (struct node){.what = "ECDSA root", .roots = {&c[ROOT_EC]}, .pem = PEM_ONE_LINE};
    n[CHANGE] = (struct node){.what = "new root and old root", .roots = {&c[ROOT_V3], &c[ROOT]}};
    n[BELOW] = (struct node){.what = "signer below the root", .roots = {&c[CA_1], &c[ROOT]}};
    n[MODERN] = (struct node){.what = "legacy suites off", .roots = {&c[ROOT]}, .modern = true};
    n[HURRIED] = (struct node){
        .what = "short times", .roots = {&c[ROOT]}, .timeout_ms = HURRIED_TIMEOUT_MS, .delay_ms = HURRIED_DELAY_MS};
}

static void show_log(const struct node *n)
{
    const char *tail = n->log ? n->log : "";
    if (n->log_len > 3000)
        tail += n->log_len - 3000;
    printf("--- the end of what the node (%s) said:\n%s\n", n->what, tail);
}

static bool start_nodes(struct matrix *m, const char *program)
{
    bool ok = true;
    for (int i = 0; i < NODE_COUNT; i++)
        ok = node_start(&m->nodes[i], program) && ok;
    for (int i = 0; ok && i < NODE_COUNT; i++) {
        ok = node_wait_ready(&m->nodes[i]);
        if (!ok) {
            printf("FAILED: the node (%s) did not come up\n", m->nodes[i].what);
            show_log(&m->nodes[i]);
        }
    }
    return ok;
}

static void print_row(struct tally *t, const char *what, const char *expected, const char *seen)
{
    bool ok = strcmp(expected, seen) == 0;
    printf("%-*s | %-*s | %-*s | %s\n", WHAT_WIDTH, what, TEXT_WIDTH, expected, TEXT_WIDTH, seen,
           ok ? "ok" : "DIFFERS");
    *(ok ? &t->ok : &t->differ) += 1;
}

static void print_title(const char *title)
{
    printf("\n%-*s | %-*s | %-*s | ok\n", WHAT_WIDTH, title, TEXT_WIDTH, "expected", TEXT_WIDTH, "seen");
}

static void try_row(struct matrix *m, struct tally *t, const struct row *r)
{
    struct probe p;
    struct manner how = row_manner(r, m);
    probe_init(&p, &m->nodes[r->node]);
    if (r->run)
        r->run(&p, r, m);
    else
        probe_enter(&p, &how, row_user(r), r->direct);
    print_row(t, r->what, r->expected, p.seen);
    probe_fini(&p);
}

static void try_rows(struct matrix *m, struct tally *t, const struct rows *all)
{
    print_title(all->title);
    for (size_t i = 0; i < all->count; i++)
        if (strstr(all->rows[i].what, t->only))
            try_row(m, t, &all->rows[i]);
}

/* After all that was tried they serve as before, have told nobody their keys, and end in order. */
static void end_nodes(struct matrix *m, struct tally *t)
{
    print_title("at the end, the node");
    for (int i = 0; i < NODE_COUNT; i++) {
        struct node *n = &m->nodes[i];
        char seen[SEEN_MAX];
        bool told = node_tells_key(n), errors = node_logged_error(n);
        int status = node_stop(n);
        snprintf(seen, sizeof seen, "%s, %s, status %d", told ? "its key is told" : "no key told",
                 errors || node_logged_error(n) ? "errors logged" : "no error logged", status);
        print_row(t, n->what, "no key told, no error logged, status 0", seen);
        if (status || errors)
            show_log(n);
        free(n->log);
    }
}

static const struct row still_serves = {"and a user still comes in", "let in", MANIFEST, .who = USER};

int main(int argc, char **argv)
{
    static const struct rows *const all[] = {&rows_certs,    &rows_suites, &rows_protocol,
                                             &rows_sessions, &rows_server, &rows_time};
    static struct matrix m;
    struct tally t = {.only = argc > 3 ? argv[3] : ""};
    if (argc < 3)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    certs_make(m.creds, argv[2]);
    describe_nodes(&m);
    if (!start_nodes(&m, argv[1]))
        return 1;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        try_rows(&m, &t, all[i]);
    try_row(&m, &t, &still_serves);
    end_nodes(&m, &t);
    certs_free(m.creds);
    printf("\n%u rows as expected, %u differ\n", t.ok, t.differ);
    return t.differ || !t.ok;
}
