#!/usr/bin/python3
"""Procedural photos of metal-workshop furniture, rendered with POV-Ray 3.7.

One function per class builds an item in metres from boxes, beams, rods and
sheets (y up, the front faces -z, the item stands on y = 0).  A scene puts the
item in a workshop, a room or outdoors and photographs it from several
viewpoints; a little blur, noise and JPEG makes the render a "photo".

  generate.py OUT FIRST LAST [--width 224] [--height 224] [--views 2] [--jobs 8]

Renders items FIRST..LAST-1. The class of item i is CLASSES[i % 10];
everything else follows from seed i. Photos that exist are not made again.
"""
import argparse, math, multiprocessing, os, random, subprocess, sys, tempfile
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

CLASSES = ["table", "console", "cabinet", "chair", "bench",
           "bed", "shelf", "gate", "railing", "stairs"]

# ---------------------------------------------------------------- geometry

def vec(p):
    return "<%.4f,%.4f,%.4f>" % tuple(p)


class Item:
    """Collects POV-Ray objects and the extent of what was built."""

    def __init__(self, rng, stage):
        self.r, self.stage = rng, stage
        self.sdl, self.pts = [], []
        self.wall = False           # stands against the wall
        self.frontal = 0.0          # least |cos| between view and front
        self.yaw = None             # None: any direction
        self.outdoor = 0.15         # chance of being photographed outside
        self.seats = False          # chairs around it
        self.path_width = 0         # a path leads through it
        self.metal, self.top = "Metal", "Top"
        self.round = rng.random() < 0.3          # round or square tube
        self.tube = rng.choice([0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06])

    # random helpers
    def u(self, a, b): return self.r.uniform(a, b)
    def p(self, chance): return self.r.random() < chance
    def pick(self, *xs): return self.r.choice(xs)

    # primitives
    def raw(self, sdl, *pts):
        self.sdl.append(sdl)
        self.pts += pts

    def box(self, a, b, tex):
        lo = [min(x, y) for x, y in zip(a, b)]
        hi = [max(max(x, y), l + 1e-3) for x, y, l in zip(a, b, lo)]
        self.raw("box{%s,%s texture{%s}}" % (vec(lo), vec(hi), tex), lo, hi)

    def rod(self, a, b, rad, tex=None):
        if math.dist(a, b) > 1e-4:
            self.raw("cylinder{%s,%s,%.4f texture{%s}}"
                     % (vec(a), vec(b), rad, tex or self.metal), a, b)

    def ball(self, c, rad, tex=None):
        self.raw("sphere{%s,%.4f texture{%s}}" % (vec(c), rad, tex or self.metal), c)

    def beam(self, a, b, w=None, h=None, tex=None):
        """Tube from a to b: round, or w x h square (h measured upwards)."""
        w = w or self.tube
        tex = tex or self.metal
        if self.round and h is None:
            return self.rod(a, b, w / 2, tex)
        h = h or w
        a, b = np.array(a, float), np.array(b, float)
        length = np.linalg.norm(b - a)
        if length < 1e-4:
            return
        d = (b - a) / length
        up = np.array([0, 1, 0]) if abs(d[1]) < 0.9 else np.array([0, 0, 1])
        s = np.cross(up, d); s /= np.linalg.norm(s)
        t = np.cross(d, s)
        m = ",".join("%.4f" % x for x in [*s, *t, *d, *a])
        self.raw("box{<%.4f,%.4f,0>,<%.4f,%.4f,%.4f> matrix<%s> texture{%s}}"
                 % (-w/2, -h/2, w/2, h/2, length, m, tex), list(a), list(b))

    def path(self, pts, rad, tex=None):
        for a, b in zip(pts, pts[1:]):
            self.rod(a, b, rad, tex)
            self.ball(b, rad, tex)

    def frame(self, corners, w=None, closed=True, tex=None):
        for a, b in zip(corners, corners[1:] + corners[:1] if closed else corners[1:]):
            self.beam(a, b, w, tex=tex)

    def scroll(self, c, size, rad, turns=1.6, flip=1):
        """Wrought-iron spiral in the x-y plane around c."""
        pts = []
        for i in range(15):
            t = i / 14
            q, ang = size * (1 - 0.8 * t), turns * 2 * math.pi * t
            pts.append((c[0] + flip * q * math.cos(ang), c[1] + q * math.sin(ang), c[2]))
        self.path(pts, rad)

    def extent(self):
        a = np.array(self.pts)
        return a.min(0), a.max(0)

    def has_tops(self):
        """Is the wood, stone or glass already on the metal?"""
        return self.p({"bare": 0.45, "primed": 0.6, "finished": 1.0}[self.stage])


# ------------------------------------------------------------- shared parts

def slab(it, w, d, h, t, shape="rect"):
    """A top of thickness t whose upper face is at height h."""
    if shape == "round":
        it.raw("cylinder{<0,%.4f,0>,<0,%.4f,0>,0.5 scale<%.4f,1,%.4f> texture{%s}}"
               % (h - t, h, w, d, it.top), (-w/2, h - t, -d/2), (w/2, h, d/2))
    elif shape == "rounded":
        q = min(w, d) * it.u(0.08, 0.3)
        x, z = w/2 - q, d/2 - q
        it.box((-x, h - t, -d/2), (x, h, d/2), it.top)
        it.box((-w/2, h - t, -z), (w/2, h, z), it.top)
        for sx in (-x, x):
            for sz in (-z, z):
                it.rod((sx, h - t, sz), (sx, h, sz), q, it.top)
    elif shape == "planks":
        n = max(2, round(d / it.u(0.08, 0.16)))
        for i in range(n):
            z0 = -d/2 + d * i / n
            it.box((-w/2, h - t, z0), (w/2, h, z0 + d / n - 0.008), it.top)
    else:
        it.box((-w/2, h - t, -d/2), (w/2, h, d/2), it.top)


def underframe(it, w, d, h, styles):
    """Legs for a table, console or bench: w x d, reaching height h."""
    style, tb = it.pick(*styles), it.tube
    x, z = w/2 - tb/2 - it.u(0, 0.06) * w, d/2 - tb/2 - it.u(0, 0.05) * d
    y = h - tb/2
    rim = [(-x, y, -z), (x, y, -z), (x, y, z), (-x, y, z)]
    if style not in ("four", "scrolls") and (it.stage != "finished" or it.p(0.3)):
        it.frame(rim, min(tb, 0.03))        # a bare frame must hold together
    if style == "four":
        splay = it.pick(0, 0, it.u(0, 0.08))
        it.frame(rim)
        for px, _, pz in rim:
            it.beam((px * (1 + splay), 0, pz * (1 + splay)), (px, y, pz))
        if it.p(0.35):
            k = it.u(0.15, 0.4) * h
            it.beam((-x, k, -z), (-x, k, z)); it.beam((x, k, -z), (x, k, z))
            it.beam((-x, k, 0), (x, k, 0))
    elif style == "u":
        for px in (-x, x):
            it.frame([(px, tb/2, -z), (px, y, -z), (px, y, z), (px, tb/2, z)], closed=it.p(0.8))
        if it.p(0.6):
            k = it.pick(y, tb/2, it.u(0.2, 0.8) * h)
            it.beam((-x, k, 0), (x, k, 0))
    elif style == "trapezoid":
        q = it.u(0.5, 0.8)
        if it.p(0.5): lo, hi = z, z * q
        else: lo, hi = z * q, z
        wide = tb * it.u(1, 2.5)
        for px in (-x * 0.85, x * 0.85):
            it.frame([(px, tb/2, -lo), (px, y, -hi), (px, y, hi), (px, tb/2, lo)], wide)
    elif style == "x":
        wide = tb * it.u(1, 2)
        for px in (-x * 0.88, x * 0.88):
            it.beam((px, 0.01, -z), (px, y, z), wide); it.beam((px, 0.01, z), (px, y, -z), wide)
            it.beam((px, y, -z), (px, y, z), wide)
    elif style == "hairpin":
        for sx in (-1, 1):
            for sz in (-1, 1):
                foot = (sx * x, 0, sz * z)
                for dx, dz in it.pick(((0.1, 0), (0, 0.1)), ((0.1, 0.0), (0, 0.1), (0.06, 0.06))):
                    it.rod(foot, (sx * (x - dx), h, sz * (z - min(dz, z))), it.u(0.006, 0.009))
    elif style == "spider":
        top, low = it.u(0.5, 0.8), it.u(0.5, 0.9)
        for sx in (-1, 1):
            for sz in (-1, 1):
                it.beam((sx * x * low, 0, sz * z * low), (0, h * 0.5, 0))
                it.beam((0, h * 0.5, 0), (sx * x * top, y, sz * z * top))
    elif style == "plate":
        for s in (-1, 1):
            px = s * x * it.u(0.7, 1)
            it.box((px - 0.005, 0, -z * 0.85), (px + 0.005, h, z * 0.85), it.metal)
            it.box((px - 0.04, 0, -z), (px + 0.04, 0.008, z), it.metal)
        it.beam((-x * 0.8, h * 0.5, 0), (x * 0.8, h * 0.5, 0))
    elif style == "a":
        for px in (-x * 0.85, x * 0.85):
            it.beam((px, 0, -z), (px, y, -z * 0.15)); it.beam((px, 0, z), (px, y, z * 0.15))
            it.beam((px, h * 0.35, -z * 0.7), (px, h * 0.35, z * 0.7))
            it.beam((px, y, -z * 0.8), (px, y, z * 0.8))
        it.beam((-x * 0.85, h * 0.35, 0), (x * 0.85, h * 0.35, 0))
    elif style == "pedestal":
        rad, foot = it.u(0.03, 0.07), min(w, d) * it.u(0.3, 0.42)
        for px in ([0] if w < 1.3 else [-w * 0.27, w * 0.27]):
            it.rod((px, 0, 0), (px, h, 0), rad)
            if it.p(0.5):
                it.rod((px, 0, 0), (px, 0.015, 0), foot)
            else:
                for k in range(4):
                    a = k * math.pi / 2 + 0.78
                    e = (px + foot * math.cos(a), 0.02, foot * math.sin(a))
                    it.beam((px, 0.04, 0), e); it.beam((px, y, 0), (e[0], y, e[2]))
    elif style == "scrolls":
        for sx in (-1, 1):
            for pz in (-z, z):
                it.rod((sx * x, 0, pz), (sx * x, h, pz), 0.011)
                it.scroll((sx * (x - 0.13), h * 0.75, pz), 0.12, 0.008, flip=sx)
        it.rod((-x, h * 0.3, 0), (x, h * 0.3, 0), 0.009)
        it.frame(rim, 0.02)
    return style


