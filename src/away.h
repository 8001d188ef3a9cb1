// Files of which only a placeholder is on the disk, such as OneDrive's: reading one downloads it,
// and a folder of them fills the disk. That is done only when asked for.
#ifndef SRC_AWAY_H
#define SRC_AWAY_H

#include "photo.h"

// Settles a pending photo that is away: failed, or skipped if its name is no photo's.
void away_settle(struct photo *photo);

#endif
