# Disks that fill up at every size, for each way of filing: exit code 5, nothing half-written, and the
# same command again, with room, ends as if nothing had happened.
. "$SCRIPTS/lib/common.sh"
not_on_windows "other mounts are not seen by Wine's server"
use_stub
if [ -z "${INSIDE:-}" ]; then
    need unshare
    mkdir small
    unshare -Urm sh -c 'mount -t tmpfs -o size=100k none small' 2>/dev/null ||
        { echo "skipped: no tmpfs can be mounted here"; exit 77; }
    INSIDE=1 exec unshare -Urm bash "$0"
fi

for how in "" "--move" "--pack zip" "--pack tar.zst" "--pack 7z"; do
    rm -rf photos whole
    make_tree photos 40
    cp -a photos original
    # shellcheck disable=SC2086
    expect 3 "$CUBBY" sort photos --into whole $how
    (cd whole && snapshot .) | grep -v ' folder ' >expected
    rm -rf photos
    mv original photos
    full=0
    for size in 12k 60k 110k 130k 150k 170k 190k 240k; do
        cp -a photos original
        mount -t tmpfs -o size=$size none small || exit 77
        # shellcheck disable=SC2086
        "$CUBBY" sort photos --into small $how --json >out 2>err
        code=$?
        case $code in
        3) ;;
        5) full=$((full + 1)) && err_has "make room" ;;
        *) cat err; fail "exit code $code with $size, $how" ;;
        esac
        ! find small -name '*.tmp' | grep -q . || fail "a temporary was left with $size, $how"
        mount -o remount,size=20m small || exit 77
        # shellcheck disable=SC2086
        expect 3 "$CUBBY" sort photos --into small $how
        (cd small && snapshot .) | grep -v ' folder ' >actual
        # Archives are of different ages.
        sed -i -E 's/ [0-9]+$//' expected actual
        same expected actual "with $size, $how"
        expect 0 "$CUBBY" verify small
        umount small
        rm -rf photos
        mv original photos
    done
    [ $full -gt 1 ] || fail "the disk was never full: this tests nothing ($how)"
done
