#!/usr/bin/python3
"""Photos of furniture that the built-in model was not trained on, to try `cubby learn` with.

  new_classes.py OUT [--items 20] [--views 2] [--burst 1] [--test-items 0] [--tell folders]
                 [--classes stool,ladder,...] [--size 320x240] [--seed 1] [--jobs 2]

Makes OUT/train/CLASS/... with --items items a class, each photographed from --views viewpoints, and
OUT/test/CLASS/... with --test-items items a class that are not in train. OUT/items.tsv lists every
photo with its class and item: what a perfect grouping would find.

A leak is more than one photo of an item. --burst N shoots N photos from each viewpoint, a hand's
movement and another exposure apart: whoever splits them at random tests on what was trained on.
Test photos come from one shot each. --tell says by what an item's photos can be recognised:
  folders  a folder of its own
  times    file names and capture times that follow each other (EXIF), minutes between items
  nothing  names in no order and no times: only what the pictures show

Everything follows from the seed; photos come out the same, byte for byte, with the same versions of
POV-Ray, NumPy and Pillow. Needs POV-Ray 3.7.
"""
import argparse, datetime, math, multiprocessing, os, random, sys
from PIL import Image
import generate
from generate import photo, shoot, slab

CLASSES = ["stool", "ladder", "coatstand", "trolley", "lamp", "planter", "lograck", "bikestand"]
FIRST_SEED = 2000000            # far from the built-in model's training, validation and test
TEST_SEED = 1000000             # items from here on are test items


# ------------------------------------------------------------------ classes

def around(n, radius, turn=0.0):
    return [(radius * math.cos(turn + 2 * math.pi * i / n), radius * math.sin(turn + 2 * math.pi * i / n)) for i in range(n)]


def ring(it, radius, y, tube, n=16):
    pts = [(x, y, z) for x, z in around(n, radius)]
    it.path(pts + pts[:1], tube)


def stool(it):
    """A seat without a back, on three or four legs or a pedestal."""
    h, q = it.pick(it.u(.42, .5), it.u(.6, .8)), it.u(.15, .21)
    shape = it.pick("round", "round", "rect", "rounded")
    it.tube = min(it.tube, .03)
    style = it.pick("three", "four", "four", "pedestal")
    if style == "pedestal":
        it.rod((0, 0, 0), (0, h, 0), it.u(.02, .035))
        if it.p(.5): it.rod((0, 0, 0), (0, .02, 0), q)
        else:
            for x, z in around(4, q * 1.2): it.beam((0, .05, 0), (x, .015, z))
        if h > .58: ring(it, q * .8, h * .35, .008)
    else:
        n, splay, turn = (3 if style == "three" else 4), it.u(1, 1.4), math.pi / 4
        for (x, z), (fx, fz) in zip(around(n, q * .85, turn), around(n, q * .85 * splay, turn)):
            it.beam((fx, 0, fz), (x, h, z))
        if h > .58 or it.p(.4):
            k = it.u(.25, .45) * h
            corners = [(x, k, z) for x, z in around(n, q * .85 * (splay + (1 - splay) * k / h), turn)]
            if it.p(.5): it.frame(corners, it.tube * .7)
            else: ring(it, math.hypot(corners[0][0], corners[0][2]), k, it.tube * .35)
        corners = [(x, h - .015, z) for x, z in around(n, q * .85, turn)]
        it.frame(corners, it.tube * .7)
    it.top = it.pick("Top", "Top", "Cushion", it.metal)
    slab(it, 2 * q, 2 * q, h + .03, it.u(.02, .06), shape)
    it.outdoor = .2


def ladder(it):
    """Two stiles with rungs: leaning against the wall, or a step ladder."""
    h, w, n = it.u(1.4, 2.3), it.u(.35, .5), it.r.randint(5, 8)
    lean = it.u(.12, .25) * h
    it.tube = min(it.tube, .04)
    steps = it.p(.5)
    it.wall = not steps
    it.frontal = .3
    def on(t): return (lean / 2 - lean * (1 - t), t * h)
    (z0, y0), (z1, y1) = on(0), on(1)
    for x in (-w/2, w/2):
        it.beam((x, y0, z0), (x * it.pick(1, .85), y1, z1))
    for i in range(1, n + 1):
        z, y = on(i / (n + .5))
        if it.round: it.rod((-w/2, y, z), (w/2, y, z), .013)
        else: it.box((-w/2, y - .012, z - .04), (w/2, y + .012, z + .04), it.pick(it.metal, "Top"))
    if steps:
        for x in (-w/2, w/2):
            it.beam((x, 0, z1 + lean * .9), (x, h * .97, z1))
        it.beam((-w/2, h * .3, z1 + lean * .6), (w/2, h * .3, z1 + lean * .6), .02)
        it.box((-w/2, h, z1 - .12), (w/2, h + .02, z1 + .1), it.pick(it.metal, "Top"))


