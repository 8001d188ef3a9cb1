// The archives' part of recovery. Private to src/sink.
#ifndef SRC_SINK_RECOVER_ARCHIVES_H
#define SRC_SINK_RECOVER_ARCHIVES_H

#include "sink/recover.h"

// Archives that were complete get their name; others are thrown away, and their photos are decided
// but not filed. Nothing is committed.
CUBBY_NODISCARD enum cubby_status recover_archives(const struct sink_recover_params *params);

#endif
