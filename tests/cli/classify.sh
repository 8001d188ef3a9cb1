# What `cubby classify` prints, in its three forms.
. "$SCRIPTS/lib/common.sh"
make_model
need_device
python3 "$SCRIPTS/lib/make_photos.py" photos 7
echo words >photos/words.jpg
echo notes >photos/notes.txt

expect 3 "$CUBBY" classify photos --model model.safetensors --json --logits --batch 4
python3 - <<'PYTHON' || fail "the answers do not fit together"
import json, math
lines = [json.loads(line) for line in open("out")]
assert len(lines) == 9
for line in lines:
    if line["path"].endswith("words.jpg"):
        assert line["status"] == "failed" and line["reason"] and "top" not in line
    elif line["path"].endswith("notes.txt"):
        assert line["status"] == "skipped"
    else:
        top, logits = line["top"], line["logits"]
        assert [t["class"] for t in top] and len(top) == len(logits) == 3
        assert abs(sum(t["p"] for t in top) - 1) < 1e-4
        assert top == sorted(top, key=lambda t: -t["p"])
        highest = max(logits)
        softmax = [math.exp(x - highest) for x in logits]
        p = [x / sum(softmax) for x in softmax]
        names = ["red", "green", "blue"]
        for t in top:
            assert abs(t["p"] - p[names.index(t["class"])]) < 1e-4, (t, p)
PYTHON
expect 3 "$CUBBY" classify photos --model model.safetensors --csv --top 2
python3 - <<'PYTHON' || fail "the CSV is wrong"
import csv
rows = list(csv.DictReader(open("out", newline="")))
assert len(rows) == 9 and list(rows[0]) == ["path", "status", "reason", "class_1", "p_1", "class_2", "p_2"]
assert sum(row["status"] == "classified" for row in rows) == 7
PYTHON
expect 3 "$CUBBY" classify photos --model model.safetensors --top 1
[ "$(wc -l <out)" -eq 7 ] || fail "not a line for each photo"
err_has "words.jpg"