def coatstand(it):
    """A post with hooks on a foot, or a rail on two posts with coats' hangers."""
    h = it.u(1.6, 1.95)
    if it.p(.65):
        rad, foot = it.u(.012, .025), it.u(.2, .3)
        it.rod((0, 0, 0), (0, h, 0), rad)
        if it.p(.4): it.rod((0, 0, 0), (0, .02, 0), foot)
        else:
            for x, z in around(it.pick(3, 4), foot): it.path([(0, .18, 0), (x * .6, .1, z * .6), (x, .01, z)], rad * .7)
        for level in range(it.r.randint(1, 2)):
            y, n = h - .08 - .35 * level, it.r.randint(3, 6)
            for x, z in around(n, 1, level * .5):
                it.path([(0, y, 0), (x * .1, y + .02, z * .1), (x * .16, y + .1, z * .16)], rad * .5)
                it.ball((x * .16, y + .1, z * .16), rad * .9, it.pick(it.metal, "Top"))
        it.ball((0, h, 0), rad * 1.5)
        if it.p(.4): ring(it, foot * .6, .4, .007)
    else:
        w, d = it.u(.8, 1.3), it.u(.2, .28)
        it.tube = min(it.tube, .035)
        for x in (-w/2, w/2):
            it.beam((x, 0, 0), (x, h, 0)); it.beam((x, .02, -d), (x, .02, d))
        it.beam((-w/2, h, 0), (w/2, h, 0))
        if it.p(.6): it.box((-w/2, .18, -d * .8), (w/2, .2, d * .8), it.pick(it.metal, "Top"))
        for _ in range(it.r.randint(0, 6)):
            x = it.u(-.42, .42) * w
            it.path([(x, h, 0), (x, h - .1, 0), (x, h - .16, -.2)], .005); it.path([(x, h - .1, 0), (x, h - .16, .2)], .005)
    it.outdoor = .05


def trolley(it):
    """Two or three decks on wheels, with a handle."""
    w, d, h = it.u(.6, 1.0), it.u(.4, .6), it.u(.75, .95)
    r, n = it.u(.04, .09), it.r.randint(2, 3)
    it.tube = min(it.tube, .035)
    x, z = w/2, d/2
    for px in (-x, x):
        for pz in (-z, z):
            it.beam((px, 2 * r, pz), (px, h * (1 if px < 0 else .88), pz))
            it.rod((px, r, pz - .015), (px, r, pz + .015), r, "Dark")
            it.rod((px, r, pz - .02), (px, r, pz + .02), r * .4, "Metal2")
    for i in range(n):
        y = 2 * r + .02 + (h * .84 - 2 * r) * i / (n - 1)
        it.box((-x, y, -z), (x, y + .015, z), it.pick(it.metal, it.metal, "Top"))
        if it.p(.6): it.frame([(-x, y + .08, -z), (x, y + .08, -z), (x, y + .08, z), (-x, y + .08, z)], .012)
        generate.decorate(it, w, d, y + .015, .35)
    out = it.u(.06, .16)
    it.path([(-x, h * .95, -z), (-x - out, h + .03, -z), (-x - out, h + .03, z), (-x, h * .95, z)], .013)
    it.outdoor = .1


def lamp(it):
    """A floor lamp: foot, post, shade."""
    h, rad, foot = it.u(1.35, 1.8), it.u(.008, .016), it.u(.12, .19)
    if it.p(.6): it.rod((0, 0, 0), (0, .025, 0), foot)
    elif it.p(.5): it.box((-foot, 0, -foot), (foot, .02, foot), it.metal)
    else:
        for x, z in around(3, foot * 1.5): it.rod((0, h * .6, 0), (x, 0, z), rad)
    kind, shade = it.pick("straight", "straight", "arc", "arm"), it.pick("Sheet", "Cushion", "Accent", it.metal)
    x, y = 0.0, h
    if kind == "straight": it.rod((0, 0, 0), (0, h, 0), rad)
    elif kind == "arc":
        reach = it.u(.35, .7)
        pts = [(0, 0, 0), (0, h * .7, 0)] + [(reach * (1 - math.cos(a)), h * .7 + h * .3 * math.sin(a), 0) for a in (.4, .8, 1.2, 1.57, 2.0)]
        it.path(pts, rad); x, y = pts[-1][0], pts[-1][1]
    else:
        x, y = it.u(.25, .45), h * it.u(.85, 1)
        it.rod((0, 0, 0), (0, h * .75, 0), rad); it.ball((0, h * .75, 0), rad * 1.6); it.rod((0, h * .75, 0), (x, y, 0), rad)
    q, k = it.u(.12, .24), it.u(.16, .3)
    narrow = q * it.u(.35, 1)
    it.raw("cone{<%.3f,%.3f,0>,%.3f,<%.3f,%.3f,0>,%.3f open texture{%s}}" % (x, y - k, q, x, y, narrow, shade),
           (x - q, y - k, -q), (x + q, y, q))
    it.sdl.append("sphere{<%.3f,%.3f,0>,.04 pigment{srgb<1,.95,.8>} finish{ambient 1.2 diffuse 0}}" % (x, y - k * .6))
    it.outdoor = 0


