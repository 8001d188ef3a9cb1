// Puts an output folder and its catalogue in agreement after a process died while it was filing:
// called before a folder is sorted into again or taken back.
//
// For each filing that was intended: if its file has its final name, it is done; if its temporary
// (or, for a rename or a link, its source) lies ready and the name is free, it is done now; else
// what is left of the temporary is removed, the filing forgotten, and its photo is decided but not
// filed. Archives that were complete get their name;
// others are thrown away, and their photos are decided but not filed. Temporaries that nothing
// refers to (.cubby-*.tmp in the output folder and its class folders) are removed. A move's source
// is removed only where its copy is in place. What cannot be looked at or read is neither gone nor
// changed: then recovery ends, and its intent stays. Running it again after it was itself
// interrupted ends in the same place.
#ifndef SRC_SINK_RECOVER_H
#define SRC_SINK_RECOVER_H

#include "catalogue/catalogue.h"

struct sink_recover_params {
    const char *output; // folder, absolute
    const struct fs *fs;
    const struct cubby_log *log;
    struct catalogue *catalogue;
    bool sync;
    bool sweep; // look for temporaries, too: the last process did not end in good order
};

// The catalogue is committed on success.
CUBBY_NODISCARD enum cubby_status sink_recover(const struct sink_recover_params *params);

#endif
