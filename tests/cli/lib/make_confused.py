"""Writes photos of known classes for the classifier without a device: make_confused.py FOLDER COUNT.

FOLDER/red, green, blue, grey hold COUNT photos each; every fifth of a class looks like the next one.
The third of each five is hardly more of its colour than of another, so that its class is doubtful.
"""
import os
import sys

folder, count = sys.argv[1], int(sys.argv[2])
classes = ["red", "green", "blue", "grey"]
colours = [(220, 30, 30), (30, 220, 30), (30, 30, 220), (120, 120, 118)]
doubtful = [(130, 100, 90), (90, 130, 100), (100, 90, 130), (120, 119, 118)]

for c, name in enumerate(classes):
    for i in range(count):
        path = os.path.join(folder, name, "" if i % 2 else f"job {i // 4}", f"{name} {i:03}.ppm")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        looks = (c + 1) % 4 if i % 5 == 4 else c
        colour = doubtful[looks] if i % 5 == 2 else colours[looks]
        side = 12 + i % 7
        # The last pixel makes each a photo of its own.
        pixels = bytes(colour) * (side * side - 1) + bytes((i % 256, c, 7))
        with open(path, "wb") as file:
            file.write(b"P6\n%d %d\n255\n" % (side, side) + pixels)
