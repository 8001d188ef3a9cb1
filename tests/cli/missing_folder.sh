# Folders that are not there, or cannot be read.
. "$SCRIPTS/lib/common.sh"
make_model

expect 1 "$CUBBY" sort nowhere --model model.safetensors
one_error
err_has "nowhere"
expect 1 "$CUBBY" sort nowhere --into sorted --model model.safetensors
one_error
err_has "nowhere"
[ ! -e sorted ] && [ ! -e nowhere-sorted ] || fail "an output folder was made"

need_device
# classify goes on with the other names.
python3 "$SCRIPTS/lib/make_photos.py" photos 2
expect 3 "$CUBBY" classify nowhere.jpg "photos/project 0/photo 0000.ppm" --json --model model.safetensors
out_has '{"path": "nowhere.jpg", "status": "failed", "reason": "cannot be opened: no such file'
out_has 'photo 0000.ppm", "top": [{"class": "'
[ "$(wc -l <out)" -eq 2 ] || fail "not two lines"
head -n 1 out | grep -q nowhere || fail "the order of the names was not kept"

# Root may read everything.
[ "$(id -u)" -ne 0 ] || exit 0
chmod 000 "photos/project 1"
expect 3 "$CUBBY" sort photos --model model.safetensors
err_has "could not be read"
