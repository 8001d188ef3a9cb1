"""Compares the figures of `cubby check` with scikit-learn's on the predictions of `cubby classify`, and
reads its HTML report: well-formed, nothing loaded from elsewhere, hostile names harmless, and the same
numbers as in the JSON.

usage: check_test.py BUILD_DIR
"""
import base64
import html.parser
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    from PIL import Image
    from sklearn import metrics
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

STUB = Path(sys.argv[1]).resolve() / "cubby_stub"
MAKE = Path(__file__).resolve().parents[1] / "cli" / "lib" / "make_confused.py"
CLASSES = ["red", "green", "blue", "grey"]
HOSTILE = [b"<script>alert(1)<.ppm", b"\"' onerror='alert(1)' x=\".ppm", b"&lt;b&gt;&amp;.ppm",
           b"\xff\xfe not UTF-8.ppm", "\u202egpj.ppm".encode(), b"line\nbreak\x1b[31m.ppm",
           b"]]>--><!--<style>.ppm", "椅子 é.ppm".encode()]
VOID = {"meta", "br", "img"}


def cubby(*arguments):
    result = subprocess.run([STUB, *arguments], capture_output=True)
    assert result.returncode == 0, (arguments, result.returncode, result.stderr)
    return result.stdout.decode("utf-8")


def make_photos():
    subprocess.run([sys.executable, MAKE, "labelled", "17"], check=True)
    folder = b"labelled/red/<b>job & 1"
    os.makedirs(folder)
    for i, name in enumerate(HOSTILE):  # blue photos, so that each is a mistake
        pixels = bytes((30, 30, 230 - i)) * 400
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"P6\n20 20\n255\n" + pixels)


def predictions():
    """Of each photo: the true class, the probabilities of all."""
    truth, probabilities = [], []
    for line in map(json.loads, cubby("classify", "labelled", "--json").splitlines()):
        truth.append(CLASSES.index(line["path"].split("/")[1]))
        p = {t["class"]: t["p"] for t in line["top"]}
        probabilities.append([p[c] for c in CLASSES])
    return np.array(truth), np.array(probabilities)


def expected_calibration_error(truth, probabilities):
    """Guo et al. 2017, 15 bins (lo, hi], written independently."""
    best, confidence = probabilities.argmax(1), probabilities.max(1)
    bins = np.clip(np.ceil(confidence * 15 - 1e-5).astype(int) - 1, 0, 14)
    error = 0
    for b in range(15):
        here = bins == b
        if here.any():
            error += here.mean() * abs((best == truth)[here].mean() - confidence[here].mean())
    return error, np.bincount(bins, minlength=15)


def compare_with_sklearn(report, truth, probabilities):
    best = probabilities.argmax(1)
    assert report["files"]["checked"] == len(truth) == 17 * 4 + len(HOSTILE)
    assert abs(report["accuracy"] - metrics.accuracy_score(truth, best)) < 1e-6
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        truth, best, labels=range(4), zero_division=0)
    for i, row in enumerate(report["classes"]):
        assert row["class"] == CLASSES[i] and row["photos"] == support[i]
        assert abs(row["precision"] - precision[i]) < 1e-6, (row, precision[i])
        assert abs(row["recall"] - recall[i]) < 1e-6, (row, recall[i])
    matrix = np.zeros((4, 4), int)
    for cell in report["confusion"]:
        matrix[CLASSES.index(cell["class"]), CLASSES.index(cell["predicted"])] = cell["photos"]
    assert (matrix == metrics.confusion_matrix(truth, best, labels=range(4))).all(), matrix
    loss = metrics.log_loss(truth, probabilities / probabilities.sum(1, keepdims=True), labels=range(4))
    assert abs(report["log_loss"] - loss) < 1e-4, (report["log_loss"], loss)
    error, counts = expected_calibration_error(truth, probabilities)
    assert abs(report["calibration_error"] - error) < 1e-4, (report["calibration_error"], error)
    assert [b["photos"] for b in report["calibration"]] == list(counts)
    above = probabilities.max(1) >= report["threshold"] - 1e-9
    assert report["above"] == above.sum() and 0 < above.sum() < len(truth)
    assert report["above_right"] == ((best == truth) & above).sum()
    assert report["accuracy_interval"][0] < report["accuracy"] < report["accuracy_interval"][1]
    wrong = np.flatnonzero(best != truth)
    assert len(report["mistakes"]) == min(60, len(wrong))
    for mistake, p in zip(report["mistakes"], sorted(probabilities.max(1)[wrong], reverse=True)):
        assert abs(mistake["p"] - p) < 1e-5


