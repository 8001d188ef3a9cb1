#!/usr/bin/python3
"""Makes the sample archive: photos of test items, filed the way people file them.

  make_samples.py SAMPLES SAMPLES.tsv [--jobs 4]

Items 900000..900029, three of each class, which no model was trained on and
which no model has looked at before they were chosen. The folders are customers
and projects, not classes. The table says for each file what it shows, what is
awkward about it and what must become of it:
filed, duplicate (the same bytes as another file), failed or skipped.
"""
import argparse, io, multiprocessing, os, random, shutil, sys
from PIL import Image, ImageOps
import generate

FIRST = 900000
SIZES = [(1280, 960), (1024, 768), (960, 1280), (1200, 900), (768, 1024), (1600, 1200)]
MOST_BYTES = 130000

# Item n goes to folder PLACES[n], an order drawn once so that every folder has mixed classes.
FOLDERS = ["2023-04 Villa Lindqvist/stairs site visit", "2023-04 Villa Lindqvist/delivery",
           "2023-06 Café Nöbel/first fitting", "2022-11 O'Connor & Sons - pub refit",
           "2024-01 山田様邸/納品", "workshop bench/2024-02-19", "workshop bench/paint shop",
           "Ferreira (Porto)/entrega 🚚", "phone/DCIM/100MEDIA", "2021 old laptop/Desktop/to sort"]
NAMES = ["IMG_%04d.JPG", "DSC%05d.jpg", "%08d_143012.jpg", "IMG_%04d.jpeg", "P%07d.JPG"]

LONG_ASCII = ("final final version for the customer, second visit, please do not delete, " * 4)[:251] + ".jpg"
LONG_CJK = "階段と手摺の現場写真" * 8 + "階" * 3 + ".v2" + ".jpg"        # cut to 255 bytes below


def shorten(name, limit=255):
    """Cuts a name to at most `limit` bytes of UTF-8, keeping its ending and whole characters."""
    stem, ending = os.path.splitext(name)
    while len((stem + ending).encode()) > limit: stem = stem[:-1]
    return stem + "x" * (limit - len((stem + ending).encode())) + ending


# What is awkward about item n's first photo: (short name, text for the table).
AWKWARD = {
    1: ("orientation 6", "EXIF orientation 6"),
    4: ("orientation 8", "EXIF orientation 8"),
    8: ("orientation 3", "EXIF orientation 3"),
    12: ("orientation 6", "EXIF orientation 6"),
    3: ("progressive", "progressive JPEG"),
    17: ("progressive", "progressive JPEG"),
    6: ("grey", "greyscale JPEG"),
    15: ("cmyk", "CMYK JPEG with Adobe marker"),
    9: ("large", "12 megapixels"),
    13: ("png", "PNG"),
    18: ("named png", "JPEG named .png"),
    10: ("name", "umlauts in the name", "Geländer für Frau Größmann (Übergröße).jpg"),
    11: ("name", "CJK name", "作業台の写真.jpg"),
    14: ("name", "emoji in the name", "nearly done 🎉🔧.jpg"),
    16: ("name", "umlaut as letter and combining mark (NFD)", "fu\u0308r Mu\u0308ller.jpg"),
    19: ("name", "name of 255 bytes", shorten(LONG_ASCII)),
    20: ("name", "CJK name of 255 bytes", shorten(LONG_CJK)),
    21: ("name", "spaces, quotes, per cent and hash in the name", "100% 'ready' #2 ; final  .jpg"),
    22: ("name", "name begins with a dash, ending .JpEg", "-rf.JpEg"),
}


def plan():
    """(item, views, size, kind, remark, folder, names) for every photo to render."""
    r = random.Random(20)
    places = [f for f in FOLDERS for _ in range(3)]
    r.shuffle(places)
    jobs, taken = [], set()
    for n, folder in enumerate(places):
        kind, remark, *name = AWKWARD.get(n, ("", ""))
        views = 1 if kind in ("large", "png") else 2 if n % 2 or n > 24 else 1
        size = {"large": (4000, 3000), "png": (512, 384)}.get(kind) or SIZES[n % len(SIZES)]
        number = r.randrange(1, 9000)
        names = []
        for v in range(views):
            new = NAMES[FOLDERS.index(folder) % len(NAMES)] % (number + v)
            if v == 0 and name: new = name[0]
            if v == 0 and kind == "png": new = "screenshot 2023-06-02 at 10.15.33.png"
            if v == 0 and kind == "named png": new = os.path.splitext(new)[0] + ".png"
            names.append(new)
        jobs.append([n, views, size, kind, remark, folder, names])
    # The same name in two folders, with different photos.
    jobs[0][6][0] = jobs[2][6][0] = "IMG_0412.JPG"
    for j in (jobs[0], jobs[2]): j[4] = "same name in two folders, different photos"
    assert jobs[0][5] != jobs[2][5]
    for _, _, _, _, _, folder, names in jobs:
        for name in names:
            assert (folder, name.lower()) not in taken, (folder, name)
            taken.add((folder, name.lower()))
    return jobs


