"""Prints all there is below folders, to be compared: snapshot.py FOLDER...
Name, kind, mode, times, content's hash or link. Without cubby's own .cubby folders."""
import hashlib
import os
import stat
import sys

TICK = 100 if os.environ.get("SYSTEM") == "windows" else 1  # nanoseconds that a file's times count

for top in sys.argv[1:]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != ".cubby")
        for name in sorted(files) + folders + [""]:
            path = os.path.join(folder, name) if name else folder
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                what = "link to " + os.readlink(path)
            elif stat.S_ISDIR(info.st_mode):
                what = "folder" if not name else None
            else:
                what = hashlib.md5(open(path, "rb").read()).hexdigest()
            if what:
                print(path, what, oct(stat.S_IMODE(info.st_mode)), info.st_mtime_ns // TICK)
