"""Writes photos in class folders: make_labelled.py FOLDER COUNT [FIRST]. Classes blue, green and red.

PPM of a noisy colour each; photos FIRST... of each class, so that other numbers give other photos.
"""
import os
import random
import sys

folder, count = sys.argv[1], int(sys.argv[2])
first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
side = 40
for number in range(first, first + count):
    for channel, name in ((0, "red"), (1, "green"), (2, "blue")):
        rng = random.Random(number * 3 + channel)
        base = [rng.randrange(40, 140) for _ in range(3)]
        base[channel] += 70
        pixels = bytes(
            min(255, max(0, base[i % 3] + rng.randrange(-40, 40))) for i in range(side * side * 3)
        )
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, f"{number:04}.ppm"), "wb") as file:
            file.write(b"P6\n%d %d\n255\n" % (side, side) + pixels)
