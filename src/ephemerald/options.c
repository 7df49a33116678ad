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
     "A file with `name = value` lines, the names being those of the options; # begins a comment; a value of several "
     "lines stands "
     "between `name = <<END` and a line END."},
    {"listen", "EPHEMERAL_STORE_LISTEN", OPTION_TEXT, "ADDRESS", "::", 0, 0, false,
     "Numeric IPv4 or IPv6 address to serve clients and the other nodes on. :: serves IPv4 and IPv6, 0.0.0.0 IPv4 "
     "alone. Without it, a machine that has no IPv6 listens on 0.0.0.0."},
    {"proto-port", "PORT_PROTO EPHEMERAL_STORE_PROTO_PORT", OPTION_NUMBER, "PORT", "8087", 1, 65535, false,
     "Port of the Riak Protocol Buffers API. Marathon gives it as PORT_PROTO."},
    {"epmd-port", "PORT_EPMD EPHEMERAL_STORE_EPMD_PORT", OPTION_NUMBER, "PORT", "4369", 1, 65535, false,
     "Port of the control plane between nodes: who is there, who is a member, which map of partitions counts. TLS 1.3, "
     "for node certificates only; not Erlang's epmd. Also the port of peers that are given without one."},
    {"handoff-port", "PORT_HANDOFF EPHEMERAL_STORE_HANDOFF_PORT", OPTION_NUMBER, "PORT", "8099", 1, 65535, false,
     "Port of the data plane between nodes: replication, forwarded requests, copies. TLS 1.3, for node certificates "
     "only."},
    {"orchestration", "ORCHESTRATION", OPTION_TEXT, "marathon|kubernetes|none", NULL, 0, 0, false,
     "Who started this node. Without it: kubernetes where a service account or KUBERNETES_SERVICE_HOST is there, else "
     "none."},
    {"marathon-url", "MARATHON_URL EPHEMERAL_STORE_MARATHON_URL", OPTION_TEXT, "URL,...", NULL, 0, 0, false,
     "Where Marathon's API is asked for the other nodes (with ORCHESTRATION=marathon): URLs of http or https, which "
     "are "
     "tried in this order until one answers. Without it: http://marathon.mesos:8080, http://leader.mesos:8080."},
    {"marathon-user", "EPHEMERAL_STORE_MARATHON_USER", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "User of Marathon's API (HTTP basic authentication), together with marathon-password-file."},
    {"marathon-password-file", "EPHEMERAL_STORE_MARATHON_PASSWORD_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "File with the password of marathon-user. It is read for each request."},
    {"marathon-token-file", "EPHEMERAL_STORE_MARATHON_TOKEN_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "File with a token for Marathon's API, sent as `Authorization: Bearer`. It is read for each request."},
    {"marathon-root-ca-file", "EPHEMERAL_STORE_MARATHON_ROOT_CA_FILE", OPTION_TEXT, "FILE", NULL, 0, 0, false,
     "PEM root certificates that an https server of Marathon's API must lead to. Without it: the system's."},
    {"kubernetes-api", "EPHEMERAL_STORE_KUBERNETES_API", OPTION_TEXT, "URL", NULL, 0, 0, false,
     "Where the API of Kubernetes is asked for the other pods. Without it: KUBERNETES_SERVICE_HOST and "
     "KUBERNETES_SERVICE_PORT, else https://kubernetes.default.svc."},
    {"kubernetes-account", "EPHEMERAL_STORE_KUBERNETES_ACCOUNT", OPTION_TEXT, "FOLDER",
     "/var/run/secrets/kubernetes.io/serviceaccount", 0, 0, false,
     "Folder where the service account is mounted: its token and ca.crt are read for each request, its namespace at "
     "the start. It needs a Role with the verbs list for pods and get for statefulsets (apiGroup apps). Without that "
     "permission, DNS alone says where the nodes are."},
    {"kubernetes-namespace", "NAMESPACE EPHEMERAL_STORE_KUBERNETES_NAMESPACE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Namespace of the pods. Without it: the service account's."},
    {"pod-label-selector", "POD_LABEL_SELECTOR EPHEMERAL_STORE_POD_LABEL_SELECTOR", OPTION_TEXT, "VALUE|SELECTOR", NULL,
     0, 0, false,
     "Which pods of the namespace are nodes: the value of their label `name`, or a selector as kubectl's -l takes it. "
     "Without it: the value of cluster-name."},
    {"info-service", "INFO_SERVICE EPHEMERAL_STORE_INFO_SERVICE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Headless service of the pods, whose name is asked for in DNS: NAME.NAMESPACE.svc, completed by the search list "
     "of the pod; a NAME with a dot is asked for as it is."},
    {"node-name", "EPHEMERAL_STORE_NODE_NAME", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Shown to clients as the node's name. Without it: riak@ and the host's name or address (HOST under Marathon, else "
     "what --listen says when that is a single address, else the host's own name)."},
    {"names", "EPHEMERAL_STORE_NAMES", OPTION_TEXT, "NAME,...", NULL, 0, 0, false,
     "Further DNS names and addresses under which clients reach this node, such as a VIP: they go into its "
     "certificate, in addition to the host's own, the addresses of listen, advertise, POD_IP and HOST (Marathon), and "
     "those of "
     "loopback. A name that no certificate can carry is left out, with a warning."},
    {"server-version", "EPHEMERAL_STORE_SERVER_VERSION", OPTION_TEXT, "X.Y.Z", "3.0.16", 0, 0, false,
     "The Riak version that clients are told: three integers, because clients switch features on by it."},
    {"user", "EPHEMERAL_STORE_USER", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Who may connect: {\"name\":\"myUser\",\"auth_mode\":\"certificate\"}, or an array of such. A client's "
     "certificate must have "
     "the name as its common name; case does not matter."},
    {"root-ca-cert", "EPHEMERAL_STORE_ROOT_CA_CERT", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, false,
     "The root certificate that clients' certificates must lead to: the PEM itself (newlines may be written \\n or "
     "left out, or all of it be in base64), or a file. It may hold several roots: all are trusted. Of those with the "
     "key's public half, the valid one that ends last signs. A file is read again within seconds after it has changed, "
     "and at SIGHUP; open connections continue. In Kubernetes without it: /riak-bootstrap/ca-certs/tls.crt."},
    {"root-ca-key", "EPHEMERAL_STORE_ROOT_CA_KEY", OPTION_TEXT, "PEM|FILE", NULL, 0, 0, true,
     "The root's private key, with which the node makes its own certificates: the PEM itself, or a file, which is read "
     "again likewise. In Kubernetes without it: "
     "/riak-bootstrap/ca-certs/tls.key."},
    {"certificate-days", "EPHEMERAL_STORE_CERTIFICATE_DAYS", OPTION_NUMBER, "DAYS", "30", 1, 397, false,
     "Life of the node's own certificates; they are renewed at two thirds of it. Short, because nobody can revoke "
     "them."},
    {"legacy-suites", "EPHEMERAL_STORE_LEGACY_SUITES", OPTION_FLAG, "on|off", "on", 0, 0, false,
     "Old suites of TLS 1.2 (DHE or RSA key exchange, AES-CBC) in addition to the modern ones. Riak's Node.js client "
     "offers "
     "no others for TLS 1.2; on a current Node.js it takes TLS 1.3 and does not need them."},
    {"memory", "EPHEMERAL_STORE_MEMORY", OPTION_SIZE, "SIZE", NULL, 64 * MIB, UINT64_MAX / 2, false,
     "Memory of this node: three quarters hold data, 5/32 messages and answers on their way (of which one user has "
     "three "
     "quarters at most). Without it: MARATHON_APP_RESOURCE_MEM (MB), else the smallest limit of the control group and "
     "of those above it, else 1 GiB. "
     "Units: 512M, 512Mi and 512MiB are the same (powers of 1024), as are 1G, 1Gi and 1GiB; 1GB is 10^9 bytes."},
    {"cluster-name", "EPHEMERAL_STORE_CLUSTER_NAME", OPTION_TEXT, "NAME", "ephemeral-store", 0, 0, false,
     "Name of the cluster: letters, digits, - _ and ., at most 63. Nodes of another name are not talked to, so that "
     "two "
     "clusters may share a network and a root."},
    {"cluster-size", "EPHEMERAL_STORE_CLUSTER_SIZE", OPTION_NUMBER, "N", "5", 1, 63, false,
     "Nodes that the cluster is expected to have, the same on all of them: how many must see each other to form it "
     "follows from this. 5, because two may then be lost at once; 1 is a cluster of one, which needs no peers. Under "
     "an "
     "orchestrator, set it to the number of nodes if that is not 5, and leave it as it is when you scale up: replicas "
     "or instances raise the number of nodes that must agree, but never lower it below this. A cluster that runs fewer "
     "nodes than this may lose fewer, and cannot form with less than a majority of this number."},
    {"peers", "EPHEMERAL_STORE_PEERS", OPTION_TEXT, "PEER,...", NULL, 0, 0, false,
     "Where other nodes may be: addresses or names with A or AAAA records, each perhaps with :PORT of its control "
     "plane "
     "([ADDRESS]:PORT of IPv6), or srv:NAME for SRV records (srv:_epmd._tcp.store.example). One address for each node; "
     "this node may be among them. Names are asked for again and again; SIGHUP reads the list of the file again. A "
     "cluster of more than one needs it where neither Marathon nor Kubernetes says where the nodes are."},
    {"advertise", "EPHEMERAL_STORE_ADVERTISE", OPTION_TEXT, "ADDRESS|NAME", NULL, 0, 0, false,
     "Address under which the other nodes reach this one, of a family that --listen serves. A name is looked up while "
     "the node runs; until it has an address, the ports are open but the node takes no part in the cluster. Without "
     "it: what --listen says when that is a single address, else HOST (only with ORCHESTRATION=marathon) or POD_IP if "
     "that is an address, else the address of the name in HOST or of the host's own name; of these, loopback addresses "
     "are passed over; what is left then is the address from which this machine reaches the first other node that is "
     "known."},
    {"place", "EPHEMERAL_STORE_PLACE", OPTION_TEXT, "NAME", NULL, 0, 0, false,
     "Name of the pod or task that this node is, which status shows. It proves nothing: two processes of one pod may "
     "run at once. Without it: MESOS_TASK_ID, else in Kubernetes NAMESPACE/POD_NAME (or HOSTNAME), else empty."},
    {"replicas", "EPHEMERAL_STORE_REPLICAS", OPTION_NUMBER, "N", "3", 1, 7, false,
     "Nodes that hold each key, as far as there are so many. 3, because each may then lose one and be written on by "
     "the "
     "two that remain; more cost memory and time for every write." OF_THE_CLUSTER},
    {"partitions", "EPHEMERAL_STORE_PARTITIONS", OPTION_NUMBER, "P", "64", 1, 64, false,
     "Parts that the keys are divided into, each with its own replicas and its own leader; fixed when the cluster "
     "forms. "
     "Fewer cost less while nothing happens, and spread keys and work less evenly." OF_THE_CLUSTER},
    {"heartbeat-ms", "EPHEMERAL_STORE_HEARTBEAT_MS", OPTION_DURATION_MS, "TIME", "100", 10, 10 * 1000, false,
     "How often a leader without anything to say tells its followers that it is there. Idle partitions cost little at "
     "100 ms." OF_THE_CLUSTER},
    {"election-ms", "EPHEMERAL_STORE_ELECTION_MS", OPTION_DURATION_MS, "TIME", "300", 30, MINUTE, false,
     "Without a word from its leader for so long, up to twice as long by chance, a follower stands for election: three "
     "heartbeats at least, so that one that is late changes nothing. 300 ms, so that a new leader is there within a "
     "second." OF_THE_CLUSTER},
    {"lease-ms", "EPHEMERAL_STORE_LEASE_MS", OPTION_DURATION_MS, "TIME", "5000", 100, 10 * MINUTE, false,
     "How long a node may serve without hearing from the majority; four times election-ms at least, so that an "
     "election "
     "interrupts nothing. Longer lets a node serve through longer cuts, and makes the others wait longer before they "
     "take its work over." OF_THE_CLUSTER},
    {"lease-margin-ms", "EPHEMERAL_STORE_LEASE_MARGIN_MS", OPTION_DURATION_MS, "TIME", "1000", 10, 10 * MINUTE, false,
     "What is waited beyond the end of a lease before its node is worked around: more than two clocks drift apart in a "
     "lease, by far." OF_THE_CLUSTER},
    {"form-grace-ms", "EPHEMERAL_STORE_FORM_GRACE_MS", OPTION_DURATION_MS, "TIME", "3000", 0, 10 * MINUTE, false,
     "How long nodes that are enough for a cluster wait for the rest of cluster-size, when all of those are heard but "
     "not "
     "all can take part yet: about as far apart as nodes start that are started together. While any of them is silent, "
     "they wait for lost-after-ms: it may hold something."},
    {"stranded-after-ms", "EPHEMERAL_STORE_STRANDED_AFTER_MS", OPTION_DURATION_MS, "TIME", "10000", 100, HOUR, false,
     "Without a leader of the cluster for so long, a node looks for others to form it again with what they hold; ten "
     "times election-ms at least, so that no run of failed elections looks like it." OF_THE_CLUSTER},
    {"lost-after-ms", "EPHEMERAL_STORE_LOST_AFTER_MS", OPTION_DURATION_MS, "TIME", "60000", 1000, DAY, false,
     "A node that was silent for so long counts as lost: where the majority of a partition is lost, it is rebuilt from "
     "what the others hold. More than lease-ms and lease-margin-ms together. A minute, because a machine that restarts "
     "or a cut that heals within it should cost no data." OF_THE_CLUSTER},
    {"fence-after-ms", "EPHEMERAL_STORE_FENCE_AFTER_MS", OPTION_DURATION_MS, "TIME", "0", 0, DAY, false,
     "A member that misses other nodes, and that the orchestrator's API has not listed for so long, stops answering "
     "quorum requests until it is listed again. 0: off. It is for a network cut beyond which the "
     "orchestrator replaces most members: those may serve on while their replacements form a second cluster. Set it "
     "below the time after which the orchestrator gives up a machine (Kubernetes 300 s, Mesos 75 s), and above the "
     "API's usual restarts: while the API is away for so long and a node is missing, the cluster does not serve. While "
     "all nodes are heard an absent API changes nothing. Only with an orchestrator's API; at least lease-ms and "
     "lease-margin-ms together."},
    {"bucket-types", "EPHEMERAL_STORE_BUCKET_TYPES", OPTION_TEXT, "JSON", NULL, 0, 0, false,
     "Bucket types to create, with their properties: {\"maps\":{\"datatype\":\"map\"},\"short\":{\"ttl\":30}}."},
    {"object-size-max", "EPHEMERAL_STORE_OBJECT_SIZE_MAX", OPTION_SIZE, "SIZE", "50MiB", 1024, 1024 * MIB, false,
     "Largest object, its siblings and metadata included; Riak's default."},
    {"siblings-max", "EPHEMERAL_STORE_SIBLINGS_MAX", OPTION_NUMBER, "N", "100", 1, 10000, false,
     "Siblings of one object; Riak's default."},
    {"delete-mode", "EPHEMERAL_STORE_DELETE_MODE", OPTION_TEXT, "keep|immediate|MS", "3000", 0, 0, false,
     "How long a tombstone stays after a delete, so that clients can tell deleted from never written; Riak's default."},
    {"max-connections", "EPHEMERAL_STORE_MAX_CONNECTIONS", OPTION_NUMBER, "N", NULL, 1, 1000000, false,
     "Authenticated client connections at once. Without it: as many as an eighth of the memory holds at 32 KiB each, "
     "at least 256; fewer where the limit of file descriptors (ulimit -n) is short. Another client is told so when it "
     "authenticates. A few places more are kept for the certificates of nodes, with which an operator connects."},
    {"max-handshakes", "EPHEMERAL_STORE_MAX_HANDSHAKES", OPTION_NUMBER, "N", NULL, 1, 1000000, false,
     "Client connections at once that have not authenticated; they take no place of a client. Without it: as many as "
     "an "
     "eighth of the memory holds at 48 KiB each, at least 128, at most 1024. When all places are taken, the "
     "connection that is silent for longest gives way to a new one, first those of an address that has more than half "
     "of the places; while none is silent, new ones wait in the kernel's queue."},
    {"handshake-timeout-ms", "EPHEMERAL_STORE_HANDSHAKE_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "10000", 10, DAY,
     false, "From accepting a connection until it has authenticated; each failed attempt begins it anew."},
    {"auth-failure-delay-ms", "EPHEMERAL_STORE_AUTH_FAILURE_DELAY_MS", OPTION_DURATION_MS, "TIME", "5000", 0, DAY,
     false, "How long the answer to a failed authentication is held back, against guessing; as Riak."},
    {"stall-timeout-ms", "EPHEMERAL_STORE_STALL_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "60000", 10, DAY, false,
     "A connection ends when less than 64 KiB of a large message come in that time (or all that is left of it), or no "
     "byte "
     "of an answer is taken. A message has so long in all, and a second for each 64 KiB."},
    {"request-timeout-ms", "EPHEMERAL_STORE_REQUEST_TIMEOUT_MS", OPTION_DURATION_MS, "TIME", "60000", 10, DAY, false,
     "How long a request may take that gives no timeout of its own, or a step of a listing; then it is answered with "
     "an "
     "error that says whether a write may have had its effect. Riak's default, which clients' own time-outs are made "
     "for."},
    {"log-level", "EPHEMERAL_STORE_LOG_LEVEL", OPTION_TEXT, "error|warn|info|debug", "info", 0, 0, false,
     "What is written to standard error. What peers and clients repeat is logged once a minute with a count; at debug, "
     "each "
     "time. A node never waits for its reader: lines that find no room are dropped, and "
     "a warning says how many."},
};

const size_t daemon_option_count = sizeof daemon_options / sizeof daemon_options[0];
