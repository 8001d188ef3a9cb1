# Logging off, and taskkill, stop a sort as Ctrl-C does: what is in hand is finished, and it goes on the
# next time.
. "$SCRIPTS/lib/common.sh"
[ "$SYSTEM" = windows ] || { echo "skipped: this is not Windows"; exit 77; }
use_stub
tools=$(realpath "$SCRIPTS/../../tools/windows")
make_tree photos 200
for how in log-off close; do
    rm -f lines
    CUBBY_STUB_DELAY_MS=200 "$CUBBY" sort photos --into "sorted $how" --json >lines 2>err &
    cubby=$!
    for _ in $(seq 500); do [ -s lines ] && break; sleep 0.02; done
    "$tools/wine" "$(dirname "$CUBBY")/end_session.exe" $how || fail "the program has no window to tell"
    code=0
    wait $cubby || code=$?
    [ $code -eq 143 ] || { cat err; fail "exit code $code, not 143"; }
    err_has "run the same command again"
    expect 3 "$CUBBY" sort photos --into "sorted $how"
    expect 0 "$CUBBY" verify "sorted $how"
done
