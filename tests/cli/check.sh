# `cubby check`: figures on photos whose classes are known, and what is wrong with what it is given.
. "$SCRIPTS/lib/common.sh"
use_stub
python3 "$SCRIPTS/lib/make_confused.py" labelled 10
find labelled -type f -printf '%p %s %T@ %m\n' | sort >before

# 4 classes of 10, of which 2 look like the next class.
expect 0 "$CUBBY" check model labelled
out_has "40 photos of labelled"
out_has "accuracy     80.0 % (32 of 40 right)"
out_has "red                         10   80.0 %     80.0 %  green (2)"
out_has "  3 blue             .   .   8   2"
out_has "most confident mistakes"
[ "$(grep -c 'but it is in' out)" -eq 8 ] || { cat out; fail "not 8 mistakes"; }
grep -q "left out" out && fail "something was left out"
cp out first
expect 0 "$CUBBY" check model labelled
cmp -s out first || fail "not the same twice"
expect 0 "$CUBBY" check model labelled --top 3
[ "$(grep -c 'but it is in' out)" -eq 3 ] || fail "not 3 mistakes"
expect 0 "$CUBBY" check model labelled --top 0
! grep -q "mistakes" out || fail "mistakes were named"

# What reaches the threshold: the stub is 78 % sure of a colour, 41 % of a doubtful one, 30 % of grey.
expect 0 "$CUBBY" check model labelled --threshold 0.7 --json
python3 - <<'PYTHON' || fail "the JSON is wrong"
import json
lines = open("out").read().splitlines()
assert len(lines) == 1
r = json.loads(lines[0])
assert r["files"] == {"found": 40, "checked": 40, "failed": 0, "copies": 0, "outside": 0, "not_photos": 0}
assert r["accuracy"] == 0.8 and r["right"] == 32 and r["threshold"] == 0.7
assert 0 < r["above"] < 40 and r["above_accuracy"] == round(r["above_right"] / r["above"], 6)
assert sum(c["photos"] for c in r["confusion"]) == 40
assert [c["class"] for c in r["classes"]] == ["red", "green", "blue", "grey"]
assert len(r["mistakes"]) == 8 and r["items"] > 0
assert r["mistakes"] == sorted(r["mistakes"], key=lambda m: -m["p"])
PYTHON

