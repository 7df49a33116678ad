/* SPDX-License-Identifier: Apache-2.0 */
/* ephemerald: one node of the Ephemeral Store. */
#include "base/stdio_fds.h"
#include "base/version.h"
#include "ephemerald/config.h"
#include "ephemerald/daemon.h"
#include "ephemerald/log_writer.h"
#include "ephemerald/manual.h"
#include "ephemerald/signals.h"
#include "ephemerald/variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

/* Keys are in this process's memory: no core dump, and no other process of the user may read it. */
static void protect_memory(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* How long the last lines of the log may hold up the end, where nobody reads them. */
#define LOG_LINGER_MS 1000

/* Before there is a log. */
static void complain(const char *why)
{
    char text[1280];
    snprintf(text, sizeof text, "ephemerald: %s\n", why);
    stdio_fds_say(text, LOG_LINGER_MS);
}

static int check(const struct config *config, const struct log *log)
{
    int status = daemon_check(config, log);
    return status || variables_log(&config->options, NULL) == 0 ? status : EX_CONFIG; /* each was warned of */
}

static int run(const struct config *config, bool check_only)
{
    struct log_writer *writer;
    struct log log;
    if (log_writer_create(STDERR_FILENO, &writer)) {
        complain("no thread could be started for the log: raise the limit of processes (ulimit -u, pids.max)");
        return EX_OSERR;
    }
    log_init(&log, config->log_level, log_writer_put, writer);
    config_log(config, &log);
    int status = check_only ? check(config, &log) : daemon_run(config, &log);
    log_writer_destroy(&writer, LOG_LINGER_MS);
    if (check_only)
        puts(status ? "configuration: not ok, see above" : "configuration: ok");
    return status;
}

static int answer(enum config_wish wish, const struct config *config)
{
    switch (wish) {
    case CONFIG_HELP:
        manual_print_help(stdout);
        return 0;
    case CONFIG_HELP_MARKDOWN:
        manual_print_markdown(stdout);
        return 0;
    case CONFIG_HELP_MAN:
        manual_print_man(stdout);
        return 0;
    case CONFIG_HELP_COMPLETION:
        manual_print_completion(stdout);
        return 0;
    case CONFIG_VERSION:
        printf("ephemerald %s\n", version_text);
        return 0;
    case CONFIG_RUN:
    case CONFIG_CHECK:
        break;
    }
    return run(config, wish == CONFIG_CHECK);
}

int main(int argc, char **argv)
{
    if (stdio_fds_open())
        return EX_OSERR;
    signals_prepare();
    protect_memory();
    struct config *config = malloc(sizeof *config);
    enum config_wish wish;
    char why[1024];
    if (!config)
        return EX_OSERR;
    int status = config_read(config, argc, argv, &wish, why, sizeof why);
    if (status)
        complain(why);
    else
        status = answer(wish, config);
    config_fini(config);
    free(config);
    return status;
}
