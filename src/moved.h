// Where the files that sorts put into an output folder are today: a person may have moved, renamed,
// copied, changed or deleted them. Only reads.
//
// A file in its place with its size, time and identity is taken for what it was; every other file
// whose size is that of a filed one is read and known by its content. What is hidden, and other
// outputs of cubby's inside, are passed over, as a scan does (scan.h).
#ifndef SRC_MOVED_H
#define SRC_MOVED_H

#include "catalogue/catalogue.h"

#define MOVED_NONE UINT32_MAX

// A file that is or was in the output.
struct moved_file {
    int64_t filing; // 0: it lay there already, and was taken for the photo's copy
    int64_t photo;
    uint32_t member; // 0: the photo itself; from 1: what travels with it
    enum filing_how how;
    struct photo_hash hash;
    uint64_t size_bytes, inode;
    int64_t mtime_ns;
    char *target;        // owned, below the output: where the catalogue has it
    char *link;          // owned, what a symbolic link holds; NULL for files
    bool in_place;       // it is there, and is what it was
    bool changed;        // something else is there by now
    uint32_t elsewhere;  // the first other place of its content (struct moved_place); MOVED_NONE
    uint32_t last_place; // while they are found: the last of them
    uint32_t next;       // the next file with the same content; MOVED_NONE
};

struct moved_place {
    char *path;    // owned, below the output
    uint32_t next; // another place of the same content; MOVED_NONE
    uint32_t file; // the first file of that content
    bool taken;    // it is where a file went that has the same content as another
};

struct moved {
    struct moved_file *files; // owned; a photo comes before what travels with it
    uint32_t count;
    struct moved_place *places; // owned
    uint32_t place_count;
    char **strangers; // owned, as is each: photos that no sort put there, below the output
    uint32_t stranger_count;
    uint64_t packed;     // photos in archives: nobody moves them
    uint64_t read;       // files whose content was read
    uint64_t unreadable; // files that could not be; each was warned of
};

struct moved_params {
    const char *output; // folder, absolute
    struct catalogue *catalogue;
    const struct fs *fs;
    const struct cubby_log *log;
    unsigned threads;                // that read; 0: 1
    bool (*interrupted)(void *user); // NULL, or true once it should end
    void *user;
};

// Fills *out; call moved_fini() whatever the result. Some 300 bytes a file.
//   CUBBY_INTERRUPTED
//   CUBBY_IO  the output folder cannot be read
CUBBY_NODISCARD enum cubby_status moved_find(struct moved *out, const struct moved_params *params);
void moved_fini(struct moved *moved); // takes a zeroed one

// Where the file is: its place, else the only or first other one; NULL: nowhere.
const char *moved_where(const struct moved *moved, const struct moved_file *file);

#endif
