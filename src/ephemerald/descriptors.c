/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/descriptors.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

/* The process's own: standard streams, the loop, signals, ports, the log, the resolver's sockets, files being read. */
#define OWN           24
#define OPEN_AT_START 8 /* of them, at most */
/* Each pair of nodes has three connections each way. */
#define EACH_NODE 6
#define NODES_MAX 64 /* cluster-size and what is being replaced */
/* Clients that are served however few descriptors there are. */
#define CLIENTS_LEAST        8
#define STRANGERS_LEAST      4
#define OPERATORS_LEAST      2
#define OPERATORS_MOST       8
#define NODE_STRANGERS_LEAST 6
#define NODE_STRANGERS_MOST  128

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return SIZE_MAX;
    rlim_t was = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        limit.rlim_cur = was;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
}

/* Beyond the least that each needs: clients get most; and as a cluster may grow, a part is kept for more nodes than are
 * configured. */
bool descriptors_share(struct descriptor_shares *s, size_t limit, const struct config *config)
{
    size_t nodes = EACH_NODE * smaller(config->cluster_size + 1, NODES_MAX);
    *s = (struct descriptor_shares){.least = OWN + nodes + 2 * NODE_STRANGERS_LEAST + OPERATORS_LEAST + CLIENTS_LEAST +
                                             STRANGERS_LEAST,
                                    .whole = OWN + EACH_NODE * NODES_MAX + 2 * NODE_STRANGERS_MOST + OPERATORS_MOST +
                                             config->connections_max + config->handshakes_max};
    if (limit < s->least)
        return false;
    size_t extra = limit - s->least;
    nodes += smaller(extra / 8, EACH_NODE * NODES_MAX - nodes);
    s->operators = OPERATORS_LEAST + smaller(extra / 32, OPERATORS_MOST - OPERATORS_LEAST);
    s->node_strangers = NODE_STRANGERS_LEAST + smaller(extra / 16, NODE_STRANGERS_MOST - NODE_STRANGERS_LEAST);
    size_t rest = limit - OWN - nodes - 2 * s->node_strangers - s->operators;
    s->strangers = smaller(STRANGERS_LEAST + (rest - CLIENTS_LEAST - STRANGERS_LEAST) / 4, config->handshakes_max);
    s->clients = smaller(rest - s->strangers, config->connections_max);
    s->strangers = smaller(rest - s->clients, config->handshakes_max);
    return true;
}

/* What the process was started with, beyond its own few that are open by now. The lowest free one tells. */
static size_t inherited(void)
{
    int lowest = dup(STDIN_FILENO);
    if (lowest < 0)
        return 0;
    close(lowest);
    return lowest > OPEN_AT_START ? (size_t)lowest - OPEN_AT_START : 0;
}

int descriptors_init(struct descriptor_shares *s, const struct config *config, const struct log *log)
{
    size_t limit = descriptors_raise(), others = inherited();
    if (!descriptors_share(s, limit > others ? limit - others : 0, config)) {
        log_error(log, "net",
                  "%zu file descriptors are too few: a node in a cluster of %u needs at least %zu; raise the limit "
                  "(ulimit -n, LimitNOFILE=)",
                  limit, (unsigned)config->cluster_size, s->least + others);
        return EX_OSERR;
    }
    if (s->clients < config->connections_max || s->strangers < config->handshakes_max)
        log_warn(log, "net",
                 "%zu file descriptors are enough for %zu clients, not %zu (max-connections), and %zu connections that "
                 "have not authenticated, not %zu (max-handshakes): raise the limit to %zu (ulimit -n, LimitNOFILE=)",
                 limit, s->clients, config->connections_max, s->strangers, config->handshakes_max, s->whole + others);
    return 0;
}
