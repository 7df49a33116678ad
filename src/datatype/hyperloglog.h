/* SPDX-License-Identifier: Apache-2.0 */
/* HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) with Ertl's estimator (arXiv:1702.01284, 2017), which needs no
 * tables and is nearly exact for few elements.
 *
 * payload = precision u8 (4 to 16), then 2^precision ranks of a byte each; or, while that is shorter, (register u16,
 * rank u8)* for those that are not 0, by register. Numbers are big-endian. */
#ifndef DATATYPE_HYPERLOGLOG_H
#define DATATYPE_HYPERLOGLOG_H

#include "base/slice.h"

#define HLL_PRECISION_MIN     4
#define HLL_PRECISION_MAX     16
#define HLL_PRECISION_DEFAULT 14

uint64_t hll_estimate(struct slice payload);

#endif
