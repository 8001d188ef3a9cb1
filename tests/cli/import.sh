# Importing a network that carries neither class names nor preprocessing.
. "$SCRIPTS/lib/common.sh"
need python3
python3 "$SCRIPTS/lib/make_model.py" plain.safetensors 3
cp plain.safetensors before

expect 1 "$CUBBY" import plain.safetensors -o model.safetensors
err_has "class names"
printf 'red\ngreen\n' >two.txt
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels two.txt
err_has "2 class names"
printf 'red\n\ngreen\n' >gap.txt
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels gap.txt
err_has "line 2"
printf 'red\nred\ngreen\n' >double.txt
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels double.txt
err_has "red"
echo '{"red": 0, "green": 1, "blue": 2}' >index.json
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels index.json
err_has "no name for class 0"
expect 2 "$CUBBY" import plain.safetensors -o model.safetensors --labels two.txt --labels-from .
mkdir -p training/red training/models
touch training/red/1.jpg training/models/saved.pth
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels-from training
err_has "training/models has no photos in it"
err_has "there is 1 class name (red), but the network has 3 classes"
expect 1 "$CUBBY" import training -o model.safetensors --labels labels.txt
err_has "training is a folder without config.json"
expect 1 "$CUBBY" info plain.safetensors
one_error
err_has "cubby import FILE -o MODEL --labels NAMES"
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels nowhere.txt
err_has "nowhere.txt"
expect 1 "$CUBBY" import plain.safetensors -o nowhere/model.safetensors --labels two.txt
printf '\357\273\277red\r\nvert pr\303\251\r\nblue\r\n' >labels.txt
expect 1 "$CUBBY" import plain.safetensors -o nowhere/model.safetensors --labels labels.txt
err_has "nowhere/model.safetensors"
[ ! -e model.safetensors ] || fail "a refused import wrote something"

expect 0 "$CUBBY" import plain.safetensors -o model.safetensors --labels labels.txt
out_is_empty
err_has "resnet18"
err_has "Assumed preprocessing"
expect 0 "$CUBBY" info model.safetensors --json
python3 - <<'PYTHON' || fail "info is not as expected"
import json
info = json.load(open("out"))
assert info["classes"] == ["red", "vert pr\u00e9", "blue"], info
assert info["network"] == "resnet18" and info["head"] == "fc", info
p = info["preprocessing"]
assert p["size"][0] == 256 and p["crop"] == [224, 224] and p["interpolation"] == "bilinear", p
assert [round(x, 3) for x in p["mean"]] == [0.485, 0.456, 0.406] and not p["exif"], p
assert info["provenance"]["source"] == "plain.safetensors", info
PYTHON
expect 0 "$CUBBY" info model.safetensors
out_has "resnet18"
out_has "vert pré"

# Never over an existing file; the same input gives the same bytes; nothing is left lying about.
cp model.safetensors kept
expect 1 "$CUBBY" import plain.safetensors -o model.safetensors --labels labels.txt
err_has "already there"
cmp -s kept model.safetensors || fail "an existing file was changed"
expect 0 "$CUBBY" import plain.safetensors -o again.safetensors --labels labels.txt
cmp -s again.safetensors model.safetensors || fail "two imports differ"
cmp -s before plain.safetensors || fail "the source was changed"

# The options win over what is assumed, and over what a cubby model says of itself.
echo '["a", "b", "c"]' >labels.json
expect 0 "$CUBBY" import model.safetensors -o other.safetensors --labels labels.json \
    --resize 64 --crop 48 --interpolation bicubic --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5
expect 0 "$CUBBY" info other.safetensors --json
python3 - <<'PYTHON' || fail "options were not taken"
import json
info = json.load(open("out"))
p = info["preprocessing"]
assert info["classes"] == ["a", "b", "c"] and p["size"][0] == 64 and p["crop"] == [48, 48], info
assert p["interpolation"] == "bicubic" and p["mean"] == [0.5] * 3 and p["std"] == [0.5] * 3, p
PYTHON

# fastai's rules. A size alone is what the network sees; the file says no more than it needs to.
rule() { # NAME EXPECTED-JSON OPTIONS...
    local name=$1 wanted=$2
    shift 2
    expect 0 "$CUBBY" import plain.safetensors -o "$name.safetensors" --labels labels.txt "$@"
    expect 0 "$CUBBY" info "$name.safetensors" --json
    WANTED=$wanted python3 - <<'PYTHON' || fail "$name is not as asked for"
import json, os
p = json.load(open("out"))["preprocessing"]
got = {key: p[key] for key in p if key in ("resize", "size", "crop", "pad", "centre", "resamples")}
assert got == json.loads(os.environ["WANTED"]), got
PYTHON
}
rule crop '{"resize": "crop", "size": [224, 224], "crop": [224, 224]}' --resize-rule crop
rule pad '{"resize": "pad", "size": [304, 200], "crop": [304, 200], "pad": "reflection"}' \
    --resize-rule pad --resize 304x200
expect 0 "$CUBBY" info pad.safetensors
out_has "padded with reflections to the proportions of 304x200"
rule zeros '{"resize": "pad", "size": [96, 96], "crop": [96, 96], "pad": "zeros"}' \
    --resize-rule pad --resize 96 --pad-mode zeros
rule squish '{"resize": "squish", "size": [256, 256], "crop": [224, 100]}' \
    --resize-rule squish --resize 256 --crop 224x100
expect 2 "$CUBBY" import plain.safetensors -o no.safetensors --labels labels.txt --resize 304x200
err_has "--resize 304x200 needs --resize-rule"
expect 2 "$CUBBY" import pad.safetensors -o no.safetensors --resize-rule crop --pad-mode zeros
err_has "--pad-mode needs --resize-rule pad"
[ ! -e no.safetensors ] || fail "a refused import wrote something"

# What is not said is assumed, and said.
expect 0 "$CUBBY" import plain.safetensors -o softmax.safetensors --labels labels.txt
err_has "Assumed: a photo shows one of the classes (--scores sigmoid"
expect 0 "$CUBBY" import plain.safetensors -o sigmoid.safetensors --labels labels.txt --scores sigmoid
expect 0 "$CUBBY" import sigmoid.safetensors -o still.safetensors --resize 128
expect 0 "$CUBBY" info still.safetensors
out_has "sigmoid: each class by itself"
expect 0 "$CUBBY" import sigmoid.safetensors -o back.safetensors --scores softmax
expect 0 "$CUBBY" info back.safetensors
grep -q sigmoid out && fail "--scores softmax was not taken"

# A model that anybody may have written drives no terminal.
python3 - <<'PYTHON' || fail "no model with control characters"
import json, struct
data = open("model.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
header["__metadata__"]["cubby.provenance"] = json.dumps({"by": "\x9b2J \x7f \u00e9"}, ensure_ascii=False)
text = json.dumps(header, ensure_ascii=False).encode()
open("hostile.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size:])
PYTHON
expect 0 "$CUBBY" info hostile.safetensors
out_has '{"by": "\u009b2J \u007f é"}'
expect 0 "$CUBBY" info hostile.safetensors --json
out_has '"\u009b2J \u007f é"'

# Half the size, and still a model.
expect 0 "$CUBBY" import plain.safetensors -o half.safetensors --labels labels.txt --fp16
[ "$(wc -c <half.safetensors)" -lt 23000000 ] || fail "not half the size"
expect 0 "$CUBBY" info half.safetensors
out_has "vert pré"

ls -A | grep -q partial && fail "a temporary file was left"
exit 0
