"""Writes a small archive of photos: make_tree.py FOLDER COUNT. PPM in three colours and in between
(unsure), with the same names in different folders, duplicates, sidecars, a broken and no photo."""
import os
import sys

folder, count = sys.argv[1], int(sys.argv[2])
colours = [(220, 30, 30), (30, 220, 30), (30, 30, 220), (120, 120, 118)]


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    # Odd times, so that keeping them is worth something.
    stamp = 1_500_000_000_123_456_789 + len(data) * 1_000_003
    os.utime(path, ns=(stamp, stamp))


def picture(i):
    side = 12 + i % 5 + (90 if i % 11 == 3 else 0)
    pixels = bytes(colours[i % 4]) * (side * side - 1) + bytes((i % 256, i // 256, 7))
    return b"P6\n%d %d\n255\n" % (side, side) + pixels


for i in range(count):
    name = os.path.join(folder, f"project {i % 3}", f"IMG_{i // 6:04}.ppm" if i % 2 else f"pic {i}.ppm")
    write(name, picture(i))
    if i % 7 == 1:
        write(name[:-4] + ".xmp", b"<sidecar of %d>" % i)
    if i % 9 == 4:
        write(os.path.join(folder, "too", f"copy {i}.ppm"), picture(i))
write(os.path.join(folder, "broken.ppm"), picture(1)[:60])
write(os.path.join(folder, "words.jpg"), b"no picture at all")
write(os.path.join(folder, "notes.txt"), b"notes")
for path, _, _ in os.walk(folder, topdown=False):
    os.utime(path, ns=(1_400_000_000_000_000_001,) * 2)
