// What a person's moves inside an output folder say about its photos: which were put into another
// class's folder, or into a new one, which is a new class.
//
// The folder directly below the output is the class, whatever lies below that; its case does not
// count where a class is known. unsure/ and the output folder itself are no class.
#ifndef SRC_CORRECTIONS_H
#define SRC_CORRECTIONS_H

#include "moved.h"

#define CORRECTIONS_NO_CLASS UINT32_MAX

enum correction_kind {
    CORRECTION_MOVED,     // into another class, which is right
    CORRECTION_CONFIRMED, // renamed or moved within its class: somebody looked at it
    CORRECTION_EARLIER,   // stays where it was put before an earlier look
    CORRECTION_RENAMED,   // its class's folder was given a new name as a whole
    CORRECTION_AGREED,    // lies where it was sorted
    CORRECTION_DOUBTED,   // put into no class: right is unknown
    CORRECTION_UNSURE,    // was sorted into no class, and lies there
    CORRECTION_SEVERAL,   // copied into several classes
    CORRECTION_CHANGED,   // something else lies in its place, and it is nowhere
    CORRECTION_GONE,
    CORRECTION_KINDS
};

// A photo that was sorted.
struct correction {
    enum correction_kind kind;
    uint32_t file;     // its index in moved.files
    uint32_t label;    // index of its class, by the person or the machine; CORRECTIONS_NO_CLASS
    uint32_t before;   // of the class that it was sorted into; CORRECTIONS_NO_CLASS
    const char *place; // where it is, below the output, borrowed from moved; NULL: nowhere
    bool fresh;        // not noted in the catalogue yet
};

struct corrections_class {
    char *name;            // owned
    char *folder;          // owned, below the output
    bool added;            // by a person: no run knew it
    uint32_t renamed_from; // index of the class whose folder this is; CORRECTIONS_NO_CLASS
};

struct corrections {
    struct correction *list; // owned, in the order of moved.files
    uint32_t count;
    struct corrections_class *classes; // owned; the last run's first, in its order
    uint32_t class_count;
    uint64_t kinds[CORRECTION_KINDS]; // how many of each
};

// Compares what was found with the catalogue. Fills *out; call corrections_fini() whatever the
// result. `moved` must outlive it.
//   CUBBY_TOO_LARGE  more classes than a model can have
CUBBY_NODISCARD enum cubby_status corrections_find(struct corrections *out,
                                                   const struct moved *moved,
                                                   const struct moved_params *params);
void corrections_fini(struct corrections *corrections); // takes a zeroed one

// Writes down what is new: the corrections themselves, and where the files are now, so that undo
// and verify find them. Not committed. *noted: how many photos.
CUBBY_NODISCARD enum cubby_status corrections_note(const struct corrections *corrections,
                                                   const struct moved *moved,
                                                   struct catalogue *catalogue, uint64_t *noted);

// Whether the photo's label is a person's word, or the machine's that nobody objected to.
bool correction_is_persons(enum correction_kind kind);
bool correction_is_machines(enum correction_kind kind);
const char *correction_kind_text(enum correction_kind kind); // "moved", "agreed", ...

#endif
