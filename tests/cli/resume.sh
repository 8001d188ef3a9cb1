# The same command goes on where it was; another model or threshold asks; sorting anew by what is
# known.
. "$SCRIPTS/lib/common.sh"
use_stub
make_tree photos 120
CUBBY_STUB_DELAY_MS=100 "$CUBBY" sort photos --into sorted --json >lines 2>err &
cubby=$!
for _ in $(seq 500); do [ -s lines ] && break; sleep 0.02; done
stop $cubby
wait $cubby
code=$?
[ $code -eq $stopped ] || { cat err; fail "exit code $code, not $stopped"; }
err_has "run the same command again"
expect 4 "$CUBBY" verify sorted
err_has "interrupted"
expect 1 "$CUBBY" sort photos --into sorted --move
err_has "had other options"
expect 3 "$CUBBY" sort photos --into sorted --json
cp out resumed
expect 3 "$CUBBY" sort photos --into whole --json
cp out whole.json
(cd sorted && snapshot .) | grep -v ' folder ' >a
(cd whole && snapshot .) | grep -v ' folder ' >b
same a b
sed 's/"filed_as": "[^"]*",* *//' sorted/.cubby/report.csv | sort >a
sort whole/.cubby/report.csv >b
same a b "the report of an interrupted sort"
python3 - <<'PYTHON' || fail "photos were filed twice"
import json
first = [json.loads(line) for line in open("lines") if "summary" not in line]
second = [json.loads(line) for line in open("resumed") if "summary" not in line]
done = {line["path"] for line in first if line["status"] in ("filed", "unsure")}
again = {line["path"] for line in second if line["status"] in ("filed", "unsure")}
assert done and again and not done & again, (len(done), len(again), len(done & again))
PYTHON

# Nothing new: nothing is written, and undo still takes back the sort itself.
snapshot sorted >before
cp -r sorted/.cubby was
expect 3 "$CUBBY" sort photos --into sorted
err_has "0 filed, 0 unsure"
snapshot sorted >after
same before after
same was/report.csv sorted/.cubby/report.csv

# Changed and added since.
grey() { python3 -c "import sys; sys.stdout.buffer.write(b'P6\n$1 4\n255\n' + bytes(12 * $1))"; }
grey 4 >photos/added.ppm
changed=$(find "photos/project 0" -name '*.ppm' | head -n 1)
cp "$changed" saved.ppm
grey 5 >"$changed"
expect 3 "$CUBBY" sort photos --into sorted --json
[ "$(grep -c '"unsure"' out)" -ge 2 ] || { cat out; fail "changed and added photos were not sorted"; }
expect 0 "$CUBBY" verify sorted

# Another model, another threshold.
CUBBY_STUB_MODEL=2 expect 1 "$CUBBY" sort photos --into sorted
err_has "another model"
err_has "--again"
expect 1 "$CUBBY" sort photos --into sorted --threshold 0.75
err_has "another --threshold"
count() { find "$1" -name '*.ppm' | wc -l; }
files=$(count sorted)
expect 3 "$CUBBY" sort photos --into sorted --threshold 0.75 --again
[ "$(count sorted)" -eq "$files" ] || fail "deciding anew doubled or lost photos"
expect 0 "$CUBBY" verify sorted
expect 3 "$CUBBY" sort photos --into fresh --threshold 0.75
(cd sorted && find . -name '*.ppm' -printf '%h %f\n' | sed 's/ (2)//' | sort) >a
(cd fresh && find . -name '*.ppm' -printf '%h %f\n' | sed 's/ (2)//' | sort) >b
[ "$(sed 's/ .*//' a | sort | uniq -c)" ] || fail "no photo is left"
expect 3 env CUBBY_STUB_MODEL=2 "$CUBBY" sort photos --into sorted --threshold 0.75 --again
[ "$(count sorted)" -eq "$files" ] || fail "another model doubled or lost photos"
expect 0 "$CUBBY" verify sorted

# By the catalogue alone, without the network.
expect 0 "$CUBBY" sort --from-catalogue fresh --threshold 0.5 --into anew
(cd anew && snapshot .) | grep -v ' folder ' >a
rm -rf plain
expect 3 "$CUBBY" sort photos --into plain
(cd plain && snapshot .) | grep -v ' folder ' >b
same a b "sorted by the catalogue"
expect 0 "$CUBBY" verify anew
expect 0 "$CUBBY" sort --from-catalogue fresh --threshold 0.5
(cd fresh && find . -name '*.ppm' | wc -l) >a
(cd plain && find . -name '*.ppm' | wc -l) >b
same a b
expect 0 "$CUBBY" verify fresh
expect 1 "$CUBBY" sort --from-catalogue photos
one_error

# Two at once.
CUBBY_STUB_DELAY_MS=300 "$CUBBY" sort photos --into busy >/dev/null 2>&1 &
cubby=$!
for _ in $(seq 200); do [ -s busy/.cubby/lock ] && break; sleep 0.02; done
expect 5 "$CUBBY" sort photos --into busy
process=$cubby
[ "$SYSTEM" != windows ] || process= # Windows has numbers of its own
err_has "in use by process $process"
kill -9 $cubby
wait $cubby
expect 3 "$CUBBY" sort photos --into busy
[ ! -e busy/.cubby/lock ] || fail "the lock was left"
echo '{"host": "elsewhere", "boot": "x", "process": 1, "started": 1, "since": 1700000000}' >busy/.cubby/lock
expect 5 "$CUBBY" sort photos --into busy
err_has "on the computer elsewhere"
err_has "busy/.cubby/lock"
