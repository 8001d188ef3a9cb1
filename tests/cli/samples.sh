# The sample photos with the built-in model: each ends as models/samples.tsv says, and at least
# 90 % of the good ones are in the right folder.
. "$SCRIPTS/lib/common.sh"
need_device
need python3
[ -e "$SAMPLES/../workshop.safetensors" ] || fail "the built-in model is missing"
find "$SAMPLES" -type f -printf '%P %s %T@ %m\n' | sort >before
expect 3 "$CUBBY" sort "$SAMPLES" --into sorted --json
python3 - "$SAMPLES" <<'PYTHON' || fail "the samples are not where they belong"
import csv, json, os, sys
tick = 100 if os.environ["SYSTEM"] == "windows" else 1 # nanoseconds that a file's times count
samples = sys.argv[1]
truth = {row["path"]: row for row in csv.DictReader(open(samples + ".tsv"), delimiter="\t",
                                                    quoting=csv.QUOTE_NONE)}
lines = [json.loads(line) for line in open("out")]
summary = lines.pop()["summary"]
results = {os.path.relpath(line["path"], samples): line for line in lines}
assert results.keys() == truth.keys(), results.keys() ^ truth.keys()
assert summary["found"] == len(truth)
assert sum(summary[k] for k in ("filed", "unsure", "failed", "skipped")) == len(truth), summary

right = good = 0
duplicates = {}
for path, row in truth.items():
    line, status = results[path], results[path]["status"]
    expected = row["expected"]
    if expected in ("filed", "duplicate"):
        # Of two equal photos the first in scan order is filed, whichever the list calls original.
        assert status in ("filed", "unsure", "skipped"), (path, line)
        if status == "skipped":
            assert "same content" in line["reason"], (path, line)
            duplicates[path] = line
        else:
            good += 1
            right += status == "filed" and line["class"] == row["class"]
            copy = os.path.join("sorted", line["filed_as"])
            source = os.path.join(samples, path)
            assert open(copy, "rb").read() == open(source, "rb").read(), path
            assert os.stat(copy).st_mtime_ns // tick == os.stat(source).st_mtime_ns // tick, path
            assert os.stat(copy).st_mode == os.stat(source).st_mode, path
            assert copy.split("/")[1] == (line["class"] if status == "filed" else "unsure")
    else:
        assert status == expected, (path, line)
        assert "class" not in line and "filed_as" not in line and line["reason"], line
assert len(duplicates) == sum(row["expected"] == "duplicate" for row in truth.values())
there = {os.path.relpath(os.path.join(d, f), "sorted")
         for d, _, files in os.walk("sorted") for f in files if ".cubby" not in d}
assert there == {line["filed_as"] for line in lines if "filed_as" in line}
if right < 0.9 * good:
    sys.exit(f"{right} of {good} good samples are in the right folder")
PYTHON
find "$SAMPLES" -type f -printf '%P %s %T@ %m\n' | sort >after
cmp -s before after || fail "the samples were changed"