def infill(it, x0, x1, y0, y1, z=0.0, top=lambda x: 0.0, styles=None):
    """Fills a gate leaf or a railing field between x0..x1, y0..y1."""
    style = it.pick(*(styles or ("bars", "bars", "bars", "slats", "sheet", "scrolls",
                                 "wires", "squares", "diagonal", "mesh")))
    rad, w, h = it.u(0.005, 0.011), x1 - x0, y1 - y0
    if style in ("bars", "scrolls"):
        n = max(2, round(w / it.u(0.09, 0.15)))
        for i in range(1, n):
            x = x0 + w * i / n
            it.rod((x, y0, z), (x, y1 + top(x), z), rad)
            if style == "scrolls" and i % 2:
                it.scroll((x, y0 + h * 0.5, z), min(0.09, w / n), 0.006, flip=1)
                it.scroll((x, y0 + h * 0.5, z), min(0.09, w / n), 0.006, flip=-1)
    elif style == "slats":
        n = max(3, round(h / it.u(0.07, 0.15)))
        tex = it.pick(it.metal, it.metal, "Top")
        for i in range(n):
            y = y0 + h * (i + 0.15) / n
            it.box((x0, y, z - 0.01), (x1, y + h / n * 0.72, z + 0.01), tex)
    elif style == "sheet":
        it.box((x0, y0, z - 0.003), (x1, y1, z + 0.003), it.pick(it.metal, "Accent"))
    elif style == "glass":
        it.box((x0 + 0.03, y0, z - 0.006), (x1 - 0.03, y1, z + 0.006), "Glass")
    elif style == "wires":
        n = it.r.randint(4, 8)
        for i in range(n):
            y = y0 + h * (i + 0.5) / n
            it.rod((x0, y, z), (x1, y, z), rad * it.pick(0.5, 1))
    elif style == "squares":
        n = max(2, round(w / it.u(0.2, 0.35)))
        for i in range(n):
            a, b = x0 + w * (i + 0.1) / n, x0 + w * (i + 0.9) / n
            it.frame([(a, y0 + h * .1, z), (b, y0 + h * .1, z), (b, y1 - h * .1, z), (a, y1 - h * .1, z)], 0.014)
            it.rod(((a + b) / 2, y0, z), ((a + b) / 2, y1, z), 0.006)
    elif style == "diagonal":
        n = max(2, round(w / it.u(0.3, 0.6)))
        for i in range(n):
            a, b = x0 + w * i / n, x0 + w * (i + 1) / n
            it.beam((a, y0, z), (b, y1, z), 0.016); it.beam((a, y1, z), (b, y0, z), 0.016)
    elif style == "mesh":
        s = it.u(0.07, 0.12)
        for i in range(1, int(w / s)):
            it.rod((x0 + i * s, y0, z), (x0 + i * s, y1, z), 0.003)
        for i in range(1, int(h / s)):
            it.rod((x0, y0 + i * s, z), (x1, y0 + i * s, z), 0.003)
    return style


def decorate(it, w, d, h, chance=0.5):
    """Things that stand on a top or a shelf board."""
    if not it.p(chance):
        return
    for _ in range(it.r.randint(1, 3)):
        x, z = it.u(-0.4, 0.4) * w, it.u(-0.3, 0.3) * d
        k, tex = it.r.randint(0, 4), it.pick("Clutter1", "Clutter2", "Clutter3")
        s = it.u(0.7, 1.2)
        if k == 0:      # vase with twigs
            it.sdl.append("union{cone{0,0.03,y*0.13,0.06} sphere{y*0.13,0.06} cylinder{y*0.13,y*0.24,0.025}"
                          " scale %.2f translate%s texture{%s}}" % (s, vec((x, h, z)), tex))
        elif k == 1:    # books
            for i in range(it.r.randint(1, 4)):
                a = it.u(0, 0.03)
                it.sdl.append("box{<-0.11,%.3f,-0.08>,<0.11,%.3f,0.08> rotate y*%d translate%s texture{Clutter%d}}"
                              % (i * .03, i * .03 + .028, it.u(-20, 20), vec((x, h, z)), it.r.randint(1, 3)))
        elif k == 2:    # cup or tin
            it.sdl.append("cylinder{0,y*%.3f,%.3f translate%s texture{%s}}"
                          % (it.u(.08, .2), it.u(.03, .06), vec((x, h, z)), tex))
        elif k == 3:    # lamp
            it.sdl.append("union{cylinder{0,y*0.02,0.07} cylinder{0,y*0.3,0.01} cone{y*0.28,0.12,y*0.45,0.07}"
                          " scale %.2f translate%s texture{%s}}" % (s, vec((x, h, z)), tex))
        else:           # box
            it.sdl.append("box{<-.1,0,-.07>,<.1,%.3f,.07> rotate y*%d translate%s texture{%s}}"
                          % (it.u(.06, .2), it.u(0, 180), vec((x, h, z)), tex))


# ------------------------------------------------------------------ classes

def table(it):
    kind = it.pick("dining", "dining", "dining", "coffee", "desk", "bistro", "workbench")
    w, d, h = {"dining": (it.u(1.2, 2.4), it.u(0.75, 1.1), it.u(0.72, 0.78)),
               "coffee": (it.u(0.7, 1.3), it.u(0.55, 0.9), it.u(0.34, 0.48)),
               "desk": (it.u(1.1, 1.8), it.u(0.6, 0.85), it.u(0.71, 0.78)),
               "bistro": (it.u(0.6, 0.9),) * 2 + (it.u(0.7, 0.78),),
               "workbench": (it.u(1.2, 2.2), it.u(0.6, 0.9), it.u(0.82, 0.92))}[kind]
    shape = it.pick("rect", "rect", "rect", "rounded", "planks", "round")
    if shape == "round": d = it.pick(w * 0.65, min(w, 1.3)); w = w if d != 1.3 else 1.3
    w = min(w, 2.3 * d)                 # longer and it would be a bench
    t = it.u(0.02, 0.06)
    it.wall = shape != "round" and it.p(0.25)
    it.seats = kind in ("dining", "desk", "bistro") and it.p(0.4)
    styles = ["four", "four", "u", "trapezoid", "x", "a", "hairpin", "spider", "plate", "pedestal"]
    if shape == "round" or kind == "bistro": styles = ["pedestal", "spider", "four", "hairpin", "x"]
    underframe(it, w * (0.75 if shape == "round" else 1), d * (0.75 if shape == "round" else 1), h - t, styles)
    if it.has_tops() or it.p(0.5):
        slab(it, w, d, h, t, shape)
        decorate(it, w, d, h, 0.5)


def console(it):
    d, h = it.u(0.22, 0.36), it.u(0.8, 1.0)
    w = max(it.u(0.75, 1.5), 2.8 * d)
    it.wall, t = it.p(0.7), it.u(0.015, 0.045)
    it.frontal = 0.25
    it.yaw = it.pick(it.u(-40, 40), it.u(0, 360))
    it.tube = min(it.tube, 0.04)
    underframe(it, w, d, h - t, ["four", "four", "u", "u", "trapezoid", "x", "hairpin", "plate", "scrolls", "scrolls"])
    if it.has_tops() or it.p(0.5):
        slab(it, w, d, h, t, it.pick("rect", "rect", "rect", "rounded", "planks"))
        decorate(it, w, d, h, 0.6)
    if it.p(0.4):       # lower shelf
        k = it.u(0.08, 0.3)
        it.box((-w/2 + .03, k, -d/2 + .02), (w/2 - .03, k + .018, d/2 - .02), it.pick(it.top, it.metal))
        decorate(it, w, d, k + .018, 0.4)
    if it.p(0.25):      # drawers under the top
        n, y = it.r.randint(1, 3), h - t
        it.box((-w/2 + .03, y - .13, -d/2 + .02), (w/2 - .03, y, d/2 - .02), it.pick(it.top, it.metal))
        for i in range(n):
            a, b = -w/2 + .03 + (w - .06) * i / n, -w/2 + .03 + (w - .06) * (i + 1) / n
            it.box((a + .008, y - .12, -d/2 + .008), (b - .008, y - .01, -d/2 + .02), it.pick(it.top, "Accent"))
            it.ball(((a + b) / 2, y - .065, -d/2), .012, "Handle")
    if it.wall and it.p(0.4):       # mirror on the wall
        y, s = h + it.u(0.3, 0.5), it.u(0.2, 0.35)
        it.sdl.append("cylinder{<0,%.3f,%.3f>,<0,%.3f,%.3f>,%.3f texture{Mirror}}"
                      % (y + s/2, d/2 - .01, y + s/2, d/2 + .02, s))


