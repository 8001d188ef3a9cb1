# Moving to another file system and back, for real.
. "$SCRIPTS/lib/common.sh"
not_on_windows "other mounts are not seen by Wine's server"
use_stub
if [ -z "${INSIDE:-}" ]; then
    need unshare
    mkdir there
    unshare -Urm sh -c 'mount -t tmpfs none there' 2>/dev/null ||
        { echo "skipped: no tmpfs can be mounted here"; exit 77; }
    INSIDE=1 exec unshare -Urm bash "$0"
fi
mount -t tmpfs none there || exit 77
make_tree photos 30
snapshot photos >before
expect 3 "$CUBBY" sort photos --into there/sorted --move
find photos -name 'IMG*' | grep -q . && fail "a photo that was moved is still there"
expect 0 "$CUBBY" verify there/sorted
expect 1 "$CUBBY" sort photos --into there/linked --link
err_has "without --link"
expect 3 "$CUBBY" sort photos --into there/links --symlink
expect 0 "$CUBBY" undo there/links
expect 0 "$CUBBY" undo there/sorted
snapshot photos >after
same before after
[ ! -e there/sorted ] || fail "the output was left"
