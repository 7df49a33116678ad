/* SPDX-License-Identifier: Apache-2.0 */
/* The release, as CMakeLists.txt names it. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

extern const char version_text[]; /* "1.2.3" */

#endif
