"""Writes photos: make_photos.py FOLDER COUNT. PPM, each with its own colours, some in subfolders."""
import os
import sys

folder, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    sub = os.path.join(folder, f"project {i % 3}")
    os.makedirs(sub, exist_ok=True)
    colour = bytes(((i * 37) % 256, (i * 91 + 50) % 256, (i * 13 + 100) % 256))
    other = bytes(255 - c for c in colour)
    side = 40 + i % 7
    rows = b"".join((colour if (y // 8 + i) % 2 else other) * side for y in range(side))
    with open(os.path.join(sub, f"photo {i:04}.ppm"), "wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (side, side) + rows)
