# The first Ctrl-C lets the photos on their way finish; running it again completes the work.
. "$SCRIPTS/lib/common.sh"
make_model
need_device
python3 "$SCRIPTS/lib/make_photos.py" photos 400
"$CUBBY" sort photos --model model.safetensors --threshold 0 --batch 4 --json >lines 2>err &
cubby=$!
for _ in $(seq 600); do
    [ -s lines ] && break
    sleep 0.1
done
[ -s lines ] || { kill -9 $cubby; fail "no photo was filed in a minute"; }
stop $cubby
wait $cubby
code=$?
[ $code -eq $stopped ] || { cat err; fail "exit code $code, not $stopped"; }
err_has "run the same command again"
python3 - <<'PYTHON' || fail "the account is wrong"
import json, os
lines = [json.loads(line) for line in open("lines")]
summary = lines.pop()["summary"]
assert 0 < summary["filed"] == len(lines) < 400, summary
there = [f for d, _, files in os.walk("photos-sorted") for f in files if ".cubby" not in d]
assert len(there) == len(lines), (len(there), len(lines))
PYTHON
