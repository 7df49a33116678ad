/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/manual.h"

#include "base/roff.h"
#include "ephemerald/options.h"

#include <string.h>

void manual_print_help(FILE *out)
{
    fputs("usage: ephemerald [OPTION VALUE]...\n"
          "Serves one node of the Ephemeral Store: the Riak Protocol Buffers API over mutual TLS.\n"
          "A flag wins over the environment, which wins over the file. --check checks what a start would check\n"
          "(configuration, certificates, addresses; not whether ports are taken) and exits; --version, --help and\n"
          "--help-markdown (docs/configuration.md) show what they say.\n\n",
          out);
    option_print_help(daemon_options, daemon_option_count, out);
    fputs(
        "\nSIGTERM ends it. Exit status: 0 after that; 143 (128 + the signal) if the signal came before it served; or\n"
        "as in sysexits.h: 64 wrong usage, 65 bad JSON or PEM, 66 no such file, 69 the port is taken, 77 not allowed,\n"
        "78 bad configuration.\n",
        out);
}

void manual_print_markdown(FILE *out)
{
    fputs(
        "# Configuration\n\n"
        "Made by `ephemerald --help-markdown` from the daemon's table of options; a test compares the two.\n\n"
        "A flag (`--name VALUE`) wins over the environment, which wins over the file (`name = value` lines, given by\n"
        "`--config`), which wins over the default. An unknown option or key is an error; an unknown "
        "`EPHEMERAL_STORE_...` variable is a\n"
        "warning, and an error for `ephemerald --check`, which checks what a start would check (configuration,\n"
        "certificates, addresses) and exits. It can run beside a node: it takes no port.\n\n"
        "A variable that Kubernetes sets for a service (a service link such as\n"
        "`EPHEMERAL_STORE_PROTO_PORT=tcp://10.96.0.7:8087`) is no option: it is ignored, and the log says so.\n\n",
        out);
    option_print_markdown(daemon_options, daemon_option_count, out);
}

static void print_sections(FILE *out)
{
    roff_section(out, "DESCRIPTION");
    roff_paragraph(out,
                   "Serves one node of the Ephemeral Store, a distributed key-value store in memory: the Riak Protocol "
                   "Buffers API over mutual TLS. Nodes find each other, form a cluster, and replicate every key.");
    roff_paragraph(out, "An option's value comes from its flag, else from the environment, else from the file that "
                        "--config names (lines of the form name = value), else it is the default.");
    roff_section(out, "OPTIONS");
    roff_term(out, "--check", NULL);
    roff_text(out, "Checks what a start would check (configuration, certificates, addresses), and exits. It takes no "
                   "port, so it can run next to a node.");
    roff_term(out, "--help, --help-markdown, --help-man, --help-completion, --version", NULL);
    roff_text(out, "Prints help, the table of options as Markdown, this page, a completion for bash, or the version.");
    option_print_man(daemon_options, daemon_option_count, out);
}

static void print_signals(FILE *out)
{
    roff_section(out, "SIGNALS");
    roff_term(out, "SIGTERM", NULL);
    roff_text(out, "The node leaves: it hands its leaderships and replicas over to the other members, for up to 30 "
                   "seconds, and ends. Where nobody can take over, it ends at once. A second SIGTERM ends it at once.");
    roff_term(out, "SIGINT", NULL);
    roff_text(out, "The node ends at once. To the others it is as if it had failed.");
    roff_term(out, "SIGHUP", NULL);
    roff_text(out, "The node reads its list of peers again, where a configuration file gave it.");
}

static void print_end(FILE *out)
{
    roff_section(out, "SERVICE MANAGER");
    roff_paragraph(out,
                   "Where NOTIFY_SOCKET is set, as by a systemd unit of Type=notify, the node says READY=1 once its "
                   "ports are open, STATUS= when its state changes, WATCHDOG=1 while its event loop turns, and "
                   "STOPPING=1 when it leaves. Ports are open before the node is a member of a cluster: "
                   "ephemeralctl wait-ready waits for that.");
    roff_section(out, "EXIT STATUS");
    roff_paragraph(out,
                   "0 after SIGTERM or SIGINT; 143 or 130 (128 and the signal) if the signal came before it served; or "
                   "as in sysexits.h: 64 wrong usage, 65 bad JSON or PEM, 66 no such file, 69 the port is taken, 71 "
                   "the system refuses something, 77 not allowed, 78 bad configuration.");
    roff_section(out, "SEE ALSO");
    roff_paragraph(out, "ephemeralctl(1), systemd.service(5)");
}

void manual_print_man(FILE *out)
{
    roff_title(out, "ephemerald", 8, "one node of the Ephemeral Store");
    roff_section(out, "SYNOPSIS");
    fputs(".B ephemerald\n[\\fIOPTION VALUE\\fR]...\n", out);
    print_sections(out);
    print_signals(out);
    print_end(out);
}

/* The flags whose value is a file: the shell completes its name. */
static bool takes_file(const struct option *o)
{
    return strstr(o->argument, "FILE") || strstr(o->argument, "DIR");
}

void manual_print_completion(FILE *out)
{
    fputs("# Completion of ephemerald for bash, made by ephemerald --help-completion.\n"
          "_ephemerald() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    COMPREPLY=()\n"
          "    case $before in\n"
          "    ",
          out);
    const char *bar = "";
    for (size_t i = 0; i < daemon_option_count; i++)
        if (takes_file(&daemon_options[i])) {
            fprintf(out, "%s--%s", bar, daemon_options[i].name);
            bar = " | ";
        }
    fputs(")\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
          "        return\n"
          "        ;;\n"
          "    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W '--check --help --version",
          out);
    for (size_t i = 0; i < daemon_option_count; i++)
        fprintf(out, " --%s", daemon_options[i].name);
    fputs("' -- \"$word\")\n"
          "}\n"
          "complete -F _ephemerald ephemerald\n",
          out);
}
