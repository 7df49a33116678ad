/* ephemerald: one node of the Ephemeral Store. */
#include "ephemerald/config.h"
#include "ephemerald/daemon.h"

#include <signal.h>
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

static int run(const struct config *config, bool check_only)
{
    struct log log;
    log_init_fd(&log, config->log_level, STDERR_FILENO);
    config_log(config, &log);
    if (check_only) {
        puts("configuration: ok");
        return 0;
    }
    return daemon_run(config, &log);
}

int main(int argc, char **argv)
{
    struct config *config = malloc(sizeof *config);
    enum config_wish wish;
    char why[1024];
    if (!config)
        return EX_OSERR;
    protect_memory();
    signal(SIGPIPE, SIG_IGN);
    int status = config_read(config, argc, argv, &wish, why, sizeof why);
    if (status)
        fprintf(stderr, "ephemerald: %s\n", why);
    else if (wish == CONFIG_HELP)
        config_print_help(stdout);
    else if (wish == CONFIG_HELP_MARKDOWN)
        config_print_markdown(stdout);
    else if (wish == CONFIG_VERSION)
        puts("ephemerald " EPHEMERAL_VERSION);
    else
        status = run(config, wish == CONFIG_CHECK);
    config_fini(config);
    free(config);
    return status;
}