def cabinet(it):
    it.frontal = 0.3
    kind = it.pick("sideboard", "sideboard", "cupboard", "cupboard", "locker", "night", "tools")
    w, h, d = {"sideboard": (it.u(1.1, 1.9), it.u(0.6, 0.95), it.u(0.35, 0.5)),
               "cupboard": (it.u(0.7, 1.2), it.u(1.3, 2.0), it.u(0.35, 0.55)),
               "locker": (it.u(0.4, 1.2), it.u(1.6, 1.95), it.u(0.4, 0.5)),
               "night": (it.u(0.4, 0.6), it.u(0.45, 0.7), it.u(0.35, 0.45)),
               "tools": (it.u(0.6, 1.0), it.u(0.8, 1.2), it.u(0.45, 0.6))}[kind]
    it.wall, it.yaw = it.p(0.6), it.u(-30, 30)
    foot = it.pick(0.0, 0.04, it.u(0.08, 0.25))
    body, front = it.pick("Top", it.metal, it.metal), it.pick("Top", it.metal, "Accent", "Accent")
    tb, t = it.tube, 0.015
    x, z = w/2, d/2
    if foot:
        for sx in (-1, 1):
            for sz in (-1, 1):
                it.beam((sx * (x - tb), 0, sz * (z - tb)), (sx * (x - tb), foot, sz * (z - tb)))
    it.box((-x, foot, -z), (-x + t, h, z), body); it.box((x - t, foot, -z), (x, h, z), body)
    it.box((-x, foot, z - t), (x, h, z), body)
    it.box((-x, foot, -z), (x, foot + t, z), body)
    it.box((-x - .01, h - t, -z - .01), (x + .01, h + .01, z), it.pick(body, "Top"))
    if it.p(0.5):       # visible tube frame
        for px in (-x, x):
            for pz in (-z, z):
                it.beam((px, foot, pz), (px, h, pz))
        for y in (foot, h):
            it.frame([(-x, y, -z), (x, y, -z), (x, y, z), (-x, y, z)])
    shelves = it.r.randint(1, 4)
    for i in range(1, shelves + 1):
        y = foot + (h - foot) * i / (shelves + 1)
        it.box((-x + t, y, -z + .03), (x - t, y + .012, z), body)
    # front: columns of doors or drawers
    cols = max(1, round(w / it.u(0.35, 0.6)))
    style, knob = it.pick("plain", "plain", "framed", "louvre", "glass"), it.r.randint(0, 2)
    skip = it.r.randrange(cols) if cols > 2 and it.p(0.2) else -1     # one open field
    drawer_cols = [it.p({"sideboard": 0.35, "night": 0.6, "tools": 0.7}.get(kind, 0.1)) for _ in range(cols)]
    for c in range(cols):
        if c == skip: continue
        a, b = -x + w * c / cols + .006, -x + w * (c + 1) / cols - .006
        y0, y1 = foot + .02, h - t - .01
        rows = it.r.randint(2, 5) if drawer_cols[c] else 1
        for k in range(rows):
            lo, hi = y0 + (y1 - y0) * k / rows + .004, y0 + (y1 - y0) * (k + 1) / rows - .004
            opened = it.pick(0, 0, 0, 0, it.u(20, 100)) if rows == 1 else 0
            start = len(it.sdl)
            dz = -z - .02 - (it.pick(0, 0, 0, 0, it.u(.05, .25)) if rows > 1 else 0)
            if style == "glass" and rows == 1:
                it.box((a, lo, dz), (b, hi, dz + .006), "Glass")
                it.frame([(a, lo, dz), (b, lo, dz), (b, hi, dz), (a, hi, dz)], 0.025)
            else:
                it.box((a, lo, dz), (b, hi, -z), front)
                if style == "framed":
                    it.frame([(a + .02, lo + .02, dz), (b - .02, lo + .02, dz), (b - .02, hi - .02, dz), (a + .02, hi - .02, dz)], 0.03)
                if style == "louvre" and rows == 1:
                    for j in range(6):
                        it.box((a + .06, hi - .08 - j * .03, dz - .006), (b - .06, hi - .07 - j * .03, dz), "Dark")
            mid = (lo + hi) / 2
            hx = (a + b) / 2 if rows > 1 else (b - .05 if c % 2 == 0 else a + .05)
            if knob == 0: it.ball((hx, mid, dz - .015), .014, "Handle")
            elif rows > 1: it.rod((hx - .06, mid, dz - .025), (hx + .06, mid, dz - .025), .007, "Handle")
            else: it.rod((hx, mid - .09, dz - .025), (hx, mid + .09, dz - .025), .008, "Handle")
            if opened:  # swing this door on its hinge
                hinge, sign = ((a, 1) if c % 2 == 0 else (b, -1))
                door = "union{%s translate<%.4f,0,%.4f> rotate y*%.1f translate<%.4f,0,%.4f>}" % (
                    " ".join(it.sdl[start:]), -hinge, z, sign * opened, hinge, -z)
                it.sdl[start:] = [door]
    if h < 1.3:
        decorate(it, w, d, h + .01, 0.5)


def chair(it):
    bar = it.p(0.2)
    s, h = it.u(0.38, 0.5), it.u(0.6, 0.78) if bar else it.u(0.42, 0.48)
    d, back = s * it.u(0.9, 1.1), it.u(0.25, 0.4) if bar else it.u(0.34, 0.55)
    it.tube = min(it.tube, 0.035) * it.u(0.7, 1)
    x, z, lean, tb = s/2, d/2, it.u(0.02, 0.14), it.tube
    style = it.pick("four", "four", "four", "sled", "hairpin", "cantilever")
    splay = it.u(0, 0.12)
    if style == "four":
        for sx in (-1, 1):
            for sz in (-1, 1):
                it.beam((sx * x * (1 + splay), 0, sz * z * (1 + splay)), (sx * x, h, sz * z))
        k = it.u(0.2, 0.5) * h
        if it.p(0.6) or bar:
            it.frame([(-x, k, -z), (x, k, -z), (x, k, z), (-x, k, z)], tb * 0.7)
    elif style == "sled":
        for px in (-x, x):
            it.frame([(px, h, -z), (px, tb/2, -z), (px, tb/2, z), (px, h, z)], closed=True)
    elif style == "hairpin":
        for sx in (-1, 1):
            for sz in (-1, 1):
                it.rod((sx * x, 0, sz * z), (sx * (x - .08), h, sz * z), .007)
                it.rod((sx * x, 0, sz * z), (sx * x, h, sz * (z - .08)), .007)
    else:
        for px in (-x, x):
            it.frame([(px, h, z), (px, h, -z), (px, tb/2, -z), (px, tb/2, z)], closed=False)
        it.beam((-x, tb/2, z), (x, tb/2, z))
    it.frame([(-x, h, -z), (x, h, -z), (x, h, z), (-x, h, z)])
    if it.has_tops() or it.p(0.5):
        tex, t = it.pick("Top", "Top", "Cushion", it.metal), it.u(.012, .06)
        if it.p(0.25):
            n = 6
            for i in range(n):
                it.box((-x, h, -z + d * i / n), (x, h + .018, -z + d * (i + .8) / n), "Top")
        else:
            it.box((-x, h, -z), (x, h + t, z), tex)
    # back
    y1, zt = h + back, z + lean
    for px in (-x, x):
        it.beam((px, h, z), (px, y1, zt))
    def on(y): return z + lean * (y - h) / back
    kind = it.pick("slats", "bars", "panel", "panel", "arch", "cross", "mesh")
    it.beam((-x, y1, zt), (x, y1, zt))
    if kind == "slats":
        for i in range(it.r.randint(2, 4)):
            y = h + back * (0.35 + 0.2 * i)
            if y < y1: it.beam((-x, y, on(y)), (x, y, on(y)), .015, it.u(.03, .07), it.pick(it.metal, "Top"))
    elif kind == "bars":
        for i in range(1, 6):
            px = -x + s * i / 6
            it.rod((px, h, z), (px, y1, zt), .007)
    elif kind == "panel":
        lo = h + back * it.u(0.2, 0.6)
        it.beam((0, (lo + y1) / 2, on((lo + y1) / 2) - .01), (0.001, (lo + y1) / 2, on((lo + y1) / 2) - .01), 1e-3, 1e-3)
        it.sdl.append("box{<%.3f,0,-.012>,<%.3f,%.3f,.012> rotate x*%.2f translate<0,%.3f,%.3f> texture{%s}}"
                      % (-x, x, y1 - lo, math.degrees(math.atan2(lean, back)), lo, on(lo), it.pick("Top", "Cushion", it.metal)))
    elif kind == "arch":
        pts = [(-x + s * i / 10, y1 + .1 * math.sin(math.pi * i / 10), zt) for i in range(11)]
        it.path(pts, tb/2)
        it.scroll((0, h + back * .5, on(h + back * .5)), .08, .007)
    elif kind == "cross":
        it.beam((-x, h, z), (x, y1, zt)); it.beam((x, h, z), (-x, y1, zt))
    else:
        for i in range(1, 8):
            it.rod((-x + s * i / 8, h, z), (-x + s * i / 8, y1, zt), .003)
            y = h + back * i / 8
            it.rod((-x, y, on(y)), (x, y, on(y)), .003)
    if it.p(0.35):      # armrests
        y = h + it.u(0.17, 0.24)
        for px in (-x, x):
            it.beam((px, h, -z * .8), (px, y, -z * .8)); it.beam((px, y, -z), (px, y, on(y)))
            if it.p(0.5): it.box((px - .025, y + tb/2, -z), (px + .025, y + tb/2 + .02, z * .8), "Top")
    it.outdoor = 0.2


