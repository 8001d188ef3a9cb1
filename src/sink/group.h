// A group of photos on their way into class folders: what one commit and one fsync of each folder
// serve. Private to src/sink/folder*.c.
#ifndef SRC_SINK_GROUP_H
#define SRC_SINK_GROUP_H

#include "hash_table.h"
#include "platform/parallel.h"
#include "sink/naming.h"

// One file that gets a name: a photo, or one that travels with it.
struct placing {
    struct filing filing; // source, target and the rest, as the catalogue has it
    int file;             // the temporary, open until it is synced; < 0: none
    int error;            // of its sync
    bool published;
    bool left; // as it is: recovery sees to it
};

struct staged {
    struct photo *photo;      // owned
    char *folder;             // owned, path of its class folder; NULL: nothing is filed
    char *wanted;             // owned, the name it asks for
    unsigned number;          // that its name got; 0: none yet
    struct placing *placings; // owned; the photo's own is the first
    uint32_t count;
    bool announced; // the catalogue has the photo's row already, in this transaction
};

struct folder_sink {
    struct sink sink;            // first, so that the pointers are the same
    struct sink_params params;   // `output` is owned
    struct photo_hasher *hasher; // owned, scratch
    struct hash_table made;      // folder names that exist by now
    struct hash_table noted;     // source folders that the catalogue has the times of
    struct hash_table reserved;  // paths that the group will use
    struct sink_numbers numbers;
    struct staged group[SINK_GROUP_PHOTOS];
    uint32_t count;
    uint32_t files;     // placings in the group, each of which may have an open file
    uint64_t oldest_ns; // when the first of the group came
    uint64_t next_temporary;
    uint64_t output_device;   // of the folder that was used last, for moves
    enum cubby_status failed; // once the target failed: nothing more is filed
    struct parallel *threads; // owned; NULL: none, one after the other
};

// The path of something below the output folder. malloc'd.
char *folder_sink_path(const struct folder_sink *sink, const char *below);
// Notes in the catalogue that this run made the folder, or (it is there) what times it has.
enum cubby_status folder_sink_note_folder(struct folder_sink *sink, const char *path, bool made);

// ---- folder_stage.c

// Chooses names and writes temporaries for a photo and what travels with it; one that fails by
// itself is settled, and has no placings. Anything but CUBBY_OK ends the run.
enum cubby_status folder_stage(struct folder_sink *sink, struct staged *staged);
// Adds a placing for the photo (0) or its member (from 1), as the parameters say; there is room.
enum cubby_status folder_begin_placing(const struct folder_sink *sink, struct staged *staged,
                                       uint32_t member);
// Chooses names for the placings (the photo's own is the first) and readies them.
enum cubby_status folder_finish_staging(struct folder_sink *sink, struct staged *staged);
enum cubby_status folder_choose_names(struct folder_sink *sink, struct staged *staged);
enum cubby_status folder_prepare(struct folder_sink *sink, struct staged *staged);
// Removes the temporaries and forgets the placings; the second, one that has no temporary.
void folder_drop_placings(struct folder_sink *sink, struct staged *staged);
void folder_drop_placing(struct staged *staged, uint32_t i);
void folder_drop_temporary(struct folder_sink *sink, struct placing *placing);
// Writes a placing's temporary, leaving it open. *usable false: its source is the trouble; the
// photo was settled as failed, for a member there was a warning.
enum cubby_status folder_write_temporary(struct folder_sink *sink, struct photo *photo,
                                         struct placing *placing, bool *usable);

// The path that the i-th placing would have if the photo were called `name`. malloc'd.
char *folder_placing_path(const struct staged *staged, uint32_t i, const char *name);
// Whether a member could have this path.
enum sink_place folder_look_for_member(const struct folder_sink *sink,
                                       const struct placing *placing, const char *path, int *error);
// The path is the placing's from now on, and nobody else's.
enum cubby_status folder_take_name(struct folder_sink *sink, struct placing *placing,
                                   const char *path);

// ---- folder_again.c

// The same as folder_stage() for a photo that an earlier run filed: its file is renamed, if the
// folder is another one now, and what travels with it follows.
//   *known  false: there is no such file, or the photo is not what was filed then
enum cubby_status folder_stage_again(struct folder_sink *sink, struct staged *staged, bool *known);

// The first free name for a member of a photo that has its own, `photo_name`, already.
enum cubby_status folder_name_member(struct folder_sink *sink, struct staged *staged, uint32_t i,
                                     const char *photo_name);

// ---- folder_name.c

// Whether the file that gets the name is the source itself: renamed or linked, not copied first.
bool folder_uses_source(const struct filing *filing);
// 0, why the source cannot be looked at, or UV_EAGAIN: it is not what was classified.
//   identity  the filing's device and inode are the source's, not a temporary's
int folder_look_at_source(const struct folder_sink *sink, const struct filing *filing,
                          bool identity);
// 0, or a libuv code if the file did not get its name.
int folder_give_name(struct folder_sink *sink, const struct filing *filing, const char *target);
// Whether a file that has no other copy may have its name, although that failed.
bool folder_may_have_name(const struct folder_sink *sink, const struct filing *filing);

// ---- folder_publish.c

// Gives all of the group's files their names, durably, and shows each photo to settled().
enum cubby_status folder_publish_group(struct folder_sink *sink);
// The run ends with `status`: nothing of the group gets a name; all is settled.
void folder_abandon_group(struct folder_sink *sink, enum cubby_status status);

#endif
