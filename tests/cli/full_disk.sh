# A full disk: exit code 5, and the same command again, with room, finishes the work.
. "$SCRIPTS/lib/common.sh"
if [ "${1:-}" != inside ] && [ -z "${INSIDE:-}" ]; then
    make_model
    need_device
    need unshare
    mkdir small
    unshare -Urm sh -c 'mount -t tmpfs -o size=100k none small' 2>/dev/null ||
        { echo "skipped: no tmpfs can be mounted here"; exit 77; }
    INSIDE=1 exec unshare -Urm bash "$0"
fi

mount -t tmpfs -o size=100k none small || exit 77
python3 "$SCRIPTS/lib/make_photos.py" photos 40 # 5 KB each
expect 5 "$CUBBY" sort photos --into small --model model.safetensors --threshold 0
err_has "no space left on device; make room"
find small -type f -not -path '*/.cubby/*' -size -4k | grep -q . && fail "a cut copy was left"
mount -o remount,size=10m small || exit 77
expect 0 "$CUBBY" sort photos --into small --model model.safetensors --threshold 0
[ "$(find small -type f -not -path '*/.cubby/*' | wc -l)" -eq 40 ] || fail "not every photo is there"
