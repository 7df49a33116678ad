#include "ephemerald/options.h"

#include "store/props.h"

#define MIB ((uint64_t)1 << 20)
#define DAY ((uint64_t)86400 * 1000)

const struct option daemon_options[] = {
    {"config", "EPHEMERAL_STORE_CONFIG", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "A file with `name = value` lines, the names being those of the options; # begins a comment; a value of several "
     "lines stands "
     "between `name = <<END` and a line END."},
    {"listen", "EPHEMERAL_STORE_LISTEN", OPTION_TEXT, "ADDRESS", "0.0.0.0", 0, 0, false,
     "Numeric IPv4 or IPv6 address to serve clients on; :: serves both kinds."},
    {"proto-port", "PORT_PROTO EPHEMERAL_STORE_PROTO_PORT", OPTION_NUMBER, "PORT", "8087", 1, 65535, false,
     "Port of the Riak Protocol Buffers API. Marathon gives it as PORT_PROTO."},
    {"epmd-port", "PORT_EPMD EPHEMERAL_STORE_EPMD_PORT", OPTION_NUMBER, "PORT", "4369", 1, 65535, false,
     "Port of the control plane between nodes. Not served by this version: a cluster of one has no other nodes."},
    {"handoff-port", "PORT_HANDOFF EPHEMERAL_STORE_HANDOFF_PORT", OPTION_NUMBER, "PORT", "8099", 1, 65535, false,
     "Port of the data plane between nodes. Not served by this version."},
    {"orchestration", "ORCHESTRATION", OPTION_TEXT, "marathon|kubernetes|none", NULL, 0, 0, false,
     "Who started this node. Without it: kubernetes where a service account or KUBERNETES_SERVICE_HOST is there, else "
     "none."},
    {"node-name", "EPHEMERAL_STORE_NODE_NAME", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Shown to clients as the node's name. Without it: riak@ and the host's name or address (HOST, or what --listen "
     "says)."},
    {"names", "EPHEMERAL_STORE_NAMES", OPTION_TEXT, "NAME,...", NULL, 0, 0, false,
     "Further DNS names and addresses under which clients reach this node, such as a VIP: they go into its "
     "certificate, beside the "
     "host's own."},
    {"server-version", "EPHEMERAL_STORE_SERVER_VERSION", OPTION_TEXT, "X.Y.Z", "3.0.16", 0, 0, false,
     "The Riak version that clients are told: three integers, because clients switch features on by it."},
    {"user", "EPHEMERAL_STORE_USER", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Who may connect: {\"name\":\"myUser\",\"auth_mode\":\"certificate\"}, or an array of such. A client's "
     "certificate must have "
     "the name as its common name; case does not matter."},
    {"root-ca-cert", "EPHEMERAL_STORE_ROOT_CA_CERT", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, false,
     "The root certificate that clients' certificates must lead to: the PEM itself (newlines may be written \\n or "
     "left out), or a "
     "file. In Kubernetes without it: /riak-bootstrap/ca-certs/tls.crt."},
    {"root-ca-key", "EPHEMERAL_STORE_ROOT_CA_KEY", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, true,
     "The root's private key, with which the node makes its own certificates, likewise. In Kubernetes without it: "
     "/riak-bootstrap/ca-certs/tls.key."},
    {"certificate-days", "EPHEMERAL_STORE_CERTIFICATE_DAYS", OPTION_NUMBER, "DAYS", "30", 1, 397, false,
     "Life of the node's own certificates; they are renewed at two thirds of it. Short, because nobody can revoke "
     "them."},
    {"legacy-suites", "EPHEMERAL_STORE_LEGACY_SUITES", OPTION_FLAG, "on|off", "on", 0, 0, false,
     "TLS 1.2 with DHE or RSA key exchange and AES-CBC beside the modern suites: the only ones of Riak's Node.js "
     "client."},
    {"memory", "EPHEMERAL_STORE_MEMORY", OPTION_SIZE, "SIZE", NULL, 64 * MIB, UINT64_MAX / 2, false,
     "Memory of this node: three quarters hold data, an eighth large bodies on their way. Without it: "
     "MARATHON_APP_RESOURCE_MEM "
     "(MB), else the limit of the control group, else 1 GiB."},
    {"cluster-size", "EPHEMERAL_STORE_CLUSTER_SIZE", OPTION_NUMBER, "N", "5", 1, 1000, false,
     "Nodes that the cluster is expected to have. This version serves a cluster of one: anything but 1 is warned of."},
    {"bucket-types", "EPHEMERAL_STORE_BUCKET_TYPES", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Bucket types to create, with their properties: {\"maps\":{\"datatype\":\"map\"},\"short\":{\"ttl\":30}}."},
    {"object-size-max", "EPHEMERAL_STORE_OBJECT_SIZE_MAX", OPTION_SIZE, "SIZE", "50MiB", 1024, 1024 * MIB, false,
     "Largest object, its siblings and metadata included; Riak's default."},
    {"siblings-max", "EPHEMERAL_STORE_SIBLINGS_MAX", OPTION_NUMBER, "N", "100", 1, 10000, false,
     "Siblings of one object; Riak's default."},
    {"delete-mode", "EPHEMERAL_STORE_DELETE_MODE", OPTION_TEXT, "keep|immediate|MS", "3000", 0, 0, false,
     "How long a tombstone stays after a delete, so that clients can tell deleted from never written; Riak's default."},
    {"max-connections", "EPHEMERAL_STORE_MAX_CONNECTIONS", OPTION_NUMBER, "N", NULL, 1, 1000000, false,
     "Client connections at once. Without it: as many as an eighth of the memory holds at 32 KiB each, at least 256."},
    {"max-handshakes", "EPHEMERAL_STORE_MAX_HANDSHAKES", OPTION_NUMBER, "N", "1024", 1, 1000000, false,
     "Connections that have not authenticated yet; further ones wait in the kernel's queue. Bounds what a storm of "
     "them holds."},
    {"handshake-timeout-ms", "EPHEMERAL_STORE_HANDSHAKE_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "10000", 10, DAY,
     false, "From accepting a connection until it has authenticated; each failed attempt begins it anew."},
    {"auth-failure-delay-ms", "EPHEMERAL_STORE_AUTH_FAILURE_DELAY_MS", OPTION_DURATION_MS, "TIME", "5000", 0, DAY,
     false, "How long the answer to a failed authentication is held back, against guessing; as Riak."},
    {"stall-timeout-ms", "EPHEMERAL_STORE_STALL_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "60000", 10, DAY, false,
     "A large message that brings, or an answer that takes, no byte for so long ends its connection."},
    {"log-level", "EPHEMERAL_STORE_LOG_LEVEL", OPTION_TEXT, "error|warn|info|debug", "info", 0, 0, false,
     "What is written to standard error."},
};

const size_t daemon_option_count = sizeof daemon_options / sizeof daemon_options[0];
