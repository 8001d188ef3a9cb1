// Paths as text, and the few folders that the system names. '/' separates everywhere; Windows also
// takes '\' and drive letters. Functions that return char * return malloc'd memory, NULL when that
// ran out (or, where said, when there is no answer).
#ifndef SRC_PLATFORM_PATH_H
#define SRC_PLATFORM_PATH_H

#include <stdbool.h>

bool path_is_separator(char c);
bool path_is_absolute(const char *path);

char *path_join(const char *folder, const char *name); // "" + "a" -> "a", "/" + "a" -> "/a"
char *path_parent(const char *path);                   // "a/b/" -> "a", "a" -> ".", "/" -> "/"
// The last part, without trailing separators: "a/b/" -> "b"; "/" -> "", "." -> ".".
char *path_base(const char *path);
const char *path_extension(const char *path); // into path: ".jpg", "" for none or ".hidden"
// Cuts trailing separators in place, but never a root's own.
void path_trim(char *path);

// Absolute without touching the disk: "." and ".." are folded, repeated separators joined.
char *path_absolute(const char *path);
// Absolute with every symbolic link resolved; parts at the end that do not exist yet are kept as
// they are, so that the place of a folder that is still to be made can be compared.
char *path_real(const char *path);
// Whether inner is outer or lies in it. Both absolute; Windows ignores ASCII case.
bool path_is_inside(const char *inner, const char *outer);
// What is left of inner below outer, into inner, "" for outer itself; NULL if it is not inside.
const char *path_below(const char *inner, const char *outer);

// The path for a library that opens files by itself: on Windows with the prefix that lifts the
// limit of 260 characters.
char *path_for_library(const char *path);

char *path_home(void);           // NULL if unknown, as the next three
char *path_cache_folder(void);   // CUBBY_CACHE_DIR, XDG_CACHE_HOME/cubby, ~/.cache/cubby;
                                 // %LOCALAPPDATA%\cubby\cache
char *path_config_folder(void);  // XDG_CONFIG_HOME/cubby, ~/.config/cubby;
                                 // %LOCALAPPDATA%\cubby\config
char *path_program_folder(void); // where the running program's file lies

#endif
