"""Progressive JPEGs of random codes: each scan's kind as the standard has it, in seed-sized pictures."""
import struct


def segment(marker, data):
    return struct.pack(">BBH", 0xff, marker, len(data) + 2) + data


DC_SIZES = list(range(12))
AC_SYMBOLS = ([run << 4 for run in range(16)] +
              [run << 4 | size for run in range(16) for size in range(1, 11)])


def tables():
    out = segment(0xdb, bytes([0] + [3] * 64))
    for number, symbols, length in ((0x00, DC_SIZES, 4), (0x10, AC_SYMBOLS, 8)):
        counts = bytes(len(symbols) if i == length else 0 for i in range(1, 17))
        out += segment(0xc4, bytes([number]) + counts + bytes(symbols))
    return out


def random_bits(rng, count):
    return "".join(rng.choice("01") for _ in range(count))


class Scan:
    """The codes of one scan, whose restart intervals are told apart by the caller's unit()."""

    def __init__(self, rng, units, restart):
        self.rng, self.units, self.restart = rng, units, restart
        self.out, self.bits, self.done = b"", "", 0

    def left(self):
        """Units from this one to the end of the restart interval."""
        end = self.units
        if self.restart:
            end = min(end, (self.done // self.restart + 1) * self.restart)
        return end - self.done

    def unit(self, bits):
        self.bits += bits
        last = self.left() == 1
        self.done += 1
        if not last:
            return False
        self.bits += "1" * (-len(self.bits) % 8)
        data = int("1" + self.bits, 2).to_bytes(len(self.bits) // 8 + 1, "big")[1:]
        self.out += data.replace(b"\xff", b"\xff\0")
        if self.done < self.units:
            self.out += bytes([0xff, 0xd0 + (self.done // self.restart - 1) % 8])
        self.bits = ""
        return True


def ac(symbol):
    return f"{AC_SYMBOLS.index(symbol):08b}"


def means_first(rng, units, blocks, restart):
    scan, means = Scan(rng, units, restart), [0] * 4
    for _ in range(units):
        bits = ""
        for component, count in enumerate(blocks):
            for _ in range(count):
                size = rng.randrange(5)
                value = rng.getrandbits(size) if size else 0
                difference = value if size and value >> (size - 1) else value - (1 << size) + 1
                if abs(means[component] + difference) > 100:
                    value ^= (1 << size) - 1
                    difference = -difference
                means[component] += difference
                bits += f"{size:04b}" + (f"{value:0{size}b}" if size else "")
        if scan.unit(bits):
            means = [0] * 4
    return scan.out


def means_bits(rng, units, count, restart):
    scan = Scan(rng, units, restart)
    for _ in range(units):
        scan.unit(random_bits(rng, count))
    return scan.out


def band(rng, known, first, last, refines, restart):
    """Codes for all blocks of a component; `known` has for each a set of coefficients, and is added to."""
    scan, passed = Scan(rng, len(known), restart), 0
    for block in known:
        bits, old, k = "", sorted(n for n in block if first <= n <= last), first
        while not passed and k <= last:
            run, size = rng.randrange(6), 1 if refines else rng.randrange(1, 4)
            zeros = [n for n in range(k, last + 1) if n not in old]
            if run >= len(zeros) or rng.random() < 0.2:
                most = scan.left().bit_length() - 1
                n = rng.randrange(most + 1)
                extra = rng.randrange(min(1 << n, scan.left() - (1 << n) + 1))
                bits += ac(n << 4) + (f"{extra:0{n}b}" if n else "")
                passed = (1 << n) + extra
                break
            bits += ac(run << 4 | size) + random_bits(rng, size)
            bits += random_bits(rng, len([n for n in old if k <= n < zeros[run]]))
            block.add(zeros[run])
            k = zeros[run] + 1
        if refines:
            bits += random_bits(rng, len([n for n in old if n >= k]))
        passed = max(passed - 1, 0)
        scan.unit(bits)
    return scan.out


def jpeg(rng, samplings, restart):
    side, count = rng.randrange(1, 50), len(samplings)
    most = [max(s[i] for s in samplings) for i in (0, 1)]
    units = -(-side // (8 * most[0])) * -(-side // (8 * most[1]))
    blocks = [across * down for across, down in samplings]
    if count == 1:
        units, blocks = (-(-side // 8)) ** 2, [1]
    frame = struct.pack(">BHHB", 8, side, side, count)
    frame += b"".join(bytes([i + 1, x << 4 | y, 0]) for i, (x, y) in enumerate(samplings))
    out = b"\xff\xd8" + tables() + segment(0xc2, frame)
    if restart:
        out += segment(0xdd, struct.pack(">H", restart))

    def header(components, first, last, precision):
        chosen = b"".join(bytes([i + 1, 0]) for i in components)
        return segment(0xda, bytes([len(components)]) + chosen + bytes([first, last, precision]))

    out += header(range(count), 0, 0, 0x01) + means_first(rng, units, blocks, restart)
    known = [[set() for _ in range(-(-side * x // (8 * most[0])) * -(-side * y // (8 * most[1])))]
             for x, y in samplings]
    split = rng.randrange(1, 63)
    for precision in (0x01, 0x10):
        for i in range(count):
            for first, last in ((1, split), (split + 1, 63)):
                out += header([i], first, last, precision)
                out += band(rng, known[i], first, last, precision == 0x10, restart)
    out += header(range(count), 0, 0, 0x10) + means_bits(rng, units, sum(blocks), restart)
    return out + b"\xff\xd9"
