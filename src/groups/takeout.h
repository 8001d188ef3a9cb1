// The JSON files that Google Takeout puts beside photos and films, and those of others that have a
// photo's name.
//
// Of a.jpg it is a.jpg.json, since 2024 a.jpg.supplemental-metadata.json, of which everything
// before ".json" is cut at 46 UTF-16 units: a.jpg.supplem.json, or a long photo name without its
// end. Of the copy a(1).jpg it is a.jpg(1).json or a.jpg.supplemental-metadata(1).json, the number
// not counted in the 46. Of a photo whose title had no ending it is a.supplemental-metadata.json.
// Edited photos (a-edited.jpg) have none. (Observed by ente, pull request 4956, and immich-go,
// issues 652, 673, 674 and 698.)
#ifndef SRC_GROUPS_TAKEOUT_H
#define SRC_GROUPS_TAKEOUT_H

#include "groups/index.h"

// First: the files that have a whole name in theirs.
void takeout_claim_whole(const struct groups_index *index);
// Once photos and films have their leaders: the leaders of all JSON files.
void takeout_settle(const struct groups_index *index);
// Whether it is one that Takeout puts into every folder, whatever photos are called there.
bool takeout_is_own(const struct groups_entry *json);

#endif
