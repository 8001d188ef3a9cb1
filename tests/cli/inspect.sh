# What a model file holds, network or not; nothing is written.
. "$SCRIPTS/lib/common.sh"
make_model
expect 0 "$CUBBY" import --inspect model.safetensors
out_has "network"
out_has "green"
expect 0 "$CUBBY" import --inspect plain.safetensors --json
python3 - <<'PYTHON' || fail "not the JSON that was promised"
import json
said = json.load(open("out"))
assert said["container"] == "safetensors" and said["network"], said
names = {tensor["name"] for tensor in said["tensors"]}
assert "conv1.weight" in names and all(tensor["dtype"] for tensor in said["tensors"]), names
PYTHON
python3 -c "
import json, struct
head = json.dumps({'w': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}).encode()
open('other.safetensors', 'wb').write(struct.pack('<Q', len(head)) + head + bytes(4))"
expect 0 "$CUBBY" import --inspect other.safetensors
out_has "none that cubby knows"
echo '<html>' >page.pth
expect 1 "$CUBBY" import --inspect page.pth
one_error
expect 2 "$CUBBY" import other.safetensors --json -o x
[ "$(ls *.safetensors | wc -l)" -eq 3 ] || fail "something was written"
