/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stdio_fds.h"
#include "base/version.h"
#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/manual.h"
#include "ephemeralctl/riak.h"
#include "ephemeralctl/root.h"
#include "ephemeralctl/text.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

#define CONNECTED (SCOPE_ANY | SCOPE_CONNECT)

static const struct command commands[] = {
    {"get", "BUCKET KEY", 2, 2, CONNECTED | SCOPE_TYPE | SCOPE_OUTPUT | SCOPE_GET, cmd_get,
     .help = "prints a key's value; status 1 when there is no such key"},
    {"put", "BUCKET KEY [VALUE|-]", 2, 3, CONNECTED | SCOPE_TYPE | SCOPE_PUT | SCOPE_CONTEXT, cmd_put,
     .help = "stores a value, from standard input when it is - or not given"},
    {"del", "BUCKET KEY", 2, 2, CONNECTED | SCOPE_TYPE | SCOPE_CONTEXT, cmd_del,
     .help = "deletes a key; no error if it does not exist"},
    {"keys", "BUCKET", 1, 1, CONNECTED | SCOPE_TYPE | SCOPE_OUTPUT, cmd_keys,
     .help = "lists the keys of a bucket, in no order"},
    {"buckets", "", 0, 0, CONNECTED | SCOPE_TYPE | SCOPE_OUTPUT, cmd_buckets,
     .help = "lists the buckets that hold keys"},
    {"props", "BUCKET [NAME=VALUE...]", 1, -1, CONNECTED | SCOPE_TYPE | SCOPE_OUTPUT | SCOPE_PROPS, cmd_props,
     .help = "shows a bucket's properties, after setting those given (ttl=60)"},
    {"types", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_types, .help = "lists the bucket types"},
    {"type-create", "TYPE [NAME=VALUE...]", 1, -1, CONNECTED | SCOPE_OUTPUT | SCOPE_ROOT, cmd_type_create,
     .help = "creates a bucket type (datatype=set), and shows it"},
    {"type-activate", "TYPE", 1, 1, CONNECTED, cmd_type_activate,
     .help = "confirms that a type is active; a type is active as soon as it exists"},
    {"type-update", "TYPE NAME=VALUE...", 2, -1, CONNECTED | SCOPE_OUTPUT, cmd_type_update,
     .help = "sets properties of a bucket type, and shows it"},
    {"type-status", "TYPE", 1, 1, CONNECTED | SCOPE_OUTPUT, cmd_type_status,
     .help = "shows a bucket type's properties"},
    {"user", "VERB ...", 1, -1, CONNECTED | SCOPE_OUTPUT | SCOPE_ROOT, cmd_user,
     .help = "add, alter, delete, grant, revoke, source, list: users and their permissions",
     .more =
         "Verbs, with the root's key (--root-ca-cert, --root-ca-key and --user):\n"
         "  list [NAME]                             all users and groups, as the commands that create them\n"
         "  add NAME [groups=A,B] [password=-]      -: the password is standard input's first line\n"
         "  alter NAME [groups=A,B] [password=-]    groups=: in no group\n"
         "  delete NAME\n"
         "  grant PERMISSIONS on WHERE to WHO       WHERE: any, TYPE, or TYPE BUCKET (default BUCKET)\n"
         "  revoke PERMISSIONS on WHERE from WHO    WHO: user names, group/NAME, all; with commas between\n"
         "  source add NAME|all RANGE METHOD        10.0.0.0/8 certificate, password or trust\n"
         "  source delete NAME|all RANGE\n\n"
         "PERMISSIONS, with commas between: riak_kv.get put delete list_keys list_buckets mapreduce index\n"
         "get_preflist, riak_core.get_bucket set_bucket get_bucket_type set_bucket_type, each with its prefix; all.\n"
         "Users in the node's configuration log in by certificate and have all permissions, until they are changed.",
     .connects_itself = true},
    {"group", "VERB ...", 1, -1, CONNECTED | SCOPE_OUTPUT | SCOPE_ROOT, cmd_group,
     .help = "add, alter, delete, list: groups of users, which share permissions",
     .more = "Verbs, with the root's key (--root-ca-cert, --root-ca-key and --user):\n"
             "  list [NAME]\n"
             "  add NAME [groups=A,B]      groups can be in groups\n"
             "  alter NAME groups=A,B\n"
             "  delete NAME\n\n"
             "ephemeralctl user grant ... to group/NAME gives a permission to its members.",
     .connects_itself = true},
    {"cert", "VERB ...", 1, 2, CONNECTED | SCOPE_OUTPUT | SCOPE_CERT, cmd_cert,
     .help = "ca, user, show, check: makes and checks certificates",
     .more =
         "Verbs:\n"
         "  ca                 makes a root: rootCA.crt and rootCA.key in --dir\n"
         "  ca --renew         signs the root again with its own key: rootCA.new.crt\n"
         "  user NAME          makes a user's certificate under the root: NAME.crt and NAME.key\n"
         "  show FILE          shows the certificates in a file, and whether clients accept them\n"
         "  show HOST[:PORT]   shows those that a node shows to clients (--direct-tls: to other nodes, at their "
         "ports)\n"
         "  check [NAME]       would a node accept this user? NAME.crt and NAME.key of --certs, or --cert and --key,\n"
         "                     with the root of --ca; status 1 when not\n\n"
         "Keys are written for their owner alone (mode 0600). Files that exist are not replaced without --force. With\n"
         "--ca or --certs, show also checks a server's or a user's certificate against that root.",
     .connects_itself = true},
    {"ping", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_ping, .help = "checks that the node answers, over TLS"},
    {"info", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_info,
     .help = "shows the node's name and release, the Riak version that clients see, and the TLS of the connection"},
    {"status", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_status,
     .help = "shows the cluster as the node knows it; status 0 healthy, 1 degraded, 75 no quorum"},
    {"members", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_members, .help = "lists the members of the cluster"},
    {"partitions", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_partitions,
     .help = "lists the partitions: leader, replicas (+: being added), keys, lag"},
    {"transfers", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_transfers,
     .help = "lists the copies that the node sends or receives"},
    {"discovery", "", 0, 0, CONNECTED | SCOPE_OUTPUT, cmd_discovery,
     .help = "shows where the node looks for others, the answers, and why a candidate is no member"},
    {"wait-ready", "", 0, 0, CONNECTED | SCOPE_OUTPUT | SCOPE_WAIT, cmd_wait_ready,
     .help = "waits until the node is ready in a cluster; it may still be starting", .connects_itself = true},
    {"leave", "", 0, 0, CONNECTED | SCOPE_ROOT, cmd_leave,
     .help = "the node hands over what it holds and leaves its cluster"},
    {"reform", "--survivors [--nodes N]", 0, 0, CONNECTED | SCOPE_ROOT | SCOPE_REFORM, cmd_reform,
     .help = "a stranded node forms a cluster again with the others that answer", .needs = SCOPE_REFORM},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_wrapped(const char *text, size_t column, size_t width)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column + len > width) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column ? " " : "", (int)len, text);
        text += len + (text[len] == ' ');
    }
    putchar('\n');
}

