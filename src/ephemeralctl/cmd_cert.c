/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates without openssl: a root, users under it, and what they are good for. */
#include "ephemeralctl/cert_files.h"
#include "ephemeralctl/cert_show.h"
#include "ephemeralctl/cmd_cert.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/text.h"

#include <stdio.h>
#include <sysexits.h>
#include <time.h>

int64_t cert_now(void)
{
    return (int64_t)time(NULL);
}

int cert_failed(int err, const char *why)
{
    text_error("%s", why);
    return err == E_NOMEM                                                 ? EX_OSERR
           : err == E_NOT_FOUND || err == E_MALFORMED || err == E_INVALID ? EX_DATAERR
                                                                          : EX_CONFIG;
}

/* --- check --- */

struct check_paths {
    char cert[CERT_PATH_MAX], key[CERT_PATH_MAX], ca[CERT_PATH_MAX];
};

static int choose_paths(const struct options *o, const char *name, struct check_paths *p)
{
    char room[CONNECTION_PATH_MAX];
    const char *dir = connection_certs(o, room);
    if (!dir)
        dir = ".";
    int status = cert_files_path(dir, name, ".crt", p->cert);
    if (!status)
        status = cert_files_path(dir, name, ".key", p->key);
    return status ? status : cert_files_path(dir, "rootCA", ".crt", p->ca);
}

static void print_findings(const struct cert_verdict *v, bool ok)
{
    for (int i = 0; i < CERT_FINDINGS; i++) {
        printf("%-4s%-7s", v[i].ok ? "ok" : "NO", cert_finding_name((enum cert_finding_kind)i));
        text_name(slice_str(v[i].why), true, stdout);
        putchar('\n');
    }
    puts(ok ? "A node with this root accepts this user." : "A node with this root does not accept this user.");
}

static void print_findings_json(const struct cert_verdict *v, bool ok)
{
    struct json j = json_to(stdout);
    json_open(&j, NULL, '{');
    json_bool(&j, "ok", ok);
    json_open(&j, "checks", '[');
    for (int i = 0; i < CERT_FINDINGS; i++)
        cert_show_verdict_json("check", cert_finding_name((enum cert_finding_kind)i), &v[i], &j);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
}

static int check(const struct options *o, const struct cert_user_files *files)
{
    char why[TLS_WHY_MAX];
    struct cert_verdict v[CERT_FINDINGS] = {0};
    bool ok = true;
    int err = cert_judge_user(files, cert_now(), v, why, sizeof why);
    if (err)
        return cert_failed(err, why);
    for (size_t i = 0; i < CERT_FINDINGS; i++)
        ok &= v[i].ok;
    (o->output == OUTPUT_JSON ? print_findings_json : print_findings)(v, ok);
    return ok ? EX_OK : STATUS_NO;
}

int cert_check(struct context *x)
{
    const struct options *o = x->options;
    const char *name = x->arg_count > 1 ? x->args[1] : NULL;
    struct check_paths p;
    struct buf cert = {0}, key = {0}, roots = {0};
    int status = choose_paths(o, name ? name : "myuser", &p);
    const char *key_path = o->key ? o->key : p.key;
    if (!status)
        status = cert_files_read(o->cert ? o->cert : p.cert, "the user's certificate", &cert);
    if (!status)
        status = cert_files_read(key_path, "the user's key", &key);
    if (!status)
        status = cert_files_read(o->ca ? o->ca : p.ca, "the root's certificate", &roots);
    if (!status && cert_files_is_open(key_path))
        text_error("others can read %s: chmod 600", key_path);
    if (!status)
        status = check(o, &(struct cert_user_files){.cert_pem = buf_slice(&cert),
                                                    .key_pem = buf_slice(&key),
                                                    .roots_pem = buf_slice(&roots),
                                                    .user = o->user ? o->user : name});
    buf_fini(&cert);
    pem_wipe(&key);
    buf_fini(&roots);
    return status;
}

/* --- all --- */

int cmd_cert(struct context *x)
{
    static const struct {
        const char *verb;
        int min, max; /* words, with the verb */
        bool renews;
        int (*run)(struct context *x);
    } verbs[] = {{"ca", 1, 1, false, cert_ca},
                 {"ca", 1, 1, true, cert_renew},
                 {"user", 2, 2, false, cert_user},
                 {"show", 2, 2, false, cert_show},
                 {"check", 1, 2, false, cert_check}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].verb, x->args[0]) == 0 && verbs[i].renews == x->options->renew &&
            x->arg_count >= verbs[i].min && x->arg_count <= verbs[i].max)
            return verbs[i].run(x);
    options_complain("cert takes ca, ca --renew, user NAME, show FILE, show HOST[:PORT], or check [NAME]");
    return EX_USAGE;
}
