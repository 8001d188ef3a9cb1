// The names of one folder whose endings mean something, sorted so that a stem's files lie together
// and any file is found by its name. ASCII case does not count, other bytes are just bytes.
#ifndef SRC_GROUPS_INDEX_H
#define SRC_GROUPS_INDEX_H

#include <stdint.h>

#include "engine/status.h"
#include "groups/kind.h"

#define GROUPS_LONGEST_NAME 4096u // bytes; no file system has longer ones; those stay alone
#define GROUPS_NOBODY UINT32_MAX

// How a JSON file was found to be a photo's. Later ones are surer.
enum groups_claim {
    GROUPS_UNCLAIMED,
    GROUPS_CUT_COPY, // the cut name of what looks like a numbered copy, its number cut as well
    GROUPS_CUT,      // the cut name
    GROUPS_WHOLE,    // the whole name: nothing else can be meant
};

// 32 bytes, because there may be a million.
struct groups_entry {
    const char *name;    // borrowed
    uint32_t index;      // among the names
    uint32_t run_leader; // in a stem's first entry: index of the photo its files follow, or NOBODY
    uint32_t
        claimed_by; // of a JSON file: index of the leader; by its WHOLE name: entry of the file
    uint16_t stem;  // bytes before the ending's dot
    uint8_t kind;   // enum group_kind
    uint8_t claim;  // enum groups_claim
    bool has_json;  // a JSON file has this one's whole name
};

struct groups_index {
    struct groups_entry *entries; // owned
    size_t count;
    size_t *leader; // borrowed; of every name, as groups_find() returns it
};

// A name to look for, which need not lie in memory in one piece.
struct groups_key {
    const char *stem, *ending;
    size_t stem_bytes, ending_bytes;
};

CUBBY_NODISCARD enum cubby_status groups_index_init(struct groups_index *index,
                                                    const char *const *names, size_t count,
                                                    size_t *leader);
void groups_index_fini(struct groups_index *index);

// Less than, equal to or greater than 0.
int groups_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes);
// The first `bytes` of a name as a key; without a dot it is all stem.
struct groups_key groups_key(const char *name, size_t bytes);

// The only file of that name. NULL where there is none, or two that differ in case only: then
// nobody can tell which is meant.
struct groups_entry *groups_find_file(const struct groups_index *index,
                                      const struct groups_key *key);
// The same for photos and films only.
struct groups_entry *groups_find_media(const struct groups_index *index,
                                       const struct groups_key *key);
// The photo that the files of that stem follow; GROUPS_NOBODY: none. Once the stems are led.
uint32_t groups_find_stem(const struct groups_index *index, const char *stem, size_t bytes);

// The photo with which a photo or film goes: its leader or itself; GROUPS_NOBODY: a film alone.
uint32_t groups_leader_of(const struct groups_index *index, const struct groups_entry *media);
// Sets the leader of a member; GROUPS_NOBODY leaves it alone.
void groups_follow(const struct groups_index *index, const struct groups_entry *member,
                   uint32_t leader);

#endif
