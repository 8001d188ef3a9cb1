# Files that are no model, or not one that cubby knows: exit code 1 and a sentence, never a crash.
. "$SCRIPTS/lib/common.sh"
need python3

python3 - <<'PYTHON'
import json, struct, zipfile
def safetensors(name, header, data=b""):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    open(name, "wb").write(struct.pack("<Q", len(text)) + text + data)
open("text", "w").write("these are words, not weights\n" * 20)
open("empty", "w")
open("html", "w").write("<!DOCTYPE html><html><body>404</body></html>")
open("lfs", "w").write("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
safetensors("no-tensors", {})
safetensors("not-json", b"{" * 64)
safetensors("huge-offsets", {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1 << 60]}})
safetensors("other-network", {"linear.weight": {"dtype": "F32", "shape": [2, 2],
            "data_offsets": [0, 16]}}, bytes(16))
open("huge-header", "wb").write(struct.pack("<Q", 1 << 62) + b"{}")
with zipfile.ZipFile("some.zip", "w") as z:
    z.writestr("a.txt", "a")
PYTHON
python3 "$SCRIPTS/lib/make_model.py" plain
head -c 1000000 plain >cut

for file in text empty html lfs no-tensors not-json huge-offsets other-network huge-header some.zip cut; do
    expect 1 "$CUBBY" info $file
    out_is_empty
    one_error
    expect 1 "$CUBBY" import $file -o out.safetensors
    one_error
    [ ! -e out.safetensors ] || fail "$file was imported"
done
# A folder is no model either, and a network without class names needs some.
expect 1 "$CUBBY" info .
expect 1 "$CUBBY" info plain
err_has "class names"
