#include "base/version.h"

const char version_text[] = EPHEMERAL_VERSION;
