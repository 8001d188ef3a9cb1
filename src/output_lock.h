// Keeps two cubby runs out of one output folder.
//
// DIR/.cubby/lock holds one line of JSON: host, boot id, process id and its start time. Where the
// file system can, the file is also locked by the operating system, which lets go when the process
// dies however it dies. Else a lock is stale if it is of this host and of an earlier boot, or of
// a process that is gone (or whose number another process has by now). A lock of another host, or
// one that says nothing where the system cannot lock, is never taken over by itself: nobody here
// can know whether that run lives.
#ifndef SRC_OUTPUT_LOCK_H
#define SRC_OUTPUT_LOCK_H

#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

struct output_lock;

// Locks the folder `output`/.cubby, which must exist.
//   CUBBY_BUSY  another run has it; the log says which (host, process, since when) and what to do
CUBBY_NODISCARD enum cubby_status output_lock_take(struct output_lock **out, const char *output,
                                                   const struct fs *fs,
                                                   const struct cubby_log *log);
// Removes the lock file. Takes NULL.
void output_lock_release(struct output_lock **lock);

#endif
