// One file on its way through cubby: found, read, classified, filed.
#ifndef SRC_PHOTO_H
#define SRC_PHOTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

#define PHOTO_TOP 5u
#define PHOTO_REASON_BYTES 256u
#define PHOTO_PLACED "placed by a person" // the reason of a filed or unsure one that was

// Every file found ends in exactly one of these; the totals add up to the number found.
enum photo_status {
    PHOTO_PENDING, // still on its way
    PHOTO_FILED,   // under its class
    PHOTO_UNSURE,  // under unsure/: no class reached the threshold
    PHOTO_FAILED,  // `reason` says why; never has a class
    PHOTO_SKIPPED, // not a photo, or its content is already filed; `reason` says which
};

struct photo_hash {
    uint64_t low, high; // XXH3, 128 bit, of the file's bytes
};

struct photo_guess {
    uint32_t class_index;
    float probability;
};

// A file that travels with its photo: a sidecar, the RAW of a JPEG, the film of a Live Photo.
struct photo_member {
    char *path;     // owned, opens the file
    char *name;     // owned, the last part of it
    char *filed_as; // owned, below the output folder; NULL if not filed
    uint64_t size_bytes, device, inode;
    int64_t mtime_ns, atime_ns;
    uint32_t mode;          // POSIX permission bits
    struct photo_hash hash; // set when it is filed
};

struct photo {
    int64_t id;        // its row in the catalogue; 0: none
    int64_t run;       // the run that decided, in the catalogue; 0: none
    int64_t archive;   // the archive that it is in, or shares the fate of; 0: none
    bool recorded;     // the catalogue has it as it is: nothing to write
    uint64_t sequence; // position in scan order: what makes every run file in the same order
    char *path;        // owned, UTF-8 (or raw bytes on Linux), opens the file
    char *relative;    // owned, below the folder that was named, '/' between parts
    uint64_t size_bytes;
    int64_t mtime_ns, atime_ns, birthtime_ns; // since 1970 UTC; birthtime 0 where unknown
    uint64_t device, inode;                   // 0 where the system has none
    uint32_t mode;                            // POSIX permission bits
    struct photo_hash hash;
    uint32_t view;     // which view of it the network gets, for those who ask for several
    char captured[20]; // "2021-07-03 14:05:09" by the camera's clock; "" until decoded, or unknown
    float *features;   // owned, what the classifier gave; NULL: not kept
    uint8_t *bytes;    // owned, the whole file; NULL once dropped to keep memory bounded
    struct photo_guess top[PHOTO_TOP]; // most probable first
    uint32_t top_count;                // 0 until classified
    enum photo_status status;
    char *class_name;             // owned, of the first guess, by the run that decided; may be NULL
    char *filed_as;               // owned, below the output folder; NULL if not filed
    struct photo_member *members; // owned, as are their strings
    uint32_t member_count;
    bool is_away; // only a placeholder: reading it downloads it
    bool torn;    // something belongs to it that could not be looked at
    char reason[PHOTO_REASON_BYTES];
};

struct fs_stat;
// Size, times, identity and permissions as the file system has them.
void photo_set_stat(struct photo *photo, const struct fs_stat *stat);
const char *photo_status_text(enum photo_status status); // "filed", "unsure", ...
// Room for one more member, zeroed; NULL: out of memory. Good until the next is added.
struct photo_member *photo_add_member(struct photo *photo);
// Whether it was left out because another photo has its content; then only that one is filed.
bool photo_is_duplicate(const struct photo *photo);
// Whether a person chose its folder: its class is theirs, its guesses are the model's.
bool photo_is_placed(const struct photo *photo);
// Sets status and reason (printf format), which is cut at PHOTO_REASON_BYTES, between characters.
void photo_settle(struct photo *photo, enum photo_status status, const char *format, ...)
    CUBBY_PRINTF(3, 4);
void photo_free(struct photo **photo); // takes NULL and half-built ones

#endif