class Page(html.parser.HTMLParser):
    """Checks that elements nest, and keeps what the tests look at."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.names, self.attributes = [], [], []
        self.text, self.cells, self.row = [], [], None
        self.titles, self.circles, self.images, self.captions = [], 0, [], []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attributes]
        assert len({key for key, _ in attributes}) == len(attributes), (tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag == "title":
            self.titles.append("")
        if tag == "small":
            self.captions.append("")
        if tag == "img":
            self.images.append(dict(attributes))

    def handle_startendtag(self, tag, attributes):
        assert "svg" in self.open, f"<{tag}/> outside SVG"
        self.handle_starttag(tag, attributes)
        self.open.pop()
        self.circles += tag == "circle"

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data
        if "title" in self.open:
            self.titles[-1] += data
        if "small" in self.open:
            self.captions[-1] += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def shown(path):
    """How the page shows a name of the JSON."""
    text = re.sub("[\udc80-\udcff]", "\ufffd", path)
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]",
                  lambda m: "\\u{%x}" % ord(m[0]), text)


def percent(share):
    return f"{100 * share:.1f}\xa0%"


def read_page(report):
    data = Path("report.html").read_bytes()
    text = data.decode("utf-8")  # strictly
    assert text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>")
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open, page.open

    # Nothing from elsewhere, nothing that runs.
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "bdi", "div", "b", "br",
               "span", "i", "table", "tr", "th", "td", "svg", "rect", "text", "g", "line", "polyline",
               "circle", "ul", "li", "img", "small", "details", "summary"}
    assert set(page.names) <= allowed, set(page.names) - allowed
    for tag, key, value in page.attributes:
        assert not key.startswith("on") and key not in ("href", "xlink:href", "srcset", "action"), (tag, key)
        if key == "src":
            assert tag == "img" and value.startswith("data:image/jpeg;base64,"), value[:60]
        assert "url(" not in value and "://" not in value and "javascript" not in value.lower(), (tag, value)
    assert "url(" not in text and "@import" not in text and "http://" not in text and "https://" not in text
    policy = dict((k, v) for t, k, v in page.attributes if t == "meta" and k == "content" and "src" in v)
    assert "default-src 'none'" in policy["content"]
    assert "prefers-color-scheme: dark" in text

    # The numbers are those of the JSON.
    whole = "".join(page.text)
    for share in (report["accuracy"], *report["accuracy_interval"], report["calibration_error"],
                  report["above_share"], report["above_accuracy"], report["mean_p"]):
        assert percent(share) in whole, share
    assert [row[0] for row in page.cells[1:]] == CLASSES
    for row, expected in zip(page.cells[1:], report["classes"]):
        assert row[1:5] == [str(expected["photos"]), str(expected["predicted"]),
                            percent(expected["recall"]), percent(expected["precision"])], row
    cells = {}
    for title in page.titles:
        match = re.fullmatch(r"(\d+) \([\d.]+\xa0%\) of (\w+)(?:: right| taken for (\w+))", title)
        if match:
            cells[match[2], match[3] or match[2]] = int(match[1])
    assert cells == {(c["class"], c["predicted"]): c["photos"] for c in report["confusion"]}, cells
    assert page.circles == sum(b["photos"] > 0 for b in report["calibration"])
    assert page.captions == [shown(m["path"]) for m in report["mistakes"]], page.captions

    # Thumbnails are small and show the photo.
    assert len(page.images) == len(report["mistakes"])
    for image, mistake in zip(page.images, report["mistakes"]):
        jpeg = base64.b64decode(image["src"].split(",")[1], validate=True)
        picture = Image.open(io.BytesIO(jpeg))
        assert picture.format == "JPEG" and picture.size == (int(image["width"]), int(image["height"]))
        assert max(picture.size) <= 192 and len(jpeg) <= 48 << 10
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3).mean(0)
        if mistake["predicted"] != "grey":
            assert colours.argmax() == CLASSES.index(mistake["predicted"]), (mistake, colours)
    assert len(data) < 60 * (64 << 10) + (64 << 10)


def main():
    make_photos()
    truth, probabilities = predictions()
    report = json.loads(cubby("check", "model", "labelled", "--json", "--top", "60", "--html", "report.html"))
    compare_with_sklearn(report, truth, probabilities)
    named = {os.fsencode(m["path"]) if os.name == "posix" else m["path"].encode() for m in report["mistakes"]}
    for name in HOSTILE:
        assert b"red/<b>job & 1/" + name in named, name
    read_page(report)
    print(f"{len(truth)} photos, {len(report['mistakes'])} mistakes, {os.path.getsize('report.html')} bytes of HTML")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main()
        os.chdir("/")
