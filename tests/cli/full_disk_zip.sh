# A disk that fills up while archives are written or finished: what the account calls filed is in an
# archive, what it calls failed is in none, and the totals add up.
. "$SCRIPTS/lib/common.sh"
if [ -z "${INSIDE:-}" ]; then
    make_model
    need_device
    need unshare
    mkdir small
    unshare -Urm sh -c 'mount -t tmpfs -o size=100k none small' 2>/dev/null ||
        { echo "skipped: no tmpfs can be mounted here"; exit 77; }
    INSIDE=1 exec unshare -Urm bash "$0"
fi

cat >check.py <<'PYTHON'
import collections, glob, json, os, sys, zipfile
lines = [json.loads(line) for line in open("out")]
summary = lines.pop()["summary"]
counts = collections.Counter(line["status"] for line in lines)
assert len(lines) == summary["found"] and len({line["path"] for line in lines}) == len(lines)
for status in ("filed", "unsure", "failed", "skipped"):
    assert counts[status] == summary[status], (status, counts, summary)
assert all(("filed_as" in line) == (line["status"] == "filed") for line in lines), lines
assert all(line["reason"] for line in lines if line["status"] == "failed"), lines
there = {f"{os.path.basename(name)}/{entry}" for name in glob.glob("small/*.zip")
         for entry in zipfile.ZipFile(name).namelist()}
filed = {line["filed_as"] for line in lines if "filed_as" in line}
assert there == filed, there ^ filed
assert [f for f in os.listdir("small") if ".tmp" in f] == []
if os.path.exists("small/.cubby/report.jsonl"):
    assert [json.loads(line) for line in open("small/.cubby/report.jsonl")] == lines
if sys.argv[1] == "0":
    assert summary["filed"] == summary["found"] == 14 and not counts["failed"]
else:
    # With room for the archives, the report may be what does not fit.
    assert counts["failed"] > 0 or "the report" in open("err").read(), summary
PYTHON

python3 "$SCRIPTS/lib/make_photos.py" photos 14 # 5 KB each
sort="$CUBBY sort photos --into small --pack zip --model model.safetensors --threshold 0 --json"
ended=""
for size in 8k 32k 64k 72k 76k 80k 84k 200k; do
    mount -t tmpfs -o size=$size none small || exit 77
    $sort >out 2>err
    code=$?
    python3 check.py $code || { cat out err; fail "the account is wrong with $size"; }
    [ $code -eq 0 ] || [ $code -eq 5 ] || { cat err; fail "exit code $code with $size"; }
    ended="$ended$code"
    umount small
done
# Too small at first, large enough at last, or the test says nothing.
case $ended in 5*0) ;; *) fail "exit codes $ended" ;; esac
