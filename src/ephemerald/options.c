/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/options.h"

#include "store/props.h"

#define MIB    ((uint64_t)1 << 20)
#define MINUTE ((uint64_t)60 * 1000)
#define HOUR   ((uint64_t)3600 * 1000)
#define DAY    ((uint64_t)86400 * 1000)

/* The times of a cluster go by the cluster. */
#define OF_THE_CLUSTER " A node that joins a cluster takes the cluster's."

const struct option daemon_options[] = {
    {"config", "EPHEMERAL_STORE_CONFIG", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "A file of `name = value` lines; the names are those of the options. # begins a comment. A value of several lines "
     "stands between `name = <<END` and a line END."},
    {"listen", "EPHEMERAL_STORE_LISTEN", OPTION_TEXT, "ADDRESS", "::", 0, 0, false,
     "Numeric IPv4 or IPv6 address on which to serve clients and the other nodes. :: serves IPv4 and IPv6, 0.0.0.0 "
     "IPv4 alone. Default on a machine without IPv6: 0.0.0.0."},
    {"proto-port", "PORT_PROTO EPHEMERAL_STORE_PROTO_PORT", OPTION_NUMBER, "PORT", "8087", 1, 65535, false,
     "Port of the Riak Protocol Buffers API. Marathon sets it by PORT_PROTO."},
    {"epmd-port", "PORT_EPMD EPHEMERAL_STORE_EPMD_PORT", OPTION_NUMBER, "PORT", "4369", 1, 65535, false,
     "Port of the control plane between nodes: membership, leases and the map of partitions. TLS 1.3, node "
     "certificates only; not Erlang's epmd. Also the port of peers that are listed without one."},
    {"handoff-port", "PORT_HANDOFF EPHEMERAL_STORE_HANDOFF_PORT", OPTION_NUMBER, "PORT", "8099", 1, 65535, false,
     "Port of the data plane between nodes: replication, forwarded requests, snapshots. TLS 1.3, node certificates "
     "only."},
    {"orchestration", "ORCHESTRATION", OPTION_TEXT, "marathon|kubernetes|none", NULL, 0, 0, false,
     "Who started this node. Default: kubernetes if there is a service account or KUBERNETES_SERVICE_HOST is set, else "
     "none."},
    {"marathon-url", "MARATHON_URL EPHEMERAL_STORE_MARATHON_URL", OPTION_TEXT, "URL,...", NULL, 0, 0, false,
     "URLs (http or https) of Marathon's API, which lists the other nodes (with ORCHESTRATION=marathon). They are "
     "tried in this order until one answers. Default: http://marathon.mesos:8080, http://leader.mesos:8080."},
    {"marathon-user", "EPHEMERAL_STORE_MARATHON_USER", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "User of Marathon's API (HTTP basic authentication), together with marathon-password-file."},
    {"marathon-password-file", "EPHEMERAL_STORE_MARATHON_PASSWORD_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "File with the password of marathon-user. It is read for each request."},
    {"marathon-token-file", "EPHEMERAL_STORE_MARATHON_TOKEN_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "File with a token for Marathon's API, sent as `Authorization: Bearer`. It is read for each request."},
    {"marathon-root-ca-file", "EPHEMERAL_STORE_MARATHON_ROOT_CA_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "PEM root certificates that sign the certificate of Marathon's https server. Default: the system's."},
    {"kubernetes-api", "EPHEMERAL_STORE_KUBERNETES_API", OPTION_TEXT, "URL", NULL, 0, 0, false,
     "URL of the Kubernetes API, which lists the other pods. Default: KUBERNETES_SERVICE_HOST and "
     "KUBERNETES_SERVICE_PORT, else https://kubernetes.default.svc."},
    {"kubernetes-account", "EPHEMERAL_STORE_KUBERNETES_ACCOUNT", OPTION_TEXT, "FOLDER",
     "/var/run/secrets/kubernetes.io/serviceaccount", 0, 0, false,
     "Folder where the service account is mounted. Its token and ca.crt are read for each request, its namespace at "
     "the start. It needs a Role with the verbs list for pods and get for statefulsets (apiGroup apps). Without that "
     "permission only DNS says where the nodes are."},
    {"kubernetes-namespace", "NAMESPACE EPHEMERAL_STORE_KUBERNETES_NAMESPACE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Namespace of the pods. Default: the service account's."},
    {"pod-label-selector", "POD_LABEL_SELECTOR EPHEMERAL_STORE_POD_LABEL_SELECTOR", OPTION_TEXT, "VALUE|SELECTOR", NULL,
     0, 0, false,
     "Which pods of the namespace are nodes: the value of their label `name`, or a selector in the form of kubectl's "
     "-l. Default: the value of cluster-name."},
    {"info-service", "INFO_SERVICE EPHEMERAL_STORE_INFO_SERVICE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Headless service of the pods, looked up in DNS as NAME.NAMESPACE.svc with the search list of the pod. A NAME "
     "with a dot is looked up as it is."},
    {"node-name", "EPHEMERAL_STORE_NODE_NAME", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Name of the node that clients see. Default: riak@ and the host's name or address (HOST under Marathon, else "
     "--listen if that is a single address, else the host's own name)."},
    {"names", "EPHEMERAL_STORE_NAMES", OPTION_TEXT, "NAME,...", NULL, 0, 0, false,
     "Further DNS names and addresses under which clients reach this node, such as a VIP. They are added to its "
     "certificate, next to the host's own names, the addresses of listen, advertise, POD_IP and HOST (Marathon), and "
     "loopback. A name that no certificate can hold is left out with a warning."},
    {"server-version", "EPHEMERAL_STORE_SERVER_VERSION", OPTION_TEXT, "X.Y.Z", "3.0.16", 0, 0, false,
     "The Riak version that clients see: three whole numbers, by which clients enable features."},
    {"user", "EPHEMERAL_STORE_USER", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Users that may connect: {\"name\":\"myUser\",\"auth_mode\":\"certificate\"}, or an array of such objects. The "
     "common name of a client's certificate must be the name of the user, in any case."},
    {"root-ca-cert", "EPHEMERAL_STORE_ROOT_CA_CERT", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, false,
     "The root certificate that signs the clients' certificates: a file, or the PEM itself (newlines may be written as "
     "\\n or left out, or all of it may be base64). It may hold several roots; all are trusted. Of the roots that "
     "match the key, the valid one that ends last signs. A file is read again within seconds after it has changed, and "
     "at SIGHUP; open connections continue. Default in Kubernetes: /riak-bootstrap/ca-certs/tls.crt."},
    {"root-ca-key", "EPHEMERAL_STORE_ROOT_CA_KEY", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, true,
     "The root's private key, with which the node makes its own certificates: a file, which is read again like "
     "root-ca-cert, or the PEM itself. Default in Kubernetes: /riak-bootstrap/ca-certs/tls.key."},
    {"certificate-days", "EPHEMERAL_STORE_CERTIFICATE_DAYS", OPTION_NUMBER, "DAYS", "30", 1, 397, false,
     "Lifetime of the node's own certificates. They are renewed after two thirds of it. Keep it short: they cannot be "
     "revoked."},
    {"legacy-suites", "EPHEMERAL_STORE_LEGACY_SUITES", OPTION_FLAG, "on|off", "on", 0, 0, false,
     "Also offer the old cipher suites of TLS 1.2 (DHE or RSA key exchange, AES-CBC). Riak's Node.js client has no "
     "others for TLS 1.2; on a current Node.js it uses TLS 1.3 and does not need them."},
    {"memory", "EPHEMERAL_STORE_MEMORY", OPTION_SIZE, "SIZE", NULL, 64 * MIB, UINT64_MAX / 2, false,
     "Memory of this node. Three quarters hold data, 5/32 hold messages and answers in flight, of which one user gets "
     "at most three quarters. Default: MARATHON_APP_RESOURCE_MEM (MB), else the smallest limit of the control group "
     "and its parents, else 1 GiB. Units: 512M, 512Mi and 512MiB are the same (powers of 1024), as are 1G, 1Gi and "
     "1GiB; 1GB is 10^9 bytes."},
    {"cluster-name", "EPHEMERAL_STORE_CLUSTER_NAME", OPTION_TEXT, "NAME", "ephemeral-store", 0, 0, false,
     "Name of the cluster: letters, digits, - _ and ., at most 63. Nodes ignore nodes of another name, so two clusters "
     "can share a network and a root."},
    {"cluster-size", "EPHEMERAL_STORE_CLUSTER_SIZE", OPTION_NUMBER, "N", "5", 1, 63, false,
     "Number of nodes that the cluster is expected to have, the same on all of them. It decides how many nodes must "
     "see each other to form a cluster. With 5, two may fail at once; 1 is a cluster of one node, which needs no "
     "peers. Under an orchestrator, set it to the number of nodes if that is not 5, and do not change it when you "
     "scale up: replicas or instances raise the number of nodes that must agree, and never lower it below this. A "
     "cluster that runs fewer nodes than this survives fewer failures, and cannot form with less than a majority of "
     "this number."},
    {"peers", "EPHEMERAL_STORE_PEERS", OPTION_TEXT, "PEER,...", NULL, 0, 0, false,
     "Where other nodes may be: addresses, or names with A or AAAA records, each with an optional :PORT of the control "
     "plane ([ADDRESS]:PORT for IPv6), or srv:NAME for SRV records (srv:_epmd._tcp.store.example). One address for "
     "each node; this node may be among them. Names are looked up repeatedly; SIGHUP reads the list in the file again. "
     "Required for a cluster of more than one node, unless Marathon or Kubernetes says where the nodes are."},
    {"advertise", "EPHEMERAL_STORE_ADVERTISE", OPTION_TEXT, "ADDRESS|NAME", NULL, 0, 0, false,
     "Address at which the other nodes reach this one, of a family that --listen serves. A name is looked up while the "
     "node runs; until it has an address, the ports are open but the node takes no part in the cluster. Default: "
     "--listen if that is a single address, else HOST (only with ORCHESTRATION=marathon) or POD_IP if that is an "
     "address, else the address of the name in HOST or of the host's own name. Loopback addresses among these are "
     "skipped; if nothing is left, the address from which this machine reaches the first other node that is known."},
    {"place", "EPHEMERAL_STORE_PLACE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Name of the pod or task that runs this node, shown by status. It proves nothing: two processes of one pod may "
     "run at once. Default: MESOS_TASK_ID, else in Kubernetes NAMESPACE/POD_NAME (or HOSTNAME), else empty."},
    {"replicas", "EPHEMERAL_STORE_REPLICAS", OPTION_NUMBER, "N", "3", 1, 7, false,
     "Number of nodes that hold each key, if there are as many. With 3, one of them may fail and the other two "
     "continue. More replicas cost memory, and time for every write." OF_THE_CLUSTER},
    {"partitions", "EPHEMERAL_STORE_PARTITIONS", OPTION_NUMBER, "P", "64", 1, 64, false,
     "Number of parts of the key space, each with its own replicas and leader. Fixed when the cluster forms. Fewer "
     "partitions cost less when idle, and spread keys and work less evenly." OF_THE_CLUSTER},
    {"heartbeat-ms", "EPHEMERAL_STORE_HEARTBEAT_MS", OPTION_DURATION_MS, "TIME", "100", 10, 10 * 1000, false,
     "How often an idle leader sends a heartbeat to its followers. Idle partitions cost little at 100 ms." OF_THE_CLUSTER},
    {"election-ms", "EPHEMERAL_STORE_ELECTION_MS", OPTION_DURATION_MS, "TIME", "300", 30, MINUTE, false,
     "Election time-out: a follower that hears nothing from its leader for this long (randomized up to twice as long) "
     "starts an election. At least three times heartbeat-ms, so that one late heartbeat changes nothing. With 300 ms "
     "there is a new leader within a second." OF_THE_CLUSTER},
    {"lease-ms", "EPHEMERAL_STORE_LEASE_MS", OPTION_DURATION_MS, "TIME", "5000", 100, 10 * MINUTE, false,
     "How long a node may serve without hearing from the majority. At least four times election-ms, so that an "
     "election interrupts nothing. A longer lease lets a node serve through longer network cuts, and makes the others "
     "wait longer before they take over." OF_THE_CLUSTER},
    {"lease-margin-ms", "EPHEMERAL_STORE_LEASE_MARGIN_MS", OPTION_DURATION_MS, "TIME", "1000", 10, 10 * MINUTE, false,
     "Extra wait after a lease has ended, before other nodes take over. Must exceed by far how much two clocks drift "
     "apart during one lease." OF_THE_CLUSTER},
    {"form-grace-ms", "EPHEMERAL_STORE_FORM_GRACE_MS", OPTION_DURATION_MS, "TIME", "3000", 0, 10 * MINUTE, false,
     "How long nodes that are enough to form a cluster wait for the rest of cluster-size, if all of those are heard "
     "but not all can take part yet: about the time between the starts of nodes that are started together. While any "
     "of them is silent, the nodes wait for lost-after-ms instead, because a silent node may hold data."},
    {"stranded-after-ms", "EPHEMERAL_STORE_STRANDED_AFTER_MS", OPTION_DURATION_MS, "TIME", "10000", 100, HOUR, false,
     "After this long without a leader of the cluster, a node looks for others to form the cluster again with the data "
     "that they hold. At least ten times election-ms, so that a series of failed elections does not count." OF_THE_CLUSTER},
    {"lost-after-ms", "EPHEMERAL_STORE_LOST_AFTER_MS", OPTION_DURATION_MS, "TIME", "60000", 1000, DAY, false,
     "A node that is silent for this long counts as lost: a partition whose majority is lost is rebuilt from the "
     "remaining replicas. Must be more than lease-ms and lease-margin-ms together. With a minute, a machine that "
     "restarts or a network cut that heals in that time costs no data." OF_THE_CLUSTER},
    {"fence-after-ms", "EPHEMERAL_STORE_FENCE_AFTER_MS", OPTION_DURATION_MS, "TIME", "0", 0, DAY, false,
     "A member that misses other nodes, and that the orchestrator's API has not listed for this long, stops answering "
     "quorum requests until it is listed again. 0: off. This is for a network cut beyond which the orchestrator "
     "replaces most members: those may continue to serve while their replacements form a second cluster. Set it below "
     "the time after which the orchestrator gives up a machine (Kubernetes 300 s, Mesos 75 s), and above the API's "
     "usual restarts: while the API is away for this long and a node is missing, the cluster does not serve. While all "
     "nodes are heard, an absent API changes nothing. Needs an orchestrator's API; at least lease-ms and "
     "lease-margin-ms together."},
    {"bucket-types", "EPHEMERAL_STORE_BUCKET_TYPES", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Bucket types to create, with their properties: {\"maps\":{\"datatype\":\"map\"},\"short\":{\"ttl\":30}}."},
    {"object-size-max", "EPHEMERAL_STORE_OBJECT_SIZE_MAX", OPTION_SIZE, "SIZE", "50MiB", 1024, 1024 * MIB, false,
     "Largest object, including its siblings and metadata. Riak's default."},
    {"siblings-max", "EPHEMERAL_STORE_SIBLINGS_MAX", OPTION_NUMBER, "N", "100", 1, 10000, false,
     "Most siblings of one object. Riak's default."},
    {"delete-mode", "EPHEMERAL_STORE_DELETE_MODE", OPTION_TEXT, "keep|immediate|MS", "3000", 0, 0, false,
     "How long a tombstone stays after a delete, so that clients can tell a deleted key from one that was never "
     "written. Riak's default."},
    {"max-connections", "EPHEMERAL_STORE_MAX_CONNECTIONS", OPTION_NUMBER, "N", NULL, 1, 1000000, false,
     "Most authenticated client connections at once. Default: as many as an eighth of the memory holds at 32 KiB each, "
     "at least 256; fewer if the limit of file descriptors (ulimit -n) is low. A client above the limit gets an error "
     "when it authenticates. A few more places are kept for node certificates, with which an operator connects."},
    {"max-handshakes", "EPHEMERAL_STORE_MAX_HANDSHAKES", OPTION_NUMBER, "N", NULL, 1, 1000000, false,
     "Most client connections at once that have not authenticated. They take no place of a client. Default: as many as "
     "an eighth of the memory holds at 48 KiB each, at least 128, at most 1024. When all places are taken, a new "
     "connection replaces the one that was silent for longest, first among those of an address that has more than half "
     "of the places. If none is silent, new connections wait in the kernel's queue."},
    {"handshake-timeout-ms", "EPHEMERAL_STORE_HANDSHAKE_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "10000", 10, DAY,
     false, "Time from accepting a connection until it has authenticated. A failed attempt starts it again."},
    {"auth-failure-delay-ms", "EPHEMERAL_STORE_AUTH_FAILURE_DELAY_MS", OPTION_DURATION_MS, "TIME", "5000", 0, DAY,
     false, "Delay of the answer to a failed authentication, against guessing. Riak's default."},
    {"stall-timeout-ms", "EPHEMERAL_STORE_STALL_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "60000", 10, DAY, false,
     "A connection is closed if less than 64 KiB of a large message (or less than the rest of it) arrives in this "
     "time, or if the client reads no byte of an answer. A whole message may take this long, and a second for each 64 "
     "KiB."},
    {"request-timeout-ms", "EPHEMERAL_STORE_REQUEST_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "60000", 10, DAY, false,
     "Time-out of a request that gives none, and of each step of a list. After it the client gets an error that says "
     "whether a write may have been applied. Riak's default, which the time-outs of clients are made for."},
    {"log-level", "EPHEMERAL_STORE_LOG_LEVEL", OPTION_TEXT, "error|warn|info|debug", "info", 0, 0, false,
     "What is written to standard error. What peers and clients cause repeatedly is logged once a minute with a count; "
     "at debug, each time. A node never waits for the reader of its log: lines that find no room are dropped, and a "
     "warning says how many."},
};

const size_t daemon_option_count = sizeof daemon_options / sizeof daemon_options[0];