def bench(it):
    d, h = it.u(0.28, 0.44), it.u(0.4, 0.47)
    w = d * it.u(3.2, 5.0)
    it.wall, t = it.p(0.35), it.u(0.02, 0.055)
    it.yaw = it.pick(0, it.u(-50, 50), it.u(0, 360))
    has_back = it.p(0.5)
    it.frontal = 0.35 if has_back else 0.15     # seen from its end it could be a chair
    underframe(it, w, d, h - t, ["four", "u", "u", "trapezoid", "x", "plate", "hairpin", "a"])
    if it.has_tops() or it.p(0.45):
        slab(it, w, d, h, t, it.pick("rect", "planks", "planks", "rounded"))
        if it.p(0.3): it.box((-w/2, h, -d/2), (w/2, h + .05, d/2), "Cushion")
    if it.wall and not has_back and it.p(0.6):      # coat hooks above a hall bench
        n = it.r.randint(3, 6)
        it.sdl.append("box{<%.3f,1.62,%.3f>,<%.3f,1.72,%.3f> texture{Wood}}" % (-w/2, d/2 - .02, w/2, d/2))
        for i in range(n):
            x = w * ((i + .5) / n - .5)
            it.sdl.append("cylinder{<%.3f,1.66,%.3f>,<%.3f,1.68,%.3f>,.012 texture{Handle}}" % (x, d/2, x, d/2 - .08))
    if has_back:
        back, lean = it.u(0.3, 0.5), it.u(0.03, 0.15)
        z, x, n = d/2, w/2 - .03, it.r.randint(2, 4)
        posts = [-x, x] + ([0] if w > 1.4 else [])
        for px in posts:
            it.beam((px, h - t, z), (px, h + back, z + lean))
        tex = it.pick("Top", "Top", it.metal)
        if it.p(0.65):
            for i in range(n):
                y = back * (0.3 + 0.7 * i / n)
                zz = z + lean * y / back
                it.beam((-w/2, h + y, zz - .02), (w/2, h + y, zz - .02), .025, back / n * it.u(.45, .75), tex)
        else:
            it.beam((-x, h + back, z + lean), (x, h + back, z + lean))
            it.beam((-x, h + .1, z), (x, h + .1, z))
            k = round(w / .13)
            for i in range(1, k):
                it.rod((-x + 2 * x * i / k, h + .1, z), (-x + 2 * x * i / k, h + back, z + lean), .006)
        if it.p(0.6):   # arm rests
            for px in (-x, x):
                it.beam((px, h - t, -z * .8), (px, h + .2, -z * .8)); it.beam((px, h + .2, -z), (px, h + .2, z + lean * .4))
    it.outdoor = 0.35


def bed(it):
    w, l = it.u(0.85, 1.85), it.u(1.9, 2.1)
    side, x, z, tb = it.u(0.25, 0.38), w/2, l/2, it.tube
    head, foot = it.u(0.75, 1.3), it.pick(0, it.u(0.4, 0.8))
    it.wall, it.yaw = it.p(0.5), it.pick(0, 0, 180, it.u(0, 360))
    if it.wall: it.yaw = it.pick(0, 0, 90, -90)
    for px in (-x, x):
        it.box((px - .015, side - .06, -z), (px + .015, side + .06, z), it.metal)
    for pz, top in ((z, head), (-z, max(foot, side))):
        for px in (-x, x):
            it.beam((px, 0, pz), (px, top, pz))
        it.beam((-x, side, pz), (x, side, pz))
    arch = it.pick(0, 0, it.u(.08, .25))
    style = it.pick("bars", "bars", "scrolls", "panel", "slats", "squares", "cushion", "diagonal")
    for pz, top in ((z, head), (-z, foot)):
        if top < side + .1: continue
        a = arch * (1 if pz > 0 else .5)
        if a:
            it.path([(-x + w * i / 12, top + a * math.sin(math.pi * i / 12), pz) for i in range(13)], tb/2)
        it.beam((-x, top, pz), (x, top, pz))
        if style == "panel": it.box((-x, side, pz - .02), (x, top, pz + .02), it.pick("Top", it.metal))
        elif style == "cushion" and pz > 0: it.box((-x, side, pz - .07), (x, top, pz), "Cushion")
        elif style != "cushion":
            infill(it, -x, x, side, top, pz, lambda q: a * math.sin(math.pi * (q + x) / w), [style])
        if it.p(.3):
            for px in (-x, x): it.ball((px, top + tb * .6, pz), tb * .9)
    if it.p({"bare": 0.15, "primed": 0.1, "finished": 0.8}[it.stage]):
        t = it.u(.14, .24)
        it.box((-x + .03, side, -z + .03), (x - .03, side + t, z - .03), "Sheet")
        for sx in ((-1, 1) if w > 1.2 else (0,)):
            it.sdl.append("superellipsoid{<.5,.5> scale<%.3f,.07,.2> rotate x*-12 translate<%.3f,%.3f,%.3f> texture{Pillow}}"
                          % (w * (.2 if w > 1.2 else .36), sx * w * .24, side + t + .06, z - .3))
        if it.p(.7):
            e = it.u(-.1, .5)
            it.box((-x - .01, side + t * .3, -z + .02), (x + .01, side + t + .02, z - .6 - e), "Cushion")
    else:
        n = it.r.randint(9, 18)
        lay = it.pick("Top", "Wood", it.metal)
        for i in range(n):
            zz = -z + l * (i + .5) / n
            it.box((-x, side, zz - .03), (x, side + .018, zz + .03), lay)
        if it.p(.5): it.beam((0, side - .03, -z), (0, side - .03, z))
    it.outdoor = 0.05


def shelf(it):
    it.frontal = 0.3
    w, h, d = it.u(0.5, 1.6), it.u(1.0, 2.2), it.u(0.24, 0.42)
    kind = it.pick("rack", "rack", "rack", "ladder", "wall", "boxes", "low")
    if kind == "low": h, w = it.u(.7, 1.1), it.u(.8, 1.6)
    it.wall, it.yaw = it.p(0.65) or kind in ("ladder", "wall"), it.u(-35, 35)
    it.tube = min(it.tube, .04)
    n, x, z = it.r.randint(3, 6), w/2, d/2
    boards = it.has_tops() or it.p(.5)
    tex, t, tb = it.pick("Top", "Top", "Top", it.metal), it.u(.012, .04), it.tube
    first, last = it.u(.06, .25), h - it.u(.02, .25)
    levels = [first + (last - first) * i / (n - 1) for i in range(n)]
    if kind in ("rack", "low"):
        for px in (-x, x):
            for pz in (-z, z):
                it.beam((px, 0, pz), (px, h, pz))
        ends = it.p(.5)
        for y in levels:
            it.frame([(-x, y, -z), (x, y, -z), (x, y, z), (-x, y, z)], tb * .8)
        if ends: it.frame([(-x, h, -z), (x, h, -z), (x, h, z), (-x, h, z)])
        if it.p(.35):
            it.beam((-x, first, z), (x, last, z), .012); it.beam((x, first, z), (-x, last, z), .012)
    elif kind == "ladder":
        for px in (-x, x):
            it.beam((px, 0, -z - .15), (px, h, z)); it.beam((px, 0, z), (px, h, z))
        for y in levels:
            for px in (-x, x):
                it.beam((px, y, -z - .15 * (1 - y / h)), (px, y, z))
            for pz in (-z - .15 * (1 - y / h), z):      # without boards, rails hold it together
                it.beam((-x, y, pz), (x, y, pz))
    elif kind == "wall":
        rad = it.u(.012, .02)
        for px in (-x * .8, x * .8):
            it.rod((px, 0 if it.p(.5) else first, z - .03), (px, h, z - .03), rad)
            for y in levels:
                it.rod((px, y, z), (px, y, -z + .02), rad)
        for y in levels:
            it.rod((-x, y, -z + .02), (x, y, -z + .02), rad * .8)
    else:
        for px in (-x, 0, x):
            it.box((px - .01, 0, -z), (px + .01, h, z), it.metal)
    for i, y in enumerate(levels):
        lo, hi = (-x, x) if kind != "boxes" else ((-x, 0) if i % 2 else (0, x))
        if kind == "boxes" and i in (0, n - 1): lo, hi = -x, x
        if boards or kind == "boxes":
            it.box((lo, y, -z), (hi, y + t, z), tex)
            start = len(it.sdl)
            if i < n - 1: decorate(it, hi - lo, d, y + t, .6)
    it.outdoor = 0.05


