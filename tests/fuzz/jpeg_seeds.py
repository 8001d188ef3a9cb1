"""JPEGs for the fuzz targets, made without a library."""
import random
import struct

import progressive_seeds

# A JPEG needs no picture: its code tables (all codes of one length) and random codes make a sound one.
DC_SIZES = list(range(12))
AC_SYMBOLS = [0, 0xf0] + [run << 4 | size for run in range(16) for size in range(1, 11)]


def jpeg_segment(marker, data):
    return struct.pack(">BBH", 0xff, marker, len(data) + 2) + data


def jpeg_tables():
    out = jpeg_segment(0xdb, bytes([0] + [3] * 64))
    for number, symbols, length in ((0x00, DC_SIZES, 4), (0x10, AC_SYMBOLS, 8)):
        counts = bytes(len(symbols) if i == length else 0 for i in range(1, 17))
        out += jpeg_segment(0xc4, bytes([number]) + counts + bytes(symbols))
    return out


def jpeg_block(rng, mean):
    """The bits of one block as a string of 0 and 1, and its mean."""
    size = rng.randrange(6)
    value = rng.getrandbits(size) if size else 0
    difference = value if size and value >> (size - 1) else value - (1 << size) + 1
    if size and abs(mean + difference) > 250:
        value ^= (1 << size) - 1
        difference = -difference
    bits = f"{size:04b}" + (f"{value:0{size}b}" if size else "")
    place = 1
    while place < 64 and rng.random() < 0.8:
        symbol = rng.randrange(1, len(AC_SYMBOLS))
        run, size = AC_SYMBOLS[symbol] >> 4, AC_SYMBOLS[symbol] & 15
        if place + run + 1 > 64 or size > 7:
            continue
        bits += f"{symbol:08b}" + "".join(rng.choice("01") for _ in range(size))
        place += run + 1
    return bits + ("" if place == 64 else "00000000"), mean + difference


def jpeg_scan(rng, mcus, blocks, restart):
    out, bits, means = b"", "", [0] * 4
    for mcu in range(mcus + 1):
        if mcu == mcus or (restart and mcu and mcu % restart == 0):
            bits += "1" * (-len(bits) % 8)
            data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
            out += data + (bytes([0xff, 0xd0 + (mcu // restart - 1) % 8]) if mcu < mcus else b"")
            bits, means = "", [0] * 4
        for component, count in enumerate(blocks if mcu < mcus else []):
            for _ in range(count):
                more, means[component] = jpeg_block(rng, means[component])
                bits += more
    return out


def jpeg(rng, samplings, restart):
    side = rng.randrange(1, 60)
    alone = len(samplings) == 1
    blocks = [1 if alone else across * down for across, down in samplings]
    unit_x, unit_y = (8 * (1 if alone else max(s[i] for s in samplings)) for i in (0, 1))
    mcus = -(-side // unit_x) * -(-side // unit_y)
    count = len(samplings)
    frame = struct.pack(">BHHB", 8, side, side, count)
    frame += b"".join(bytes([i + 1, x << 4 | y, 0]) for i, (x, y) in enumerate(samplings))
    scan = bytes([count]) + b"".join(bytes([i + 1, 0]) for i in range(count)) + bytes([0, 63, 0])
    out = b"\xff\xd8" + jpeg_tables() + jpeg_segment(0xc0, frame)
    if restart:
        out += jpeg_segment(0xdd, struct.pack(">H", restart))
    return out + jpeg_segment(0xda, scan) + jpeg_scan(rng, mcus, blocks, restart) + b"\xff\xd9"


def write(folder):
    """Small JPEGs of every sampling, baseline and progressive, with restart markers and without."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    one = (1, 1)
    for name, samplings in {"420": [(2, 2), one, one], "422": [(2, 1), one, one],
                            "440": [(1, 2), one, one], "444": [one] * 3, "grey": [one],
                            "cmyk": [one] * 4, "410": [(4, 2), one, one]}.items():
        for restart in (0, 3):
            (folder / f"{name}-{restart}.jpg").write_bytes(jpeg(rng, samplings, restart))
            (folder / f"{name}-{restart}-progressive.jpg").write_bytes(
                progressive_seeds.jpeg(rng, samplings, restart))