def encode(im, n, kind, view):
    """The file's bytes; quality goes down until they are few enough."""
    im = im.convert("RGB")
    exif = Image.Exif()
    when = "2023:%02d:%02d %02d:%02d:%02d" % (n % 12 + 1, n % 27 + 1, 8 + n % 9, (n * 7) % 60, (n * 13 + view) % 60)
    exif[0x0132] = when                     # DateTime
    exif[0x8769] = {0x9003: when}           # Exif IFD: DateTimeOriginal
    kind = kind if view == 0 else ""
    if kind.startswith("orientation"):
        k = int(kind[-1])
        # Stored turned, so that the viewer's turn makes it upright.
        im = im.transpose({6: Image.ROTATE_90, 8: Image.ROTATE_270, 3: Image.ROTATE_180}[k])
        exif[0x0112] = k
    if kind == "grey": im = ImageOps.grayscale(im)
    if kind == "cmyk": im = im.convert("CMYK")
    out = io.BytesIO()
    if kind == "png":
        im.save(out, "PNG", optimize=True)
        return out.getvalue()
    for quality in range(85, 20, -5):
        out = io.BytesIO()
        im.save(out, "JPEG", quality=quality, progressive=kind == "progressive", exif=exif)
        if len(out.getvalue()) <= (900000 if kind == "large" else MOST_BYTES): break
    return out.getvalue()


def make(job):
    n, views, (w, h), kind, remark, folder, names = job
    photos = [im for im, _ in generate.shoot(FIRST + n, w, h, views=2, wanted=views, noise=.15)]
    return [(folder, name, encode(im, n, kind, v), generate.CLASSES[n % 10], remark if v == 0 else "")
            for v, (im, name) in enumerate(zip(photos, names))]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder"); ap.add_argument("table"); ap.add_argument("--jobs", type=int, default=4)
    o = ap.parse_args()
    if os.path.exists(o.folder): sys.exit("%s exists" % o.folder)
    with multiprocessing.Pool(o.jobs) as pool:
        made = [p for item in pool.imap(make, plan(), chunksize=1) for p in item]
    rows = []

    def put(folder, name, data, label, remark, outcome):
        assert len(name.encode()) <= 255 and "\t" not in name
        path = os.path.join(o.folder, folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        assert not os.path.exists(path), path
        with open(path, "wb") as f: f.write(data)
        rows.append((os.path.relpath(path, o.folder), label, remark or "-", outcome))

    for folder, name, data, label, remark in made: put(folder, name, data, label, remark, "filed")
    # Copies, and files that are no good.
    for k, (folder, name) in ((5, ("2021 old laptop/Desktop/to sort/copies", None)), (20, ("phone/DCIM/100MEDIA", "Copy of the one for the office.jpg")),
                              (33, ("2023-04 Villa Lindqvist/delivery", None))):
        _, old, data, label, _ = made[k]
        put(folder, name or old, data, label, "same bytes as " + os.path.relpath(os.path.join(made[k][0], old), "."), "duplicate")
    put("2022-11 O'Connor & Sons - pub refit", "IMG_7731.JPG", made[2][2][:len(made[2][2]) * 45 // 100], "-", "JPEG cut short", "failed")
    put("2021 old laptop/Desktop/to sort", "IMG_0001.jpg", b"", "-", "empty file", "failed")
    put("2021 old laptop/Desktop/to sort", "read me.jpg", b"This is not a photo. Somebody renamed a text file.\n", "-", "text file named .jpg", "failed")
    put("workshop bench/2024-02-19", "notes.txt", b"Lindqvist: stairs want a second coat.\nO'Connor: wait for the oak.\n", "-", "plain text", "skipped")
    with open(o.table, "w") as f:
        f.write("path\tclass\tawkward\texpected\n")
        for row in sorted(rows): f.write("\t".join(row) + "\n")
    size = sum(len(d) for *_, d, _, _ in made)
    print("%d files, %.2f MB of photos" % (len(rows), size / 1e6))


if __name__ == "__main__":
    main()