def gate(it):
    it.frontal = 0.45
    double = it.p(0.65)
    h = it.u(1.3, 2.2)                  # taller than any railing
    w = it.u(2.2, 3.8) if double else it.u(0.85, 1.3)
    y0, tb = it.u(.03, .1), max(it.tube, .035)
    arch = it.pick(0, 0, it.u(.1, .4), -it.u(.08, .25))
    post = it.pick("steel", "steel", "brick", "stone")
    fill = it.pick("bars", "bars", "bars", "bars", "slats", "sheet", "scrolls", "squares", "mesh", "diagonal")
    kick, spear, brace = it.p(.4), it.p(.35), it.p(.3)
    open_angle = it.pick(0, 0, 0, it.u(-35, 35))
    leaves = [(-w/2, 0, 1), (0, w/2, -1)] if double else [(-w/2, w/2, 1)]
    def top(x): return arch * math.cos(math.pi * x / w) if double else arch * math.cos(math.pi * x / w)
    for a, b, sgn in leaves:
        a, b = a + .02, b - .02
        start = len(it.sdl)
        ha, hb = h + top(a), h + top(b)
        it.beam((a, y0, 0), (a, ha, 0), tb); it.beam((b, y0, 0), (b, hb, 0), tb)
        it.beam((a, y0, 0), (b, y0, 0), tb)
        xs = [a + (b - a) * i / 10 for i in range(11)]
        if arch:
            it.path([(x, h + top(x), 0) for x in xs], tb * .45)
        else: it.beam((a, h, 0), (b, h, 0), tb)
        if it.p(.5) or kick:
            k = y0 + (h - y0) * it.u(.25, .45)
            it.beam((a, k, 0), (b, k, 0), tb * .8)
            if kick: it.box((a, y0, -.003), (b, k, .003), it.pick(it.metal, "Accent"))
        infill(it, a, b, y0, h + (0 if arch >= 0 else arch), 0, lambda x: top(x) if arch > 0 else top(x) - arch, [fill])
        if spear and fill == "bars":
            n = round((b - a) / .12)
            for i in range(1, n):
                x = a + (b - a) * i / n
                yy = h + top(x)
                it.raw("cone{%s,.02,%s,.001 texture{%s}}" % (vec((x, yy, 0)), vec((x, yy + .13, 0)), it.metal), (x, yy + .1, 0))
        if brace:
            p, q = (a, b) if sgn > 0 else (b, a)
            it.beam((p, y0, 0), (q, h + top(q), 0), tb * .8)
        it.box((b - .09 if sgn > 0 else a + .02, h * .48, -.03), (b - .02 if sgn > 0 else a + .09, h * .48 + .14, .03), "Handle")
        for q in (.15, .8):             # hinges
            x = a - .012 if sgn > 0 else b + .012
            it.rod((x, h * q, 0), (x, h * q + .12, 0), .022, "Handle")
        if open_angle:
            hx = a if sgn > 0 else b
            it.sdl[start:] = ["union{%s translate x*%.4f rotate y*%.1f translate x*%.4f}"
                              % (" ".join(it.sdl[start:]), -hx, sgn * open_angle, hx)]
    s = it.u(.06, .12) if post == "steel" else it.u(.28, .42)
    tex = {"steel": it.metal, "brick": "Brick", "stone": "Stone"}[post]
    for sx in (-1, 1):
        c, e = sx * (w/2 + s/2 + .02), h + it.u(.0, .15)
        it.box((c - s/2, 0, -s/2), (c + s/2, e, s/2), tex)
        if post != "steel": it.box((c - s/2 - .03, e, -s/2 - .03), (c + s/2 + .03, e + .06, s/2 + .03), "Stone")
        elif it.p(.4): it.ball((c, e + s * .5, 0), s * .55)
    if it.p(.4):    # the fence or wall goes on
        for sx in (-1, 1):
            c = sx * (w/2 + s + .02)
            it.sdl.append("box{%s,%s texture{%s}}" % (vec((min(c, c + sx * 6), 0, -.08)), vec((max(c, c + sx * 6), h * it.u(.5, .95), .08)), it.pick("Stone", "Brick", "Hedge")))
    it.outdoor, it.yaw = 0.65, it.u(-35, 35)
    it.path_width = w


def railing(it):
    it.frontal = 0.45
    w, h = it.u(1.8, 4.0), it.u(0.88, 1.05)
    base = it.pick(0, 0, it.u(.15, .5))
    n = max(2, round(w / it.u(.8, 1.4)))
    y0, tb = base + it.u(.06, .14), it.tube
    xs = [-w/2 + w * i / n for i in range(n + 1)]
    hand = it.pick(it.metal, it.metal, "Wood")
    fill = it.pick("bars", "bars", "bars", "wires", "wires", "glass", "scrolls", "squares", "sheet", "diagonal", "mesh")
    corner = it.p(.3)
    rail_w, rail_h = tb * it.u(1, 1.6), it.pick(None, tb * .5)
    def run(length, place):
        """One straight run, built along x and then put in place."""
        start, k = len(it.sdl), max(1, round(length / (w / n)))
        for i in range(k + 1):
            x = length * i / k
            it.beam((x, base, 0), (x, base + h, 0))
            it.box((x - .06, base, -.06), (x + .06, base + .01, .06), it.metal)
        it.beam((-.05, base + h, 0), (length + .05, base + h, 0), rail_w, rail_h, hand)
        if fill not in ("wires", "sheet", "glass"): it.beam((0, y0, 0), (length, y0, 0), tb * .7)
        under = base + h - it.pick(0, .08)
        for i in range(k):
            infill(it, length * i / k, length * (i + 1) / k, y0, under, 0, styles=[fill])
        it.sdl[start:] = ["union{%s %s}" % (" ".join(it.sdl[start:]), place)]
    run(w, "translate x*%.4f" % (-w/2))
    it.pts = [(p[0] - w/2, p[1], p[2]) for p in it.pts]
    if corner:
        keep, l2 = it.pts, it.u(.6, 1.6)
        run(l2, "rotate y*-90 translate x*%.4f" % (w/2))
        it.pts = keep + [(w/2, 0, l2), (w/2, base + h, l2)]
    if base:            # edge of a balcony or a low wall
        deep = it.u(1.2, 3)
        it.sdl.append("box{%s,%s texture{%s}}" % (vec((-w/2 - .3 - it.u(0, 2), -.01, -.15)), vec((w/2 + .3 + it.u(0, 2), base, deep)), it.pick("Stone", "Wall", "Brick")))
    it.outdoor, it.yaw = 0.5, it.pick(0, it.u(-40, 40), 180 + it.u(-40, 40)) if not base else it.u(-30, 30)
    it.wall = not base and it.p(.2)
    if it.wall: it.yaw = 0


def stairs(it):
    kind = it.pick("straight", "straight", "straight", "straight", "spiral", "spiral", "steps")
    width, tread = it.u(.75, 1.2), it.pick("Top", "Top", it.metal, "Stone")
    tb = max(it.tube, .035)
    rail = it.p(.6)
    if kind == "spiral":
        n, rad, col = it.r.randint(10, 15), it.u(.65, 1.0), it.u(.04, .08)
        turn, hgt = it.pick(-1, 1) * it.u(22, 32), it.u(.17, .21)
        it.rod((0, 0, 0), (0, n * hgt + (1 if rail else .1), 0), col)
        hand = []
        for i in range(n):
            y, a = (i + 1) * hgt, math.radians(i * turn)
            it.raw("intersection{cylinder{0,y*.03,%.3f} plane{z,%.3f rotate y*%.2f} plane{-z,%.3f rotate y*%.2f} plane{-x,0} rotate y*%.2f translate y*%.3f texture{%s}}"
                   % (rad, .05, -abs(turn) * .45, .05, abs(turn) * .45, -math.degrees(a), y - .03, tread))
            e = (rad * .95 * math.cos(a), y, rad * .95 * math.sin(a))
            it.pts += [(rad * math.cos(a), y, rad * math.sin(a)), (-rad * .7, y, -rad * .7)]
            hand.append((e[0], y + .9, e[2]))
            if rail: it.rod(e, hand[-1], .009)
        if rail: it.path(hand, .02)
    else:
        n = it.r.randint(3, 6) if kind == "steps" else it.r.randint(8, 15)
        rise, go = it.u(.16, .2), it.u(.22, .29)
        x, t = width/2, it.u(.006, .05)
        closed = it.p(.25)
        stringer = it.pick("sides", "sides", "mono", "zigzag")
        for i in range(n):
            y, z0 = (i + 1) * rise, i * go
            it.box((-x, y - t, z0 - .02), (x, y, z0 + go), tread)
            if closed: it.box((-x, y - rise, z0), (x, y - t, z0 + .01), it.pick(tread, it.metal))
        e, s = (n * rise, n * go), it.u(.14, .24)
        if stringer == "sides":
            for px in (-x - .006, x + .006):
                it.beam((px, 0, -.02), (px, e[0] - rise * .4, e[1]), .012, s)
        elif stringer == "mono":
            it.beam((0, -.02, .1), (0, e[0] - rise - .06, e[1] - .1), .1, .14)
        else:
            for px in (-x + .02, x - .02):
                for i in range(n):
                    it.beam((px, i * rise, i * go), (px, (i + 1) * rise - t, i * go), .04)
                    it.beam((px, (i + 1) * rise - t - .02, i * go), (px, (i + 1) * rise - t - .02, (i + 1) * go), .04)
        if rail:
            for px in it.pick((-x,), (x,), (-x, x), (-x, x)):
                it.beam((px, rise + .9, 0), (px, e[0] + .9, e[1] - go), tb, None, it.pick(it.metal, "Wood"))
                every = it.pick(1, 1, 2, 3)
                for i in range(0, n, every):
                    it.rod((px, (i + 1) * rise, (i + .0) * go), (px, (i + 1) * rise + .9, i * go), .009 if every == 1 else .017)
                if every > 1:
                    for k in (.25, .5, .72):
                        it.rod((px, rise + .9 * k, 0), (px, e[0] + .9 * k, e[1] - go), .006)
        if it.p(.45) or kind == "steps":     # landing
            deep = it.u(.6, 1.2)
            it.box((-x, e[0] - t, e[1]), (x, e[0], e[1] + (deep if kind == "steps" else .4)), tread)
            if kind == "steps":
                for px in (-x + .03, x - .03): it.beam((px, 0, e[1] + deep - .05), (px, e[0], e[1] + deep - .05))
        # centre it
        c = e[1] / 2
        it.sdl = ["union{%s translate z*%.4f}" % (" ".join(it.sdl), -c)]
        it.pts = [(p[0], p[1], p[2] - c) for p in it.pts]
    it.outdoor, it.yaw = 0.35, it.pick(it.u(-75, 75), it.u(-75, 75), 90, -90, it.u(100, 260))