def planter(it):
    """A box or trough with something green in it, on legs or not."""
    w, d, k = it.u(.35, 1.1), it.u(.28, .42), it.u(.25, .5)
    up = it.pick(0, 0, it.u(.1, .4))
    it.tube = min(it.tube, .03)
    if up:
        for px in (-w/2, w/2):
            for pz in (-d/2, d/2): it.beam((px, 0, pz), (px, up + k * it.pick(.2, 1), pz))
    sides = it.pick(it.metal, it.metal, "Top", "Accent")
    if sides == "Top" and it.p(.6):
        for i in range(4): it.box((-w/2, up + k * i / 4, -d/2), (w/2, up + k * (i + .92) / 4, d/2), sides)
    else: it.box((-w/2, up, -d/2), (w/2, up + k, d/2), sides)
    it.frame([(px, up + k, pz) for px, pz in ((-w/2, -d/2), (w/2, -d/2), (w/2, d/2), (-w/2, d/2))], .02)
    tall = it.u(.2, .7)
    for _ in range(max(2, int(w / .16))):
        x, z, q = it.u(-.42, .42) * w, it.u(-.3, .3) * d, it.u(.08, .16)
        y = up + k + tall * it.u(.2, .9)
        it.rod((x, up + k, z), (x, y, z), .008, "Hedge")
        it.raw("sphere{0,%.3f scale<1,%.2f,1> translate%s texture{Hedge}}" % (q, it.u(.8, 1.6), vec((x, y, z))), (x, y + q, z))
    it.outdoor = .55


def lograck(it):
    """An open frame full, or half full, of firewood."""
    w, h, d = it.u(.5, 1.2), it.u(.7, 1.6), it.u(.28, .4)
    it.wall, it.frontal = it.p(.6), .45
    it.yaw = it.pick(it.u(-40, 40), 0, it.u(0, 360))
    for pz in (-d/2, d/2):
        it.frame([(-w/2, .03, pz), (w/2, .03, pz), (w/2, h, pz), (-w/2, h, pz)])
    for px in (-w/2, w/2):
        for y in (.03, h): it.beam((px, y, -d/2), (px, y, d/2))
    rad, full = it.u(.04, .065), it.u(.35, .95)
    rows = int((h - .08) * full / (rad * 1.8))
    for j in range(rows):
        n = int((w - .06) / (2 * rad))
        for i in range(n - j % 2):
            q = rad * it.u(.8, 1)
            x, y = -w/2 + .03 + rad * (1 + j % 2) + 2 * rad * i, .06 + rad + 1.8 * rad * j
            it.sdl.append("cylinder{<%.3f,%.3f,%.3f>,<%.3f,%.3f,%.3f>,%.3f texture{Wood rotate y*%d}}" % (
                x, y, -d/2 - it.u(0, .04), x, y, d/2, q, it.r.randint(0, 180)))
    it.outdoor = .4


def bikestand(it):
    """A row of hoops on a rail, or single hoops."""
    n, gap, h = it.r.randint(3, 6), it.u(.28, .45), it.u(.35, .8)
    w, d = n * gap, it.u(.3, .5)
    rad = it.u(.008, .022)
    low = it.p(.6)
    for i in range(n):
        x = -w/2 + gap * (i + .5)
        def hoop(px):
            arc = [(px, h - d/2 + d/2 * math.sin(a), -d/2 * math.cos(a)) for a in [math.pi * j / 8 for j in range(9)]]
            it.path([(px, .02, -d/2)] + arc + [(px, .02, d/2)], rad)
        hoop(x)
        if low: hoop(x + .06)
    for pz in (-d/2, d/2):
        it.beam((-w/2, .02, pz), (w/2, .02, pz), .04)
    it.outdoor = .6


