// Keeps a file open for itself alone, as some programs do on Windows: hold_file FILE MILLISECONDS.
// Says "held" once it has it.
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    HANDLE file = CreateFileA(argv[1], GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return 1;
    puts("held");
    fflush(stdout);
    Sleep((DWORD)strtoul(argv[2], NULL, 10));
    CloseHandle(file);
    return 0;
}
