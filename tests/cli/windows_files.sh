# What only files on Windows are: of the same name in another case, read-only, hidden, held by others,
# called as devices are, deeper than 260 characters.
. "$SCRIPTS/lib/common.sh"
[ "$SYSTEM" = windows ] || { echo "skipped: this is not Windows"; exit 77; }
use_stub
tools=$(realpath "$SCRIPTS/../../tools/windows")
ppm() { # FILE NUMBER: red photos, all different
    mkdir -p "$(dirname "$1")"
    python3 -c "import sys; sys.stdout.buffer.write(b'P6\n12 12\n255\n' + b'\xdc\x1e\x1e' * 143 + bytes((220, 30, $2)))" >"$1"
}

# Names in another case are the same name; classes and files called as devices get another.
ppm photos/one/IMG.PPM 1
ppm photos/two/img.ppm 2
ppm photos/two/aux.ppm 3
ppm photos/con/nul.ppm 4
ppm photos/two/read-only.ppm 5
chmod 444 photos/two/read-only.ppm
expect 0 "$CUBBY" photos # as dragging it onto the program does
(cd photos-sorted/red && ls) | sort >names
printf '%s\n' IMG.PPM aux_.ppm 'img (2).ppm' nul_.ppm read-only.ppm | sort >expected
same expected names
[ ! -w photos-sorted/red/read-only.ppm ] || [ "$(stat -c %a photos-sorted/red/read-only.ppm)" = 444 ] ||
    fail "a copy of a read-only file can be written"
expect 0 "$CUBBY" verify photos-sorted
expect 0 "$CUBBY" undo photos-sorted
[ ! -e photos-sorted ] || fail "read-only copies were left"
snapshot photos | grep -v ' folder ' >before
expect 0 "$CUBBY" sort photos --into moved --move
expect 0 "$CUBBY" undo moved
snapshot photos | grep -v ' folder ' >after
same before after "undo of a move"

# Hidden ones are passed over; who names one means it, and its copy is hidden, too.
ppm hidden/a.ppm 1
ppm hidden/b.ppm 2
"$tools/wine" attrib +h hidden/b.ppm
expect 0 "$CUBBY" sort hidden --into visible --json
[ "$(grep -c '"status": "filed"' out)" -eq 1 ] || { cat out; fail "a hidden file was sorted"; }
expect 0 "$CUBBY" sort hidden/b.ppm --into named
"$tools/wine" attrib named/red/b.ppm | grep -q '^ *[A ]* *H' || fail "the copy is not hidden"

# Far below, and to far below.
deep=$(printf 'folder %070d/' 1 2 3 4 5)
ppm "deep/$deep/a.ppm" 1
expect 0 "$CUBBY" sort deep --into "far/$deep/sorted" --pack zip
expect 0 "$CUBBY" verify "far/$deep/sorted"
expect 0 "$CUBBY" sort deep --into "far/$deep/copies"
[ -e "far/$deep/copies/red/a.ppm" ] || fail "nothing was filed far below"

# Held by another program for a moment: waited for. For long: that photo fails, by its name.
hold() { # FILE MILLISECONDS
    "$tools/wine" "$(dirname "$CUBBY")/hold_file.exe" "$1" "$2" >holding 2>&1 &
    for _ in $(seq 100); do grep -q held holding && return; sleep 0.05; done
    fail "$1 could not be held"
}
ppm busy/a.ppm 1
ppm busy/b.ppm 2
hold busy/a.ppm 1000
expect 0 "$CUBBY" sort busy --into soon
hold busy/b.ppm 8000
expect 3 "$CUBBY" sort busy --into late
err_has "busy/b.ppm: cannot be opened: resource busy or locked"
err_has "1 filed"
wait
expect 0 "$CUBBY" sort busy --into late
err_has "1 filed"
