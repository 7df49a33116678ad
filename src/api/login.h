/* SPDX-License-Identifier: Apache-2.0 */
/* How a principal shows who it is. The TLS layer has checked that the root has signed the certificate, if the peer has
 * shown one. Which method counts is said by the source that lets the user in from its address (security/acl.h): its
 * certificate's common name, a password, or nothing. A node's certificate lets in any name that it holds.
 *
 * A door delays the answer to a refused login, by the same time whatever was checked before, so that nobody guesses
 * fast, and closes the connection after a few of them. */
#ifndef API_LOGIN_H
#define API_LOGIN_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/password_queue.h"
#include "api/principal.h"

/* Whether a peer from that address may come without a certificate: only where an operator has added a source for it.
 * To be asked before the handshake; `address` as in struct principal. */
bool login_takes_bare(const struct api *a, const char *address);

enum login_state { LOGIN_ACCEPTED, LOGIN_REFUSED, LOGIN_PENDING };

struct login;
/* `out` is NULL when the user is let in. */
typedef void (*login_done)(struct login *l, const struct outcome *out);

/* One login under way; it lies in its caller's memory. */
struct login {
    const struct api *api;
    struct principal *who;
    login_done done;
    struct password_check check;
};

void login_init(struct login *l, login_done done);
/* `who` holds what the transport knows; the name is written to who->user in any case, and who->configured when it is
 * accepted. REFUSED: *out is NOT_LET_IN; its `why` is static and for the log, clients are not told. PENDING: `done` is
 * called in a later turn, unless login_forget() comes before; `who` is borrowed until then. `user` and `password` are
 * borrowed for the call. */
enum login_state login_begin(const struct api *a, struct login *l, struct principal *who, struct slice user,
                             struct slice password, struct outcome *out);
void login_forget(struct login *l); /* also when none is under way */

#endif