# ------------------------------------------------------- materials and scene

def rgb(r, base, spread=0.06):
    """An sRGB colour near base (0..1)."""
    k = r.uniform(-spread, spread)
    return "srgb<%s>" % ",".join("%.3f" % min(1, max(0, c + k + r.uniform(-spread, spread) / 3)) for c in base)


def any_colour(r):
    import colorsys
    return colorsys.hsv_to_rgb(r.random(), r.choice([r.uniform(0, .25), r.uniform(.2, .8)]), r.uniform(.2, .95))


def metal_texture(r, stage):
    if stage == "bare":
        c = r.choice([(.33, .34, .37), (.45, .46, .48), (.25, .24, .25), (.42, .33, .28)])
        return ("texture{pigment{bozo color_map{[0 %s][.6 %s][1 %s]} scale %.3f} finish{ambient .1 diffuse .6 specular %.2f roughness .04 metallic}}"
                % (rgb(r, c), rgb(r, c), rgb(r, (.4, .28, .2)), r.uniform(.02, .2), r.uniform(.1, .7)))
    if stage == "primed":
        c = r.choice([(.55, .56, .57), (.45, .25, .2), (.68, .67, .62), (.38, .4, .42), (.6, .35, .25)])
        return "texture{pigment{%s} finish{ambient .1 diffuse .75}}" % rgb(r, c)
    kind = r.choice(["black", "black", "black", "white", "grey", "colour", "steel", "brass", "rust"])
    if kind == "rust":
        return ("texture{pigment{granite color_map{[0 %s][1 %s]} scale .3} finish{ambient .1 diffuse .7}}"
                % (rgb(r, (.5, .27, .14)), rgb(r, (.33, .17, .1))))
    c = {"black": (.1, .1, .1), "white": (.9, .9, .88), "grey": (.35, .37, .4), "colour": any_colour(r),
         "steel": (.72, .73, .75), "brass": (.75, .6, .32)}[kind]
    refl = r.uniform(.1, .35) if kind in ("steel", "brass") else r.choice([0, 0, .04])
    return ("texture{pigment{%s} finish{ambient .1 diffuse .65 specular %.2f roughness %.3f reflection %.2f}}"
            % (rgb(r, c), r.uniform(.05, .6), r.uniform(.005, .08), refl))


def wood_texture(r):
    a = r.choice([(.72, .54, .34), (.55, .37, .2), (.38, .24, .14), (.82, .7, .52), (.6, .42, .3), (.3, .24, .2)])
    b = tuple(c * r.uniform(.55, .85) for c in a)
    return ("texture{pigment{wood color_map{[0 %s][.7 %s][1 %s]} turbulence %.2f scale %.3f rotate<%d,%d,%d>} finish{ambient .1 diffuse .7 specular %.2f}}"
            % (rgb(r, a), rgb(r, a), rgb(r, b), r.uniform(.03, .2), r.uniform(.02, .07), r.uniform(-4, 4),
               90 + r.uniform(-6, 6), r.uniform(-4, 4), r.uniform(0, .3)))


def stone_texture(r):
    c = r.choice([(.85, .84, .82), (.5, .5, .5), (.2, .2, .22), (.65, .58, .5)])
    return ("texture{pigment{granite turbulence .6 color_map{[0 %s][.5 %s][1 %s]} scale %.2f} finish{ambient .1 diffuse .7 specular .3 reflection %.2f}}"
            % (rgb(r, c), rgb(r, c), rgb(r, c, .2), r.uniform(.2, .9), r.choice([0, 0, .08])))


GLASS = "texture{pigment{srgbt<.85,.93,.92,%.2f>} finish{ambient .02 diffuse .2 specular .7 roughness .005 reflection .12}}"


def plain(r, c=None, spread=.08):
    return "texture{pigment{%s} finish{ambient .1 diffuse .75}}" % rgb(r, c or any_colour(r), spread)


def brick_texture(r):
    c = r.choice([(.6, .32, .24), (.5, .4, .33), (.8, .78, .75), (.42, .24, .2)])
    s = r.uniform(.8, 1.2)
    return ("texture{pigment{brick color %s, color %s brick_size<%.3f,%.3f,%.3f> mortar .012} finish{ambient .1 diffuse .7}}"
            % (rgb(r, (.7, .68, .64)), rgb(r, c), .24 * s, .075 * s, .115 * s))


def floor_texture(r, place):
    kind = r.choice({"workshop": ["concrete", "concrete", "concrete", "tiles", "planks"],
                     "room": ["planks", "planks", "tiles", "concrete", "carpet"],
                     "outdoor": ["grass", "asphalt", "pavers", "gravel", "concrete"]}[place])
    if kind == "concrete":
        c = r.choice([(.55, .54, .52), (.42, .42, .42), (.68, .67, .64)])
        return ("texture{pigment{bozo turbulence .7 color_map{[0 %s][.7 %s][1 %s]} scale %.2f} finish{ambient .1 diffuse .7 reflection %.2f}}"
                % (rgb(r, c), rgb(r, c), rgb(r, c, .2), r.uniform(.1, .9), r.choice([0, 0, 0, .06])))
    if kind == "tiles":
        s, c = r.uniform(.2, .6), r.choice([(.75, .73, .7), (.5, .5, .52), (.65, .5, .4), (.9, .9, .88)])
        return ("texture{pigment{brick color %s, color %s brick_size<%.2f,10,%.2f> mortar .008 translate y*-5} rotate y*%d finish{ambient .1 diffuse .7 reflection %.2f}}"
                % (rgb(r, (.5, .5, .5)), rgb(r, c), s, s, r.choice([0, 0, 45]), r.choice([0, .05])))
    if kind == "planks":
        a = r.choice([(.62, .45, .3), (.45, .32, .22), (.75, .62, .45), (.5, .47, .43)])
        b = tuple(c * r.uniform(.75, .95) for c in a)
        s = r.uniform(.08, .2)
        return ("texture{brick texture{pigment{%s}}, texture{pigment{wood turbulence .15 color_map{[0 %s][1 %s]} scale .06 rotate<3,90,0>} finish{ambient .1 diffuse .7 reflection %.2f}} brick_size<1.4,10,%.2f> mortar .006 translate y*-5 rotate y*%d}"
                % (rgb(r, tuple(c * .5 for c in a)), rgb(r, a), rgb(r, b), r.choice([0, .04]), s, r.choice([0, 90, 30])))
    if kind == "pavers":
        c = r.choice([(.55, .53, .5), (.6, .42, .35)])
        return ("texture{pigment{brick color %s, color %s brick_size<.2,10,.1> mortar .01 translate y*-5} rotate y*%d finish{ambient .1 diffuse .7}}"
                % (rgb(r, (.35, .34, .3)), rgb(r, c), r.choice([0, 45, 90])))
    c, k, s = {"grass": ((.3, .42, .17), (.4, .5, .2), .05), "asphalt": ((.25, .25, .26), (.36, .36, .36), .02),
               "gravel": ((.6, .57, .52), (.4, .38, .35), .04), "carpet": (any_colour(r),) * 2 + (.01,)}[kind]
    return ("texture{pigment{bozo turbulence 1 color_map{[0 %s][1 %s]} scale %.3f} normal{bumps .4 scale %.3f} finish{ambient .1 diffuse .7}}"
            % (rgb(r, c), rgb(r, k), s, s))


def wall_texture(r, place):
    kind = r.choice({"workshop": ["plaster", "brick", "brick", "corrugated", "concrete", "plaster"],
                     "room": ["plaster", "plaster", "plaster", "stripes", "brick"],
                     "outdoor": ["plaster", "brick", "hedge", "corrugated", "concrete"]}[place])
    if kind == "brick": return brick_texture(r)
    if kind == "corrugated":
        return ("texture{pigment{%s} normal{gradient x %.2f sine_wave scale .15} finish{ambient .1 diffuse .7 specular .2}}"
                % (rgb(r, r.choice([(.6, .62, .64), (.35, .42, .5), (.7, .68, .6)])), r.uniform(.5, 1.5)))
    if kind == "hedge":
        return "texture{pigment{bozo turbulence 1 color_map{[0 %s][1 %s]} scale .08} normal{bumps 1 scale .05} finish{ambient .1 diffuse .6}}" % (
            rgb(r, (.16, .28, .1)), rgb(r, (.3, .42, .18)))
    if kind == "concrete":
        return "texture{pigment{bozo turbulence .8 color_map{[0 %s][1 %s]} scale .6} finish{ambient .1 diffuse .7}}" % (
            rgb(r, (.6, .6, .58)), rgb(r, (.5, .5, .49)))
    c = r.choice([(.92, .9, .86), (.85, .83, .78), (.7, .72, .72), (.8, .75, .65), any_colour(r)])
    if kind == "stripes":
        return "texture{pigment{gradient x color_map{[0 %s][.5 %s][.5 %s][1 %s]} scale %.2f} finish{ambient .1 diffuse .7}}" % (
            rgb(r, c), rgb(r, c), rgb(r, c, .1), rgb(r, c, .1), r.uniform(.1, .6))
    return "texture{pigment{bozo color_map{[0 %s][1 %s]} scale 1.5} finish{ambient .12 diffuse .75}}" % (rgb(r, c, .02), rgb(r, c, .02))


