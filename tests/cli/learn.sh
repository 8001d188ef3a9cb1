# Learning classes from folders: what is said about bad input, the model, its cache.
. "$SCRIPTS/lib/common.sh"
make_model
labelled() { python3 "$SCRIPTS/lib/make_labelled.py" "$@"; }
learn() { "$CUBBY" learn "$@" --from model.safetensors; }
no_model() { [ ! -e new.safetensors ] && [ -z "$(ls -A | grep partial)" ] || fail "something was written"; }

# ---- bad input, before any device is needed
expect 2 "$CUBBY" learn
expect 2 "$CUBBY" learn set
err_has "say where the model goes: --output FILE"
expect 2 "$CUBBY" learn set -o new.safetensors --augment --no-augment
expect 1 learn nowhere -o new.safetensors
one_error
err_has "the folder nowhere cannot be read"

labelled set 8
expect 1 learn set -o model.safetensors
one_error
err_has "model.safetensors is already there"

mkdir one && cp -r set/red one/
expect 1 learn one -o new.safetensors
one_error
err_has 'there is one class only, "red"'

cp -r set few && mkdir few/yellow && cp set/red/0000.ppm few/yellow/ && rm few/red/0000.ppm
expect 1 learn few -o new.safetensors
one_error
err_has 'the class "yellow" has one photo'

cp -r set twice && cp set/red/0003.ppm twice/blue/other.ppm
expect 1 learn twice -o new.safetensors
one_error
err_has "the same photo lies in two classes, twice/blue/other.ppm and twice/red/0003.ppm"

expect 1 learn set/red -o new.safetensors
one_error
err_has "no photos in class folders"

echo "red/0001.ppm" >groups.csv
expect 1 learn set -o new.safetensors --groups groups.csv
one_error
err_has "groups.csv, line 1: there is one field only"
no_model

# ---- a model
need_device
mkdir set/models set/.hidden && cp set/red/0000.ppm set/.hidden/
echo "no photo" >set/red/notes.txt
expect 0 learn set -o new.safetensors --target-precision 0.6
err_has 'the class folder "models" has no photo that can be read: it is no class'
out_has "24 in 3 classes: blue 8, green 8, red 8"
out_has "accuracy     "
out_has "what a split of photos at random would have claimed"
out_has "temperature"
expect 0 "$CUBBY" info new.safetensors
out_has "probabilities are calibrated"
expect 0 "$CUBBY" classify set/red/0001.ppm set/blue/0002.ppm --model new.safetensors
out_has "red"
expect 0 "$CUBBY" devices --check new.safetensors

# The same photos give the same bytes, with and without what is cached, and on one thread.
expect 0 learn set -o again.safetensors --target-precision 0.6 --json
out_has '"computed":0'
cmp -s new.safetensors again.safetensors || fail "another model from the cache"
expect 0 "$CUBBY" learn --clear-cache
err_has "Removed 1 file from the cache folder"
expect 0 learn set -o fresh.safetensors --target-precision 0.6 --json --threads 1
out_has '"computed":72'
cmp -s new.safetensors fresh.safetensors || fail "another model the second time"
python3 - <<'PYTHON' || fail "the JSON is wrong"
import json
o = json.load(open("out"))
assert o["model"] == "fresh.safetensors" and o["photos"] == 24 and o["failed"] == 0, o
assert o["classes"] == {"blue": 8, "green": 8, "red": 8}, o
a = o["figures"]["accuracy"]
assert 0.5 < a["value"] <= 1 and a["low"] < a["value"] <= a["high"] and a["photos"] == 24, a
PYTHON

# A model that was learned has the same network: nothing is computed again. Nor with another seed.
expect 0 "$CUBBY" learn set -n --from new.safetensors --json --seed 5
out_has '"computed":0'
expect 0 "$CUBBY" learn set -o child.safetensors --from new.safetensors -q
expect 0 "$CUBBY" info child.safetensors --json
python3 - <<'PYTHON' || fail "the provenance grows"
import json
p = json.load(open("out"))["provenance"]
assert p["base"]["file"] == "model.safetensors" and "learned" not in p["base"], p
PYTHON

