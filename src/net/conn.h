/* One accepted client connection: io/stream.h over TCP and, from start_tls on, over a tls_engine; it moves bytes
 * between the socket, the engine and the session, and owns all three.
 *
 * Handshakes are worked on in a queue of their own with a bounded share of each turn, because each costs a
 * private-key operation; established connections are read at once. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/loop.h"
#include "server/session.h"
#include "tls/tls_engine.h"

struct listener;
struct conn;

/* Takes the connection that waits at the listener. E_NOMEM, or net_error(): it is closed. */
int conn_accept(struct listener *from, struct conn **out);
/* Ends the connection after what is queued. */
void conn_end(struct conn *c);

/* In the listener's list. */
struct list *conn_link(struct conn *c);
struct conn *conn_of_link(struct list *link);

#endif
