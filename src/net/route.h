/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's routes. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

/* The address of this machine from which packets to `towards` (numeric) would leave, in 46 bytes. Sends nothing.
 * E_INVALID: no address. E_IO: no route leads there. */
int net_route_source(const char *towards, char *out);

#endif
