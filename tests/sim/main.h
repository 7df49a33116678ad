/* SPDX-License-Identifier: Apache-2.0 */
/* The program, but for its main(): that stands in entry.c, so that builds without a rule share all the rest. */
#ifndef SIM_MAIN_H
#define SIM_MAIN_H

int sim_main(int argc, char **argv); /* the exit status */

#endif
