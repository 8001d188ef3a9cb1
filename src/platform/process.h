// This process and others, as far as a lock must know them.
#ifndef SRC_PLATFORM_PROCESS_H
#define SRC_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_TEXT_BYTES 128u

void process_host(char text[PROCESS_TEXT_BYTES]); // the computer's name; "" if it has none
void process_boot(char text[PROCESS_TEXT_BYTES]); // differs after each start of the system; or ""
// A number of this installation that others do not know (machine-id), else the computer's name;
// zero up to its end.
void process_machine(char text[PROCESS_TEXT_BYTES]);
uint64_t process_user(void); // a number of the user, 0 where there is none
int64_t process_own(void);
// When a process was started, in units of the system's own; 0: there is no such process, or it is
// not known.
uint64_t process_started(int64_t process);
// Whether a process with that number runs; true where nobody can know.
bool process_runs(int64_t process);

// Takes the system's lock on an open file, without waiting; the system lets go when the process
// ends. 0, UV_EBUSY: another process has it, UV_ENOTSUP: this file system has no locks.
int process_lock_file(int file);

#endif