# The page, whole or not at all, and never over another file.
expect 0 "$CUBBY" check model labelled --html report.html
err_has "The report is in report.html"
grep -q "</html>" report.html || fail "the page is cut short"
[ "$(grep -c 'src="data:image/jpeg;base64,' report.html)" -eq 8 ] || fail "not 8 thumbnails"
cp report.html kept
expect 1 "$CUBBY" check model labelled --html report.html
one_error
err_has "report.html is already there"
out_is_empty
cmp -s report.html kept || fail "the report was changed"
expect 1 "$CUBBY" check model labelled --html nowhere/report.html
one_error
err_has "the folder nowhere: no such file or directory"
out_is_empty

find labelled -type f -printf '%p %s %T@ %m\n' | sort >after
cmp -s before after || fail "the photos were changed"

# Everything else is accounted for, by name or by number.
cp -r labelled more
mkdir more/Red more/misc
cp "labelled/red/red 001.ppm" more/Red
cp "labelled/red/red 003.ppm" "labelled/red/red 005.ppm" more/misc
cp "labelled/red/red 001.ppm" more/loose.ppm
cp "labelled/red/red 001.ppm" "more/red/a copy.ppm"
cp "labelled/blue/blue 001.ppm" "more/red/no red.ppm"
echo notes >more/red/notes.txt
echo words >more/green/words.jpg
head -c 100 "labelled/blue/blue 001.ppm" >more/blue/cut.ppm
expect 3 "$CUBBY" check model more --html more.html
err_has 'the folder "Red" is no class of the model, only "red" is'
err_has 'the folder "misc" is no class of the model'
err_has "more/green/words.jpg: "
err_has "more/blue/cut.ppm: "
err_has "no red.ppm: the same photo is counted as \"blue\" already"
out_has "40 photos of more"
out_has "left out, of 49 files found"
out_has "       2  could not be read"
out_has "       2  with the content of another photo"
out_has "       1  not photos"
out_has "       4  in no folder of a class"
out_has "               2  in misc"
out_has "               1  beside the folders"
expect 3 "$CUBBY" check model more --json
python3 - <<'PYTHON' || fail "the account is wrong"
import json
r = json.load(open("out"))
files = r["files"]
assert files["found"] == 49 == sum(n for key, n in files.items() if key != "found"), files
assert {f["path"] for f in r["failures"]} == {"green/words.jpg", "blue/cut.ppm"}
assert {o["folder"]: o["files"] for o in r["outside"]} == {"Red": 1, "misc": 2, "": 1}
PYTHON

# Nothing to go by: one sentence, no page.
wrong() { # SAYS COMMAND...
    local says=$1
    shift
    expect 1 "$CUBBY" check "$@" --html none.html
    one_error
    err_has "$says"
    out_is_empty
    [ ! -e none.html ] || fail "a page was written"
}
wrong "no such file or directory" model missing
wrong "not a directory" model more/loose.ppm
mkdir empty nothing only
wrong 'has no folder that is named after a class of the model, such as "red"' model empty
mkdir nothing/misc only/red
wrong 'it has "misc"' model nothing
wrong "there are no photos in the folders of the classes" model only
echo words >only/red/a.jpg
wrong "none of the photos could be read: 1 failed" model only
expect 2 "$CUBBY" check model
expect 2 "$CUBBY" check model labelled other
expect 2 "$CUBBY" check model labelled --top 61
expect 1 "$(dirname "$CUBBY")/cubby" check missing.safetensors labelled
one_error

# Unreadable photos do not stop it, and a folder that cannot be read is no success.
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 more/grey
    expect 3 "$CUBBY" check model more
    out_has "that could not be read"
    chmod 755 more/grey
fi

# Ctrl-C: no figures of a part, no page, the signal's exit code.
python3 "$SCRIPTS/lib/make_confused.py" many 200
CUBBY_STUB_DELAY_MS=100 "$CUBBY" check model many --html stopped.html --threads 1 >out 2>err &
cubby=$!
sleep 2
stop $cubby
wait $cubby
code=$?
[ $code -eq $stopped ] || { cat err; fail "exit code $code, not $stopped"; }
out_is_empty
err_has "there is no report of a part"
[ -z "$(find . -maxdepth 1 -name '*stopped*')" ] || fail "a page was written"

# Any file operation may fail: a sentence and no half page, or the whole report.
CUBBY_STUB_COUNT=1 "$CUBBY" check model labelled --html all.html >out 2>err
operations=$(sed -n 's/ operations$//p' err)
[ "${operations:-0}" -gt 100 ] || fail "no operations were counted"
for ((n = 1; n <= operations + 5; n += 7)); do
    for how in IO:once NOSPC:on; do
        rm -f fault.html
        CUBBY_STUB_FAULT=$n:$how "$CUBBY" check model labelled --html fault.html >out 2>err
        code=$?
        case $code in
        0 | 3) grep -q "</html>" fault.html || fail "operation $n, $how: no page" ;;
        1 | 5) [ -s err ] || fail "operation $n, $how: not a word" ;;
        *) cat err && fail "operation $n, $how: exit code $code" ;;
        esac
        [ ! -e fault.html ] || grep -q "</html>" fault.html || fail "half a page"
        rm -f .fault.html*
    done
done

# Results that do not arrive are an error.
if [ -c /dev/full ]; then
    "$CUBBY" check model labelled >/dev/full 2>err
    code=$?
    [ $code -eq 5 ] || fail "exit code $code on a full disk, not 5"
    one_error
fi
