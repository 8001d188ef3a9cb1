# Checks that the scripts share; sourced: . "$SCRIPTS/lib/common.sh"
set -u

fail() {
    echo "FAILED: $*"
    exit 1
}

# expect CODE COMMAND...: runs it, keeps what it says in `out` and `err`, and checks the exit code.
expect() {
    local wanted=$1
    shift
    "$@" >out 2>err
    local code=$?
    if [ $code -ne "$wanted" ]; then
        cat out err
        fail "exit code $code, not $wanted: $*"
    fi
}

# The last command said this (a fixed string) on standard output, or on standard error.
out_has() { grep -qF -- "$1" out || { cat out; fail "standard output lacks: $1"; }; }
err_has() { grep -qF -- "$1" err || { cat err; fail "standard error lacks: $1"; }; }
out_is_empty() { [ ! -s out ] || { cat out; fail "standard output is not empty"; }; }

# One clear sentence in the style of all others (a lower-case start, no full stop), and no crash.
one_error() {
    [ "$(grep -c '^cubby: error: ' err)" -eq 1 ] || { cat err; fail "not one error was named"; }
    ! grep -vE '^cubby: error: [A-Z]:/' err | grep -qE '^cubby: error: ([A-Z]|.*\.$)' || { cat err; fail "not in the style of errors"; }
}

need() { # COMMAND: or skip
    command -v "$1" >/dev/null || { echo "skipped: no $1 here"; exit 77; }
}

# What only POSIX has: not_on_windows REASON skips the rest there.
not_on_windows() {
    [ "$SYSTEM" != windows ] || { echo "skipped: $1"; exit 77; }
}

# stop PROCESS: as a user or the system does; then its exit code is $stopped. Wine turns only Ctrl-C
# into what Windows has, and only in threads of its own, which the driver's are not: the first is.
if [ "$SYSTEM" = windows ]; then
    stopped=130
    stop() {
        python3 -c "import ctypes, sys
ctypes.CDLL(None).syscall(234, $1, $1, 2) # tgkill, SIGINT"
    }
else
    stopped=143
    stop() { kill -TERM "$1"; }
fi

# A Vulkan device, or skip; with CUBBY_REQUIRE_VULKAN, as tools/test sets it, fail.
need_device() {
    "$CUBBY" devices >/dev/null 2>&1 && return
    [ -z "${CUBBY_REQUIRE_VULKAN:-}" ] || fail "there is no Vulkan device"
    echo "skipped: no Vulkan device"
    exit 77
}

# model.safetensors: a cubby model with 3 classes, of made-up weights.
make_model() {
    need python3
    python3 "$SCRIPTS/lib/make_model.py" plain.safetensors || fail "no model"
    printf 'red\ngreen\nblue\n' >labels.txt
    "$CUBBY" import plain.safetensors -o model.safetensors --labels labels.txt -q ||
        fail "import failed"
}

# The program with a classifier that needs no device (red, green, blue, grey), and a tree for it.
use_stub() {
    need python3
    CUBBY=$(dirname "$CUBBY")/cubby_stub
    [ -x "$CUBBY" ] || fail "there is no $CUBBY"
}
make_tree() { python3 "$SCRIPTS/lib/make_tree.py" "$@"; }
snapshot() { python3 "$SCRIPTS/lib/snapshot.py" "$@"; }

# same A B: two files, or fail showing how they differ.
same() { diff "$1" "$2" >difference || { head -40 difference; fail "$1 and $2 differ${3:+: $3}"; }; }
