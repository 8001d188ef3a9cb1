# Measuring the device: what is kept, shown, used and cleared.
. "$SCRIPTS/lib/common.sh"
need_device
make_model
export CUBBY_CACHE_DIR=$PWD/cache

expect 0 "$CUBBY" tune --show
err_has "run cubby tune"
out_is_empty
expect 0 "$CUBBY" tune --model model.safetensors --batch 2
[ "$(ls cache/devices | grep -c '\.tuning$')" -eq 1 ] || fail "nothing was kept"
expect 0 "$CUBBY" tune --show
out_has "cubby tuning 4 "
out_has "batch 2"

# Used by what computes; and damage is as good as nothing.
python3 "$SCRIPTS/lib/make_photos.py" photos 3
expect 0 "$CUBBY" classify photos --model model.safetensors --json
cp out before
printf 'cubby tuning 4 garbage\nbatch 4000000000\n' >"$(ls cache/devices/*.tuning)"
expect 0 "$CUBBY" classify photos --model model.safetensors --json
cmp -s out before || fail "a damaged tuning changed the answer"
expect 0 "$CUBBY" tune --show
err_has "run cubby tune"

touch cache/devices/keep.me
expect 0 "$CUBBY" tune --clear
err_has "Removed 1 file"
[ "$(ls cache/devices)" = keep.me ] || fail "cleared too much or too little"
expect 0 "$CUBBY" tune --clear
err_has "Removed 0 files"

# A cache folder that cannot be written: an error when that is what was asked for, else no matter.
rm -r cache && : >cache
expect 0 "$CUBBY" classify photos --model model.safetensors --json
cmp -s out before || fail "a missing cache changed the answer"
"$CUBBY" tune --model model.safetensors --batch 2 >out 2>err && fail "nothing could be kept"
[ "$(grep -c "cannot be written" err)" -eq 1 ] || fail "that is said once, not for each shape"
expect 2 "$CUBBY" tune something