# A damaged cache is as good as none; so is one that cannot be written.
printf 'x' | dd of="$(ls "$CUBBY_CACHE_DIR"/features/*.rows)" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 0 learn set -o damaged.safetensors --target-precision 0.6 --json
out_has '"computed":1'
cmp -s new.safetensors damaged.safetensors || fail "a damaged cache changed the model"
rm -r "$CUBBY_CACHE_DIR/features" && : >"$CUBBY_CACHE_DIR/features"
expect 0 learn set -o memory.safetensors --target-precision 0.6
err_has "features cannot be kept"
cmp -s new.safetensors memory.safetensors || fail "without a cache the model is another"
rm "$CUBBY_CACHE_DIR/features"
expect 0 learn set -n --cache-size 100K --no-augment
[ "$(du -sb --exclude=. "$CUBBY_CACHE_DIR"/features/*.rows 2>/dev/null | wc -l)" -le 1 ] || fail "cache"
expect 0 learn set -n --cache-size 1K --no-augment
[ -z "$(ls "$CUBBY_CACHE_DIR/features")" ] || fail "the cache is larger than was said"

# A sort takes the threshold that was learned.
expect 0 "$CUBBY" info new.safetensors --json
threshold=$(python3 -c 'import json; print(json.load(open("out"))["threshold"])')
python3 -c "assert 0 < $threshold < 1" || fail "no threshold"
expect 0 "$CUBBY" sort set/red set/blue --into sorted --model new.safetensors -q
expect 0 "$CUBBY" sort set/red set/blue --into sorted --model new.safetensors --threshold "$threshold" -q
expect 1 "$CUBBY" sort set/red set/blue --into sorted --model new.safetensors --threshold 0.99999 -q

# ---- photos that fail, judges, groups
head -c 2000 set/red/0004.ppm >set/red/cut.ppm
: >set/green/empty.jpg
expect 3 learn set -o some.safetensors
err_has "set/red/cut.ppm is left out: cut short"
err_has "set/green/empty.jpg is left out: empty file"
cmp -s some.safetensors new.safetensors && fail "no threshold was asked for"
[ -s some.safetensors ] || fail "the rest was enough for a model"
rm set/red/cut.ppm set/green/empty.jpg

labelled real 4 100
cp set/red/0001.ppm real/red/
mkdir real/purple && cp set/red/0000.ppm real/purple/
expect 0 learn set -o judged.safetensors --valid-from real --json
err_has '"purple" is none of the classes'
err_has "1 photo to judge by is not learned from as well"
python3 - <<'PYTHON' || fail "others judged"
import json
o = json.load(open("out"))
assert o["valid_photos"] == 13 and o["photos"] == 23, o
assert o["figures"]["accuracy"]["photos"] == 13, o
PYTHON
cp set/red/0002.ppm real/blue/
expect 1 learn set -n --valid-from real
one_error
err_has "the same photo lies in two classes, set/red/0002.ppm and real/blue/0002.ppm"

{ echo path,group; for i in 0 1 2 3 4 5 6 7; do echo "red/000$i.ppm,all of red"; done; } >groups.csv
expect 0 learn set -n --groups groups.csv --json
err_has 'all 8 photos of the class "red" seem to show one item'
python3 -c 'import json; i = json.load(open("out"))["items"]; assert i["named"] == 7, i' || fail "groups"

# ---- Ctrl-C: no model, but what was found so far is kept
rm -rf "$CUBBY_CACHE_DIR/features"
labelled many 60
"$CUBBY" learn many -o new2.safetensors --from model.safetensors --batch 2 >out 2>err &
cubby=$!
for _ in $(seq 600); do
    [ -n "$(find "$CUBBY_CACHE_DIR/features" -size +20k 2>/dev/null)" ] && break
    sleep 0.1
done
kill -TERM $cubby
wait $cubby
code=$?
[ $code -eq 143 ] || { cat err; fail "exit code $code, not 143"; }
[ ! -e new2.safetensors ] && [ -z "$(ls -A | grep partial)" ] || fail "a model was left behind"
expect 0 learn many -n --json
python3 -c 'import json; o = json.load(open("out")); assert 0 < o["computed"] < 540, o' ||
    fail "what was found before the interruption was not kept"
