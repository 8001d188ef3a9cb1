// Files of one folder that belong together and travel together: a photo and its sidecars.
//
// Sources: the naming rules of cameras (DCF: same stem), Adobe (IMG_1.xmp beside the RAW),
// darktable and digiKam (IMG_1.jpg.xmp), Apple (IMG_1.AAE, IMG_O1234.AAE for the original's edit,
// IMG_1.MOV of a Live Photo beside IMG_1.HEIC or .JPG), cameras' films (.THM), Google Takeout
// (IMG_1.jpg.json, IMG_1.jpg.supplemental-metadata.json and its truncated forms, IMG_1.jpg(2).json
// for IMG_1(2).jpg, names cut at 46 characters).
#ifndef SRC_GROUPS_H
#define SRC_GROUPS_H

#include <stddef.h>

#include "engine/status.h"

#define GROUPS_ALONE ((size_t)-1)

// For each of the names of one folder (bytes as the file system has them, sorted), the index of the
// photo that it travels with; GROUPS_ALONE for photos themselves and whatever has none. Leaders are
// never members. ASCII case does not count. Costs O(count log count); *leader is malloc'd.
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status groups_find(const char *const *names, size_t count,
                                              size_t **leader);

// The name of a member once its photo is called `new_photo` instead of `photo`: what follows the
// photo's name or stem is kept ("a.jpg" -> "a (2).jpg": "a.xmp" -> "a (2).xmp", "a.jpg.xmp" ->
// "a (2).jpg.xmp"); a member that begins differently (Takeout's cut names) gets the same number.
// malloc'd; NULL: out of memory.
char *groups_rename(const char *member, const char *photo, const char *new_photo);

#endif