def hides(cam, x, z, lo, hi, radius=.5):
    """Would a thing at (x, z) stand between this camera and the item?"""
    eye = cam[0]
    def bearing(px, pz): return math.atan2(px - eye[0], pz - eye[2])
    corners = [(px, pz) for px in (lo[0], hi[0]) for pz in (lo[2], hi[2])]
    far = max(math.dist(c, (eye[0], eye[2])) for c in corners)
    mine = math.dist((x, z), (eye[0], eye[2]))
    if mine < 1.2: return True
    if mine > far: return False
    mid = bearing((lo[0] + hi[0]) / 2, (lo[2] + hi[2]) / 2)
    def turn(a): return (a - mid + math.pi) % (2 * math.pi) - math.pi
    angles = [turn(bearing(*c)) for c in corners]
    slack = math.atan2(radius, mine)
    return min(angles) - slack < turn(bearing(x, z)) < max(angles) + slack


def seat(r, x, z, yaw):
    """A plain chair: it belongs to the scene and shows how large things are."""
    legs = " ".join("cylinder{<%.2f,0,%.2f>,<%.2f,.45,%.2f>,.015}" % (px, pz, px, pz) for px in (-.2, .2) for pz in (-.2, .2))
    return ("union{%s box{<-.22,.43,-.22>,<.22,.46,.22>} box{<-.22,.6,.19>,<.22,.88,.22>} box{<-.21,.45,.19>,<-.18,.88,.22>}"
            " box{<.18,.45,.19>,<.21,.88,.22>} rotate y*%.1f translate<%.3f,0,%.3f> texture{%s}}"
            % (legs, yaw, x, z, r.choice(["Clutter1", "Wood", "Metal2"])))


def clutter(r, lo, hi, z_wall, place, cams):
    """Things around the item, none of them in the line of sight."""
    out = []
    for _ in range(r.choice([0, 0, 1, 2, 3, 4, 6] if place == "workshop" else [0, 0, 0, 1, 2, 3])):
        side = r.choice([-1, 1])
        x = (hi[0] if side > 0 else lo[0]) + side * r.uniform(.25, 2.5)
        z = r.uniform(lo[2] - .5, max(z_wall - .3, lo[2])) if r.random() < .8 else z_wall - .3
        if r.random() < .3: x, z = r.uniform(lo[0], hi[0]), max(z_wall - .25, hi[2] + .25)
        if any(hides(c, x, z, lo, hi) for c in cams): continue
        tex = r.choice(["Clutter1", "Clutter2", "Clutter3", "Wood", "Metal2"])
        k = r.randrange(9)
        if k == 0:      # crate or toolbox
            s = r.uniform(.2, .5)
            o = "box{<-%.2f,0,-%.2f>,<%.2f,%.2f,%.2f>}" % (s, s * .6, s, s * r.uniform(.6, 1.4), s * .6)
        elif k == 1:    # gas bottle
            o = "union{cylinder{0,y*1.2,.11} sphere{y*1.2,.11} cylinder{y*1.2,y*1.38,.03}}"
        elif k == 2:    # bucket
            o = "cone{0,.11,y*.3,.15}"
        elif k == 3:    # leaning planks or tubes
            o = "union{%s}" % " ".join("box{<%.2f,0,0>,<%.2f,%.2f,.03> rotate x*%.1f}" % (
                i * .12, i * .12 + .08, r.uniform(1.2, 2.4), r.uniform(6, 12)) for i in range(r.randint(1, 4)))
            if any(hides(c, x, z_wall - .45, lo, hi) for c in cams): continue
            z = z_wall - .45
        elif k == 4:    # ball of a plant on a pot
            o = "union{cone{0,.12,y*.3,.16 texture{Clutter2}} sphere{y*.65,.36 texture{Hedge} scale<1,%.2f,1>}}" % r.uniform(.8, 1.5)
        elif k == 5:    # stack of plates
            o = "union{%s}" % " ".join("box{<-.5,%.3f,-.3>,<.5,%.3f,.3> rotate y*%d}" % (i * .04, i * .04 + .035, r.uniform(-5, 5)) for i in range(r.randint(2, 8)))
        elif k == 6:    # drum
            o = "cylinder{0,y*.85,.29}"
        elif k == 7:    # tubes lying on the floor
            o = "union{%s rotate y*%d}" % (" ".join("cylinder{<-1,.03,%.2f>,<1,.03,%.2f>,.025}" % (i * .06, i * .06) for i in range(r.randint(2, 6))), r.uniform(0, 180))
        else:           # post, lamp or column
            o = "union{cylinder{0,y*.03,.16} cylinder{0,y*1.5,.02} cone{y*1.45,.2,y*1.75,.11}}"
        out.append("object{%s rotate y*%d translate<%.3f,0,%.3f> texture{%s}}" % (o, r.uniform(0, 360) if k not in (3,) else 0, x, z, tex))
    if r.random() < .3:             # a door: two metres tall, whatever the item is
        x, w = (lo[0] + hi[0]) / 2 + r.choice([-1, 1]) * r.uniform(.4, 3.2), r.uniform(.4, .45)
        out.append("union{box{<%.3f,0,-.02>,<%.3f,2.05,0> texture{Sheet}} box{<%.3f,0,-.03>,<%.3f,2,0> texture{%s}}"
                   " sphere{<%.3f,1.05,-.06>,.03 texture{Handle}} translate<%.3f,0,%.3f>}"
                   % (-w - .06, w + .06, -w, w, r.choice(["Clutter2", "Wood", "Sheet"]), w - .08, x, z_wall))
    if place != "outdoor" and r.random() < .4:       # socket or switch
        x, y = r.uniform(lo[0] - 1, hi[0] + 1), r.choice([.3, 1.1])
        out.append("box{<%.3f,%.2f,%.3f>,<%.3f,%.2f,%.3f> texture{Sheet}}" % (x, y, z_wall - .015, x + .085, y + .085, z_wall))
    if place != "outdoor" and r.random() < .3:       # picture, window or sign
        x, y, w, h = r.uniform(lo[0] - 1, hi[0] + 1), r.uniform(1.3, 2), r.uniform(.3, 1), r.uniform(.3, .8)
        out.append("box{<%.2f,%.2f,%.3f>,<%.2f,%.2f,%.3f> texture{Clutter3}}" % (x, y, z_wall - .03, x + w, y + h, z_wall))
    return out


def fit_camera(r, lo, hi, yaw, frontal):
    """A viewpoint from which the item's box fills a good part of the frame and is not cut off."""
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    corners = np.array([(x * c + z * s, y, -x * s + z * c)       # POV-Ray's rotate y (left-handed)
                        for x in (lo[0], hi[0]) for y in (lo[1], hi[1]) for z in (lo[2], hi[2])])
    a, b = corners.min(0), corners.max(0)
    for _ in range(60):
        centre = (a + b) / 2 + np.array([r.uniform(-.06, .06), r.uniform(-.06, .06), 0]) * (b - a)
        for _ in range(50):         # flat things are not photographed edge-on
            az = math.radians(max(-68, min(68, r.gauss(0, 35))))
            if abs(math.cos(az - math.radians(yaw))) > frontal: break
        el = math.radians(r.choice([r.uniform(2, 18), r.uniform(8, 30), r.uniform(20, 42)]))
        angle = r.uniform(30, 72)
        half = math.tan(math.radians(angle / 2))
        fwd = np.array([math.sin(az) * math.cos(el), -math.sin(el), math.cos(az) * math.cos(el)])
        lim = half / r.uniform(1.0, 1.35)
        dist = 0.5
        while dist < 40 and not seen(corners, centre - fwd * dist, centre)[1] < lim: dist *= 1.04
        eye = centre - fwd * dist
        eye[1] = min(max(eye[1], .25), 2.5)         # a person holds the camera
        low, high = seen(corners, eye, centre)
        if high < half * 1.04 and low > half * .62: break
    return eye, centre, angle, r.gauss(0, 1.5), a, b


def seen(corners, eye, centre):
    """How far the box reaches from the picture's centre: half its larger side, and its furthest corner."""
    fwd = (centre - eye) / np.linalg.norm(centre - eye)
    right = np.cross([0, 1, 0], fwd); right /= np.linalg.norm(right)
    up = np.cross(fwd, right)
    v = corners - eye
    depth = v @ fwd
    if depth.min() < .15: return 0, 1e9
    x, y = v @ right / depth, v @ up / depth
    return max(np.ptp(x), np.ptp(y)) / 2, max(np.abs(x).max(), np.abs(y).max())


