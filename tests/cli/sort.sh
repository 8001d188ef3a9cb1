# A folder of photos, good and bad ones, through the whole program.
. "$SCRIPTS/lib/common.sh"
make_model
need_device
python3 "$SCRIPTS/lib/make_photos.py" photos 24
sort="$CUBBY sort --model model.safetensors --batch 5 --threshold 0"
mkdir -p "photos/with 'quotes' & ünïcode"
cp "photos/project 1/photo 0001.ppm" "photos/with 'quotes' & ünïcode/copy.ppm" # same content
head -c 900 "photos/project 2/photo 0002.ppm" >photos/cut.ppm
echo words >photos/words.jpg
: >photos/empty.png
echo notes >photos/notes.txt
cp "photos/project 0/photo 0003.ppm" photos/photo.dat # no photo's name
printf 'x' >>photos/photo.dat                          # and not quite the same content
find photos -type f -printf '%p %T@ %m ' -exec md5sum {} \; | sort >before

# Dry run first: the same answers, nothing written.
expect 3 $sort photos --dry-run --json
cp out dry
[ ! -e photos-sorted ] || fail "a dry run wrote something"
expect 3 $sort photos --json
cat >check.py <<'PYTHON'
import json, os, sys
lines = [json.loads(line) for line in open("out")]
summary = lines.pop()["summary"]
paths = [line["path"] for line in lines]
assert len(set(paths)) == len(paths) == summary["found"] == 30, summary
found = {os.path.join(d, f) for d, _, files in os.walk("photos") for f in files}
assert found == set(paths), found ^ set(paths)
counts = {}
for line in lines:
    counts[line["status"]] = counts.get(line["status"], 0) + 1
for status in ("filed", "unsure", "failed", "skipped"):
    assert counts.get(status, 0) == summary[status], (status, counts, summary)
by_name = {os.path.basename(line["path"]): line for line in lines}
for name in ("cut.ppm", "words.jpg", "empty.png"):
    assert by_name[name]["status"] == "failed" and "class" not in by_name[name], by_name[name]
assert by_name["empty.png"]["reason"] == "empty file"
assert by_name["notes.txt"]["status"] == "skipped", by_name["notes.txt"]
assert by_name["notes.txt"]["reason"] == "not a photo"
assert by_name["photo.dat"]["status"] == "filed", by_name["photo.dat"]
assert by_name["copy.ppm"]["status"] == "skipped", by_name["copy.ppm"]
assert counts["filed"] == 25 and counts["failed"] == 3 and counts["skipped"] == 2, counts
dry = [json.loads(line) for line in open("dry")][:-1]
assert dry == lines, "the dry run said something else"
filed = {line["filed_as"] for line in lines if "filed_as" in line}
if sys.argv[1:]:
    there = {os.path.relpath(os.path.join(d, f), sys.argv[1])
             for d, _, files in os.walk(sys.argv[1]) for f in files if ".cubby" not in d}
    assert there == filed, there ^ filed
    report = [json.loads(line) for line in open(sys.argv[1] + "/.cubby/report.jsonl")]
    assert report == lines
PYTHON
python3 check.py photos-sorted || fail "the account is wrong"
err_has "30 files found: 25 filed, 0 unsure, 3 failed, 2 skipped"
err_has "Look in"
err_has "words.jpg"

# Every filed photo is the same bytes as its source, and the sources are as before.
python3 - <<'PYTHON' || fail "a copy differs"
import json
for line in open("photos-sorted/.cubby/report.jsonl"):
    line = json.loads(line)
    if "filed_as" in line:
        assert open(line["path"], "rb").read() == open("photos-sorted/" + line["filed_as"], "rb").read()
PYTHON
find photos -type f -printf '%p %T@ %m ' -exec md5sum {} \; | sort >after
cmp -s before after || fail "the source was changed"

# Again: nothing is doubled.
find photos-sorted -type f -not -path '*/.cubby/*' | sort >first
expect 3 $sort photos
find photos-sorted -type f -not -path '*/.cubby/*' | sort >second
cmp -s first second || fail "the second run wrote more photos"

# Any batch, any number of threads: the same answers.
for how in "--batch 1 --threads 1" "--batch 16 --threads 5"; do
    # shellcheck disable=SC2086
    expect 3 "$CUBBY" sort --model model.safetensors --threshold 0 $how photos --into fresh --dry-run --json
    python3 check.py || fail "other answers with $how"
done

# Into a folder inside the source, which is not read again.
expect 3 $sort photos --into photos/sorted
err_has "30 files found"
expect 3 $sort photos --into photos/sorted
err_has "30 files found"
rm -r photos/sorted

# One archive per class.
expect 3 $sort photos --into packed --pack zip --json
python3 - <<'PYTHON' || fail "the archives are wrong"
import glob, json, zipfile
lines = [json.loads(line) for line in open("out")]
names = sum(len(zipfile.ZipFile(name).namelist()) for name in glob.glob("packed/*.zip"))
assert names == lines[-1]["summary"]["filed"] == 25, names
for name in glob.glob("packed/*.zip"):
    assert zipfile.ZipFile(name).testzip() is None
PYTHON

# Nothing reaches a threshold of 1 but a sure answer; the rest is unsure.
expect 3 "$CUBBY" sort --model model.safetensors photos --into doubt --threshold 1 --quiet
[ ! -s err ] || fail "--quiet is not quiet"
