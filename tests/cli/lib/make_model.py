"""Writes a ResNet-18 with made-up weights as torchvision names it: make_model.py FILE [CLASSES].

Always the same bytes. The weights are one block of random numbers again and again, and batch norm
evens out what that does to the scale, so the answers are ordinary numbers.
"""
import array
import json
import random
import struct
import sys

path = sys.argv[1]
classes = int(sys.argv[2]) if len(sys.argv) > 2 else 3
random.seed(7)
block = array.array("f", (random.gauss(0, 1) for _ in range(65521)))  # prime, so rows differ
if sys.byteorder != "little":
    block.byteswap()
block = block.tobytes()
tensors = []  # name, shape, bytes


def noise(name, *shape):
    count = 1
    for side in shape:
        count *= side
    size = 4 * count
    tensors.append((name, shape, (block * (size // len(block) + 1))[:size]))


def constant(name, count, value):
    tensors.append((name, (count,), struct.pack("<f", value) * count))


def conv(name, norm, outputs, inputs, kernel):
    noise(name + ".weight", outputs, inputs, kernel, kernel)
    constant(norm + ".weight", outputs, 1.0)
    constant(norm + ".bias", outputs, 0.1)
    constant(norm + ".running_mean", outputs, 0.0)
    constant(norm + ".running_var", outputs, float(inputs * kernel * kernel))


conv("conv1", "bn1", 64, 3, 7)
inputs = 64
for layer, outputs in enumerate((64, 128, 256, 512), 1):
    for index in range(2):
        block_name = f"layer{layer}.{index}"
        conv(f"{block_name}.conv1", f"{block_name}.bn1", outputs, inputs, 3)
        conv(f"{block_name}.conv2", f"{block_name}.bn2", outputs, outputs, 3)
        if index == 0 and layer > 1:
            conv(f"{block_name}.downsample.0", f"{block_name}.downsample.1", outputs, inputs, 1)
        inputs = outputs
noise("fc.weight", classes, 512)
constant("fc.bias", classes, 0.0)

header, offset = {}, 0
for name, shape, data in tensors:
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
    offset += len(data)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for _, _, data in tensors:
        file.write(data)
