// What the sinks share: which content was filed already, which name a photo gets, how a failing
// target is told. For src/sink, and for undo and verify, which look at what it filed.
#ifndef SRC_SINK_NAMING_H
#define SRC_SINK_NAMING_H

#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "sink/sink.h"

#define SINK_MAX_NUMBER 1000000u // "name (1000000).jpg": then something is wrong

// The contents that this run filed. Zeroed is empty. Costs some 60 bytes and the path a photo.
struct sink_contents {
    struct hash_table table; // of hash and size, to an index into paths
    char **paths;            // owned, each owned
    size_t count, capacity;
};

// Whether content like the photo's was filed; then *index is its place in the order of filing.
bool sink_find_content(const struct sink_contents *contents, const struct photo *photo,
                       uint64_t *index);
// Settles the photo as skipped and returns true if its content was filed before.
bool sink_is_duplicate(const struct sink_contents *contents, struct photo *photo);
enum cubby_status sink_remember(struct sink_contents *contents, const struct photo *photo);
void sink_contents_fini(struct sink_contents *contents);

// How many of a name's numbers hold photos of this run already. Thousands of photos may want one
// name; the contents of the settled ones differ from any that still comes (it would be a
// duplicate), so they need not be looked at again. Zeroed is empty.
struct sink_numbers {
    struct hash_table settled; // of name keys, to the last number
};

struct photo_hash sink_name_key(const char *folder, const char *wanted);
// The number to begin looking at, from 1.
unsigned sink_first_number(const struct sink_numbers *numbers, struct photo_hash key);
// `number` holds a photo of this run.
enum cubby_status sink_settle_number(struct sink_numbers *numbers, struct photo_hash key,
                                     unsigned number);
void sink_numbers_fini(struct sink_numbers *numbers);

// The name that a photo asks for, safe everywhere. malloc'd.
char *sink_wanted_name(const struct photo *photo, enum names_kind kind);

enum sink_place {
    SINK_FREE,       // nothing has this name
    SINK_TAKEN,      // something else has it: try the next number
    SINK_SAME,       // this very content has it
    SINK_UNREADABLE, // a file of that size has it, which cannot be read; *error says why
    SINK_UNUSABLE,   // the target folder cannot be looked at; *error says why
};
// Looks at what lies at `path`. `hasher` is scratch. For choosing a name SINK_UNREADABLE is
// SINK_TAKEN; whoever removes or forgets anything by the answer must not take it for that.
enum sink_place sink_look(const struct fs *fs, const char *path, const struct photo *photo,
                          struct photo_hasher *hasher, int *error);

// Settles the photo as what a filing under `filed_as` makes of it: unsure if it lies in that
// folder.
CUBBY_NODISCARD enum cubby_status sink_settle_filed(struct photo *photo, const char *filed_as);
// Settles the photo as already filed.
void sink_settle_same(struct photo *photo, const char *filed_as);

// Reads a file through `hasher` and hands the pieces on.
//   take  NULL, or called with each piece; a result other than 0 ends the reading and is returned
// 0, a libuv code of the file, or take's result. *size_bytes is what was read.
int sink_read_pieces(const struct fs *fs, const char *path, struct photo_hasher *hasher,
                     int (*take)(void *user, const void *bytes, size_t size_bytes), void *user,
                     uint64_t *size_bytes);

// Logs why the target failed and what to do, in one sentence; returns the status of `code`.
enum cubby_status sink_target_failed(const struct cubby_log *log, const char *path, int code);

// The same for what cannot be read, so that nobody knows what it is.
enum cubby_status sink_unreadable(const struct cubby_log *log, const char *path, int code);

// Whether all folders between `output` and what lies `below` it are folders, not links: a
// catalogue that somebody else wrote must not lead out of the output folder.
bool sink_folders_are_real(const struct fs *fs, const char *output, const char *below);

// Makes a folder and what is missing above it; with `sync`, its name survives a power cut. 0 or a
// libuv code.
int sink_make_folder(const struct fs *fs, const char *path, bool sync);

// folder/.cubby-<process>-<number>.tmp. malloc'd.
char *sink_temporary(const char *folder, uint64_t number);
// Whether sink_temporary() could have made this name (of a file, without folders).
bool sink_is_temporary(const char *name);
// Whether the process that made this temporary still runs, and is another one than this.
bool sink_temporary_is_alive(const char *name);

#endif