static void help_all(void)
{
    unsigned scopes = SCOPE_ANY;
    puts("Usage: ephemeralctl COMMAND [OPTION...] [ARGUMENT...]\n\n"
         "Talks to a node of the Ephemeral Store over mutual TLS.\n\nCommands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        int n = printf("  %s %s", commands[i].name, commands[i].arguments);
        printf("%*s%s\n", n < 36 ? 36 - n : 1, "", commands[i].help);
        scopes |= commands[i].scopes;
    }
    puts("\nOptions (COMMAND --help shows those of one command):");
    options_help(scopes);
    fputs("\nExit status:", stdout);
    print_wrapped(MANUAL_EXIT_STATUS, 13, 110);
    puts(
        "\nCalled as riak-admin, riak or readiness-probe.sh, it acts as those commands of Riak's containers: the probes of\n"
        "a node in its own container.");
}

static void help_one(const struct command *c)
{
    printf("Usage: ephemeralctl %s [OPTION...] %s\n\n%s: %s.\n\nOptions:\n", c->name, c->arguments, c->name, c->help);
    options_help(c->scopes);
    if (c->more)
        printf("\n%s\n", c->more);
}

static bool fits(const struct command *c, int arg_count, unsigned used)
{
    if (arg_count < c->min || (c->max >= 0 && arg_count > c->max))
        options_complain("%s takes %s", c->name, *c->arguments ? c->arguments : "no arguments");
    else if (c->needs & ~used)
        options_complain("%s does nothing without %s", c->name, c->arguments);
    else if (used & ~c->scopes)
        options_complain("one of the options given is not for %s", c->name);
    else
        return true;
    return false;
}

static int run(const struct command *c, struct context *x)
{
    struct connection connection;
    if (c->connects_itself)
        return c->run(x);
    int status = connection_open(x->options, &connection);
    if (status)
        return status;
    x->client = connection.client;
    status = c->run(x);
    connection_close(&connection);
    return status;
}

/* What was lost of the output goes before any other status. What could not be written stands in the buffer still, so
 * that the flush says why. */
static int flush_output(int status)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    failed |= fflush(stdout) != 0;
    int why = errno;
    if (fclose(stdout) == 0 && !failed)
        return status;
    text_error("cannot write to standard output: %s", why ? strerror(why) : "a write failed");
    return EX_IOERR;
}

static void print_document(const struct options *o)
{
    if (o->version)
        printf("ephemeralctl %s\n", version_text);
    else if (o->help_man)
        manual_print_man(commands, COMMAND_COUNT, stdout);
    else
        manual_print_completion(commands, COMMAND_COUNT, stdout);
}

int main(int argc, char **argv)
{
    struct options o;
    unsigned used;
    int rest;
    if (stdio_fds_open())
        return EX_OSERR;
    if (riak_is_name(argv[0]))
        return flush_output(riak_main(argc, argv));
    if (!options_parse(argc, argv, &o, &rest, &used))
        return EX_USAGE;
    if (o.version || o.help_man || o.help_completion) {
        print_document(&o);
        return flush_output(EX_OK);
    }
    if (rest == argc) {
        if (!o.help)
            options_complain("a command is missing");
        else
            help_all();
        return flush_output(o.help ? EX_OK : EX_USAGE);
    }
    const struct command *c = find(argv[rest]);
    struct context x = {.options = &o, .args = argv + rest + 1, .arg_count = argc - rest - 1};
    if (!c) {
        options_complain("there is no command '%s'", argv[rest]);
        return EX_USAGE;
    }
    if (o.help) {
        help_one(c);
        return flush_output(EX_OK);
    }
    root_choose(&o, c->scopes & SCOPE_ROOT);
    return flush_output(fits(c, x.arg_count, used) ? run(c, &x) : EX_USAGE);
}