def vec(p):
    return generate.vec(p)


# ------------------------------------------------------------------- photos

def again(image, r):
    """The same view a moment later: the hand moved and turned a little."""
    w, h = image.size
    turned = image.rotate(r.uniform(-1.5, 1.5), Image.BICUBIC)
    k = r.uniform(.9, .96)
    x, y = r.uniform(.02, .98 - k) * w, r.uniform(.02, .98 - k) * h
    return turned.resize((w, h), Image.BICUBIC, (x, y, x + k * w, y + k * h))


def exif_with_time(moment):
    exif = Image.Exif()
    text = moment.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x0132] = text                         # DateTime
    exif[0x8769] = {0x9003: text}               # DateTimeOriginal
    return exif


def render_item(job):
    """Renders and saves the photos of one item; returns an error text or None."""
    seed, name, paths, times, views, burst, width, height = job
    if all(map(os.path.exists, paths)): return None
    try:
        shots = []
        for image, r in shoot(seed, width, height, views, noise=.7, build=globals()[name]):
            shots.append((image, r))
            shots += [(photo(again(image, r), r, .5), r) for _ in range(burst - 1)]
        for path, moment, (image, r) in zip(paths, times, shots):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            extra = {"exif": exif_with_time(moment)} if moment else {}
            image.save(path + ".part", "JPEG", quality=r.randint(75, 92), **extra)
            os.replace(path + ".part", path)
    except RuntimeError as error:
        return str(error)
    return None


def plan(out, part, classes, items, views, burst, tell, seed):
    """Jobs without the picture's size, and rows (path, class, item) for items.tsv."""
    first = FIRST_SEED + (seed * 10007 + (TEST_SEED if part == "test" else 0)) * len(CLASSES)
    jobs, rows = [], []
    for name in classes:        # everything is the class's own, whichever others are asked for
        r = random.Random("%d %s %s" % (seed, part, name))
        moment = datetime.datetime(2025, 5, 5, 8, 0) + datetime.timedelta(days=30 * CLASSES.index(name))
        numbers = r.sample(range(10000), items * views * burst)      # of files, in no order
        for i in range(items):
            item_seed = first + i * len(CLASSES) + CLASSES.index(name)
            moment += datetime.timedelta(minutes=r.randint(20, 90))
            files, times = [], []
            for k in range(views * burst):
                number = i * views * burst + k + 1
                moment += datetime.timedelta(seconds=r.randint(1, 4))
                times.append(moment if tell == "times" else None)
                files.append({"folders": "item%03d/%d.jpg" % (i + 1, k + 1), "times": "IMG_%04d.jpg" % number,
                              "nothing": "%04d.jpg" % numbers[number - 1]}[tell])
            paths = [os.path.join(out, part, name, f) for f in files]
            jobs.append((item_seed, name, paths, times, views, burst))
            rows += [(os.path.relpath(p, out), name, "%s-%s%03d" % (part, name, i + 1)) for p in paths]
    return jobs, rows


def make(out, items=20, views=2, burst=1, test_items=0, tell="folders", classes=CLASSES, size=(320, 240), seed=1, jobs=2):
    """What the command line does; raises RuntimeError if an item cannot be rendered."""
    train, rows = plan(out, "train", classes, items, views, burst, tell, seed)
    os.makedirs(out, exist_ok=True)
    test, more = plan(out, "test", classes, test_items, 1, 1, "nothing", seed)
    with multiprocessing.Pool(jobs) as pool:
        for error in pool.imap_unordered(render_item, [(*job, *size) for job in train + test]):
            if error: raise RuntimeError(error)
    with open(os.path.join(out, "items.tsv"), "w") as f:
        f.write("photo\tclass\titem\n" + "".join("\t".join(row) + "\n" for row in rows + more))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--items", type=int, default=20); ap.add_argument("--views", type=int, default=2)
    ap.add_argument("--burst", type=int, default=1); ap.add_argument("--test-items", type=int, default=0)
    ap.add_argument("--tell", choices=["folders", "times", "nothing"], default="folders")
    ap.add_argument("--classes", default=",".join(CLASSES)); ap.add_argument("--size", default="320x240")
    ap.add_argument("--seed", type=int, default=1); ap.add_argument("--jobs", type=int, default=2)
    o = ap.parse_args()
    classes = o.classes.split(",")
    if not set(classes) <= set(CLASSES): ap.error("classes are " + ", ".join(CLASSES))
    try:
        make(o.out, o.items, o.views, o.burst, o.test_items, o.tell, classes, tuple(map(int, o.size.split("x"))), o.seed, o.jobs)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
