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

# A multi-label model: each class by itself, so that rows need not sum to 1. It is resampled, too.
python3 - <<'PYTHON' || fail "no multi-label model"
import json, struct
with open("model.safetensors", "rb") as file:
    (size,) = struct.unpack("<Q", file.read(8))
    header, data = json.loads(file.read(size)), file.read()
metadata = header["__metadata__"]
metadata["cubby.scores"] = "sigmoid"
p = json.loads(metadata["cubby.preprocessing"])
p.update(resize="pad", size=[150, 100], crop=[150, 100], pad="reflection",
         resamples=[{"size": [96, 80], "align_corners": True}])
metadata["cubby.preprocessing"] = json.dumps(p)
at = header["fc.bias"]["data_offsets"][0]  # scores that are neither all 0 nor 1
data = data[:at] + struct.pack("<3f", 30, 10, -35) + data[at + 12:]
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("tags.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
PYTHON
expect 0 "$CUBBY" info tags.safetensors
out_has "sigmoid"
out_has "resampled to 96x80"
expect 0 "$CUBBY" info tags.safetensors --json
python3 -c 'import json; assert json.load(open("out"))["scores"] == "sigmoid"' || fail "no scores"
expect 3 "$CUBBY" classify photos --model tags.safetensors --json --logits --batch 4
python3 - <<'PYTHON' || fail "the answers are not sigmoids"
import json, math
names, sums = ["red", "green", "blue"], []
for line in map(json.loads, open("out")):
    if "top" not in line:
        continue
    assert line["top"] == sorted(line["top"], key=lambda t: -t["p"])
    for t in line["top"]:
        x = line["logits"][names.index(t["class"])]
        assert abs(t["p"] - 1 / (1 + math.exp(-x))) < 1e-5, (t, x)
    sums.append(sum(t["p"] for t in line["top"]))
assert len(sums) == 7 and all(abs(s - 1) > 0.001 for s in sums), sums
PYTHON
# The best class decides; none is probable enough here.
expect 3 "$CUBBY" sort photos --into sorted --model tags.safetensors --threshold 1
[ "$(find sorted/unsure -name '*.ppm' | wc -l)" -eq 7 ] || fail "not all are unsure"
