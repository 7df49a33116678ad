/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/manual.h"

#include "base/roff.h"

void manual_print_man(const struct command *commands, size_t count, FILE *out)
{
    unsigned scopes = SCOPE_ANY;
    roff_title(out, "ephemeralctl", 1, "talks to a node of the Ephemeral Store");
    roff_section(out, "SYNOPSIS");
    fputs(".B ephemeralctl\n\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n", out);
    roff_section(out, "DESCRIPTION");
    roff_paragraph(out, "Reads and writes keys, shows a cluster, and steers it, over mutual TLS. Any node of a cluster "
                        "will do.");
    roff_section(out, "COMMANDS");
    for (size_t i = 0; i < count; i++) {
        roff_term(out, commands[i].name, commands[i].arguments);
        roff_text(out, commands[i].help);
        if (commands[i].more)
            roff_verbatim(out, commands[i].more);
        scopes |= commands[i].scopes;
    }
    roff_section(out, "OPTIONS");
    options_man(scopes, out);
    roff_section(out, "EXIT STATUS");
    roff_paragraph(out, MANUAL_EXIT_STATUS);
    roff_section(out, "SEE ALSO");
    roff_paragraph(out, "ephemerald(8)");
}

void manual_print_completion(const struct command *commands, size_t count, FILE *out)
{
    fputs("# Completion of ephemeralctl for bash, made by ephemeralctl --help-completion.\n"
          "_ephemeralctl() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i\n"
          "    COMPREPLY=()\n"
          "    case $before in\n",
          out);
    options_completion(out);
    fputs("    esac\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "        ",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? " | " : "", commands[i].name);
    fputs(")\n"
          "            command=${COMP_WORDS[i]}\n"
          "            break\n"
          "            ;;\n"
          "        esac\n"
          "    done\n"
          "    local words=\n"
          "    case $command in\n"
          "    '') words='",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? " " : "", commands[i].name);
    options_words(SCOPE_ANY, out);
    fputs("' ;;\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "    %s) words='", commands[i].name);
        options_words(commands[i].scopes, out);
        fputs("' ;;\n", out);
    }
    fputs("    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "}\n"
          "complete -F _ephemeralctl ephemeralctl\n",
          out);
}
