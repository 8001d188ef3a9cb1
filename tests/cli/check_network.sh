# `cubby check` with a network of twelve classes: the figures follow from the logits of `cubby classify`.
. "$SCRIPTS/lib/common.sh"
need_device
need python3
python3 "$SCRIPTS/lib/make_model.py" plain.safetensors 12 || fail "no model"
for i in $(seq 12); do echo "kind $i"; done >labels.txt
"$CUBBY" import plain.safetensors -o model.safetensors --labels labels.txt -q || fail "import failed"
python3 "$SCRIPTS/lib/make_photos.py" made 26
i=0
find made -type f | sort | while read -r photo; do
    mkdir -p "labelled/kind $((i % 3 + 1))"
    mv "$photo" "labelled/kind $((i % 3 + 1))/"
    i=$((i + 1))
done
expect 0 "$CUBBY" classify labelled --model model.safetensors --json --logits --batch 4
mv out predictions
expect 0 "$CUBBY" check model.safetensors labelled --json --batch 4 --html page.html
python3 - <<'PYTHON' || fail "the figures are not those of the logits"
import json, math
names = [f"kind {i}" for i in range(1, 13)]
right = loss = sure = 0
lines = [json.loads(line) for line in open("predictions")]
for line in lines:
    truth = names.index(line["path"].split("/")[1])
    highest = max(line["logits"])
    total = sum(math.exp(x - highest) for x in line["logits"])
    p = [math.exp(x - highest) / total for x in line["logits"]]
    right += p.index(max(p)) == truth
    loss -= math.log(max(p[truth], 1e-15)) / len(lines)
    sure += max(p) / len(lines)
r = json.load(open("out"))
assert r["files"]["checked"] == len(lines) == 26
assert r["right"] == right, (r["right"], right)
assert abs(r["log_loss"] - loss) < 1e-3 * max(1, loss), (r["log_loss"], loss)
assert abs(r["mean_p"] - sure) < 1e-4, (r["mean_p"], sure)
assert sum(c["photos"] for c in r["confusion"]) == 26
assert [c["class"] for c in r["classes"]] == names
PYTHON
grep -q "</html>" page.html || fail "no page"
