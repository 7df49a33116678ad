/* SPDX-License-Identifier: Apache-2.0 */
/* A node's configuration, read once at the start from flags, environment and file (configuration.md), checked as a
 * whole. Plain values; everything is owned by the struct. */
#ifndef EPHEMERALD_CONFIG_H
#define EPHEMERALD_CONFIG_H

#include "base/log.h"
#include "base/option.h"
#include "ephemerald/cgroup.h"
#include "store/props.h"

#define CONFIG_USERS_MAX 1024
#define CONFIG_TYPES_MAX 256
#define CONFIG_NAMES_MAX 48 /* of this host, for its certificate */

#define CONFIG_CLUSTER_NAME_MAX 63  /* bytes; as a label of DNS, which orchestrators' names are */
#define CONFIG_PLACE_MAX        255 /* bytes */

#define CONFIG_ADVERTISE_NAMES_MAX 2
#define CONFIG_ADVERTISE_ALONE     "127.0.0.1" /* of a cluster of one that finds no other: nobody asks */

#define CONFIG_REAP_NEVER UINT64_MAX

enum orchestration { ORCHESTRATION_NONE, ORCHESTRATION_MARATHON, ORCHESTRATION_KUBERNETES };

struct config_bucket_type {
    char *name;
    struct bucket_props props; /* texts owned by `json` of the config */
};

/* Of the cluster; a node that joins one takes that one's. */
struct config_times {
    uint64_t heartbeat_ms, election_ms; /* up to twice by chance */
    uint64_t lease_ms, lease_margin_ms;
    uint64_t form_grace_ms, stranded_after_ms, lost_after_ms;
    uint64_t fence_after_ms; /* 0: off */
};

struct config_pem {
    char *text;                         /* as given, or the contents of the file that was given */
    char source[2 * OPTION_ORIGIN_MAX]; /* who gave it, and which file, for errors */
    char *path;                         /* of the file; NULL: it was given as text */
};
/* Overwrites the text. */
void config_pem_fini(struct config_pem *pem);

/* How Marathon is asked; empty without ORCHESTRATION=marathon. Texts may be NULL. */
struct config_marathon {
    char *app_id;  /* NULL: not known, so Marathon is not asked */
    char *task_id; /* this node's */
    char *urls;
    char *user, *password_file; /* both or neither */
    char *token_file, *root_ca_file;
};

/* How Kubernetes is asked; empty without it. */
struct config_kubernetes {
    char *api;     /* the URL */
    char *account; /* the folder of the service account */
    char *space;   /* the namespace; NULL: not known, so the API is not asked */
    char *selector;
    char *pod;     /* this node's */
    char *service; /* the headless service's name in DNS; NULL: it is not asked */
};

struct config {
    struct option_set options; /* what the following was made from */

    char *listen;           /* numeric address */
    bool listen_by_default; /* nobody gave it: on a machine without IPv6, 0.0.0.0 will do */
    uint16_t proto_port, epmd_port, handoff_port;
    enum orchestration orchestration;
    char *node_name; /* riak@host */
    char *server_version;
    char *host_name;               /* this machine's; empty: it has none */
    char *names[CONFIG_NAMES_MAX]; /* DNS names and addresses of this node, at least one */
    size_t name_count;
    char names_left_out[256]; /* names of this node that no certificate can carry, for the log; empty: none */

    char *user_names[CONFIG_USERS_MAX];
    size_t user_count;
    struct config_pem root_ca_cert, root_ca_key;
    uint32_t certificate_days;
    bool legacy_suites;

    uint64_t memory_bytes;
    char memory_source[OPTION_ORIGIN_MAX];
    struct cgroup_limit cgroup; /* bytes: UINT64_MAX without a limit */

    char *cluster_name;
    uint32_t cluster_size, replicas, partitions;
    char *peers;        /* the list of discovery/peers.h, checked; NULL: none, which is a cluster of one */
    char advertise[46]; /* numeric; empty: one of these names is to give it, the first that has one */
    char *advertise_names[CONFIG_ADVERTISE_NAMES_MAX];
    size_t advertise_name_count;
    bool advertise_given; /* the name was, so an address of loopback will do */
    char *place;          /* empty: not known */
    struct config_marathon marathon;
    struct config_kubernetes kubernetes;
    struct config_times times;

    struct config_bucket_type bucket_types[CONFIG_TYPES_MAX];
    size_t bucket_type_count;
    void *json; /* what the types' texts stand in */

    uint64_t object_size_max_bytes;
    size_t connections_max, handshakes_max;
    uint64_t handshake_timeout_ms, auth_failure_delay_ms, stall_timeout_ms, request_timeout_ms;
    uint64_t delete_reap_ms; /* 0: immediate; CONFIG_REAP_NEVER: keep */
    uint32_t siblings_max;
    enum log_level log_level;
};

/* What the command line asks for beside running. */
enum config_wish {
    CONFIG_RUN,
    CONFIG_CHECK,
    CONFIG_HELP,
    CONFIG_HELP_MARKDOWN,
    CONFIG_HELP_MAN,
    CONFIG_HELP_COMPLETION,
    CONFIG_VERSION
};

/* Reads and checks everything. Overwrites secret environment variables in place. Returns 0 and *wish; otherwise a code
 * of sysexits.h, and `why` says what is wrong, where, and what to do. config_fini() in every case. */
int config_read(struct config *c, int argc, char *const *argv, enum config_wish *wish, char *why, size_t why_size);
void config_fini(struct config *c); /* the key is overwritten */

/* The list of peers as the configuration file has it now, for SIGHUP; where a flag or the environment gave it, which
 * cannot change, that one. *peers is the caller's, also NULL where the cluster is one of one. Otherwise a code of
 * sysexits.h with its text in `why`: what was read before counts on. */
int config_reread_peers(const struct config *c, char **peers, char *why, size_t why_size);

/* The root's certificate and key as their files hold them now; what was given as text is copied. Both are the caller's:
 * config_pem_fini() them, also after a failure. From any thread. Otherwise a code of sysexits.h with its text in `why`.
 */
int config_reread_root(const struct config *c, struct config_pem *cert, struct config_pem *key, char *why,
                       size_t why_size);

/* Whether a node that listens on that address may advertise `text`: a numeric address that a node can have, of a family
 * that it serves; `loopback_too`: also one of loopback. Writes its shortest spelling (46 bytes). */
bool config_may_advertise(const char *listen, const char *text, bool loopback_too, char *out);

/* Whether that may be the name of a host in DNS. */
bool config_is_host_name(const char *text);

/* What a reader of the log needs to know about the start, and every warning. */
void config_log(const struct config *c, const struct log *log);

#endif