def scene(seed, views=2, width=1, height=1, build=None):
    """POV-Ray source with one frame per viewpoint, and its class.

    The item is framed by the central square of a width x height picture. It is of the seed's class,
    or what `build`, a function like those above, makes of it.
    """
    r = random.Random(seed * 7919 + 13)
    build = build or globals()[CLASSES[seed % len(CLASSES)]]
    name = build.__name__
    stage = r.choice(["bare", "primed", "finished", "finished", "finished"])
    it = Item(r, stage)
    build(it)
    lo, hi = it.extent()
    place = "outdoor" if r.random() < it.outdoor else r.choice(["workshop", "room"] if stage == "finished" else ["workshop", "workshop", "workshop", "room"])
    yaw = it.yaw if it.yaw is not None else r.choice([0, r.uniform(-40, 40), r.uniform(0, 360), 90, 180])
    if it.wall: yaw = round(yaw / 90) * 90 if name == "bed" else 0
    cams = [fit_camera(r, lo, hi, yaw, it.frontal) for _ in range(views)]
    a, b = cams[0][4], cams[0][5]
    z_wall = b[2] + (r.uniform(0, .06) if it.wall else r.choice([r.uniform(.05, .6), r.uniform(.5, 4)]))
    has_wall = it.wall or place != "outdoor" or r.random() < .5
    top = r.choice(["wood", "wood", "wood", "stone", "metal", "glass"])
    tops = {"wood": wood_texture(r), "stone": stone_texture(r), "metal": metal_texture(r, stage), "glass": "texture{pigment{srgbt<.8,.92,.9,.7>} finish{ambient .02 diffuse .25 specular .7 roughness .005 reflection .15}}"}
    if name in ("bed", "shelf", "cabinet", "stairs") and top == "glass": top = "wood"
    tex = {"Metal": metal_texture(r, stage), "Metal2": metal_texture(r, "bare"), "Top": tops[top], "Wood": wood_texture(r),
           "Stone": stone_texture(r), "Brick": brick_texture(r), "Glass": GLASS % r.uniform(.6, .9), "Accent": r.choice([plain(r), metal_texture(r, stage)]),
           "Dark": plain(r, (.08, .08, .08)), "Handle": r.choice([plain(r, (.1, .1, .1)), metal_texture(r, "finished")]),
           "Cushion": plain(r), "Sheet": plain(r, (.88, .88, .86)), "Pillow": plain(r, (.9, .88, .85)),
           "Mirror": "texture{pigment{srgb<.6,.65,.68>} finish{ambient .05 diffuse .3 reflection .6}}",
           "Hedge": "texture{pigment{bozo turbulence 1 color_map{[0 srgb<.15,.27,.1>][1 srgb<.35,.48,.2>]} scale .06} finish{ambient .1 diffuse .6}}",
           "Floor": floor_texture(r, place), "Wall": wall_texture(r, place),
           "Clutter1": plain(r), "Clutter2": plain(r), "Clutter3": plain(r)}
    s = ["#version 3.7;", "global_settings{assumed_gamma 1 max_trace_level 4}"]
    s += ["#declare %s=%s;" % (k, v if v.startswith("texture") else "texture{%s}" % v) for k, v in tex.items()]
    s.append("#switch(frame_number)")
    wide, tall = width / min(width, height), height / min(width, height)
    for i, (eye, at, angle, roll, *_) in enumerate(cams):
        s.append("#case(%d) camera{location %s right x*%.4f up y*%.4f angle %.2f sky vrotate(y,z*%.2f) look_at %s} #break" % (
            i + 1, vec(eye), wide, tall, math.degrees(2 * math.atan(wide * math.tan(math.radians(angle / 2)))), roll, vec(at)))
    s.append("#end")
    s.append("union{%s rotate y*%.3f}" % ("\n".join(it.sdl), yaw))
    if place == "outdoor":
        s.append("sky_sphere{pigment{gradient y color_map{[0 %s][.6 %s]}}}" % (rgb(r, (.85, .88, .92)), rgb(r, (.5, .65, .88), .12)))
    else:
        s.append("background{%s}" % rgb(r, (.7, .7, .68), .2))
    s.append("plane{y,0 texture{Floor}}")
    if has_wall:
        if place == "outdoor" and r.random() < .6:
            s.append("box{<-60,0,%.3f>,<60,%.2f,%.3f> texture{Wall}}" % (z_wall, r.uniform(1, 3.5), z_wall + .3))
        else:
            s.append("plane{-z,%.3f texture{Wall}}" % -z_wall)
        if place != "outdoor" and r.random() < .35:      # a second wall
            side = r.choice([-1, 1])
            x = max(max(abs(c[0][0]) for c in cams), abs(a[0]), abs(b[0])) + r.uniform(.3, 2)
            s.append("plane{%s,%.3f texture{Wall rotate y*90}}" % ("-x" if side > 0 else "x", -x))
        if place == "room" and r.random() < .6:          # skirting board
            s.append("box{<-60,0,%.3f>,<60,.08,%.3f> texture{Sheet}}" % (z_wall - .012, z_wall + .01))
    s += clutter(r, a, b, z_wall if has_wall else b[2] + 2, place, cams)
    if it.seats:
        t = math.radians(yaw)
        for _ in range(r.randint(1, 4)):
            side, along = r.choice([-1, 1]), r.uniform(-.35, .35) * (hi[0] - lo[0])
            x, z = along, side * ((hi[2] - lo[2]) / 2 + r.uniform(.05, .45))
            wx, wz = x * math.cos(t) + z * math.sin(t), -x * math.sin(t) + z * math.cos(t)
            if wz + .3 > z_wall: continue
            if all(math.dist((wx, wz), (c[0][0], c[0][2])) > math.dist((0, 0), (c[0][0], c[0][2])) + .2 for c in cams):
                s.append(seat(r, wx, wz, yaw + (0 if side > 0 else 180) + r.uniform(-20, 20)))
    if it.path_width and place == "outdoor" and r.random() < .6:
        s.append("box{<%.3f,0,-30>,<%.3f,.006,30> rotate y*%.2f texture{Stone}}" % (-it.path_width / 2, it.path_width / 2, yaw))
    size = float(np.linalg.norm(b - a))
    az, el, dist = math.radians(r.uniform(-75, 75)), math.radians(r.uniform(28, 75)), 4 + size
    pos = (-math.sin(az) * math.cos(el) * dist, math.sin(el) * dist, -math.cos(az) * math.cos(el) * dist)
    warm = r.uniform(-.12, .12)
    key = r.uniform(.65, 1.15)
    soft = r.choice([.3, 1, 2.5]) if place != "outdoor" else .25
    area = " area_light x*%.2f,z*%.2f,3,3 adaptive 0 jitter" % (soft, soft) if soft > .5 else ""
    s.append("light_source{%s color rgb<%.3f,%.3f,%.3f>%s}" % (vec(pos), key * (1 + warm), key, key * (1 - warm), area))
    fill = r.uniform(.15, .6)
    s.append("light_source{%s color rgb %.3f shadowless}" % (vec((r.uniform(-6, 6), r.uniform(1, 6), -8)), fill))
    return "\n".join(s), name, stage


# ------------------------------------------------------------------- photos

def photo(image, r, noise=1.0):
    """What a hand-held phone does to the picture."""
    im = image.convert("RGB")
    mean = np.asarray(im, np.float32).mean() + 1           # auto exposure, about right
    gain = (r.uniform(90, 150) / mean) ** .8
    im = ImageEnhance.Brightness(im).enhance(min(gain, 2.5))
    im = ImageEnhance.Contrast(im).enhance(r.uniform(.8, 1.2))
    im = ImageEnhance.Color(im).enhance(r.uniform(.6, 1.25))
    if r.random() < .6: im = im.filter(ImageFilter.GaussianBlur(r.uniform(.1, .9)))
    a = np.asarray(im, np.float32)
    grain = np.random.default_rng(r.randrange(1 << 30)).normal(0, noise * r.uniform(0, 7) + 1e-6, a.shape)
    return Image.fromarray(np.clip(a + grain, 0, 255).astype(np.uint8))


def shoot(seed, width, height, views=2, wanted=None, noise=1.0, build=None):
    """Yields photos of one item, the first `wanted` of its `views` viewpoints, and its random numbers."""
    wanted = wanted or views
    source, name, _ = scene(seed, views, width, height, build)
    r = random.Random(seed)
    with tempfile.TemporaryDirectory() as tmp:
        pov = os.path.join(tmp, "s.pov")
        with open(pov, "w") as f: f.write(source)
        done = subprocess.run(["povray", "+I" + pov, "+O" + os.path.join(tmp, "s.png"), "+FN", "+W%d" % width, "+H%d" % height,
                               "+A0.4", "+R2", "-D", "+WT1", "-GA", "+KFI1", "+KFF%d" % max(views, 2), "+SF1", "+EF%d" % wanted],
                              capture_output=True, text=True)
        if done.returncode: raise RuntimeError("item %d (%s): %s" % (seed, name, done.stderr[-600:]))
        pngs = sorted(f for f in os.listdir(tmp) if f.endswith(".png"))
        for png in pngs: yield photo(Image.open(os.path.join(tmp, png)), r, noise), r


def render_item(job):
    """Renders and saves the photos of one item; returns an error text or None."""
    seed, out, width, height, views = job
    names = [os.path.join(out, "%06d_%s_%d.jpg" % (seed, CLASSES[seed % 10], v)) for v in range(views)]
    if all(map(os.path.exists, names)): return None
    try:
        for path, (im, r) in zip(names, shoot(seed, width, height, views)):
            im.save(path + ".part", "JPEG", quality=r.randint(60, 95))
            os.replace(path + ".part", path)
    except RuntimeError as error:
        return str(error)
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out"); ap.add_argument("first", type=int); ap.add_argument("last", type=int)
    ap.add_argument("--width", type=int, default=224); ap.add_argument("--height", type=int, default=224)
    ap.add_argument("--views", type=int, default=2)
    ap.add_argument("--jobs", type=int, default=8, help="POV-Ray processes; each mostly waits")
    o = ap.parse_args()
    os.makedirs(o.out, exist_ok=True)
    jobs = ((seed, o.out, o.width, o.height, o.views) for seed in range(o.first, o.last))
    with multiprocessing.Pool(o.jobs) as pool:
        for error in pool.imap(render_item, jobs):
            if error: print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
