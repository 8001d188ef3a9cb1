# Names that could drive a terminal or forge a result are shown escaped.
. "$SCRIPTS/lib/common.sh"
not_on_windows "no name has such characters"
make_model
need_device
mkdir photos
python3 "$SCRIPTS/lib/make_photos.py" made 1
photo=$(find made -type f | head -n 1)
cp "$photo" photos/$'a\nb.ppm: red 99.0 %.ppm'
echo text >photos/$'c\033[31m.jpg'
expect 3 "$CUBBY" classify --model model.safetensors photos
[ "$(wc -l <out)" -eq 1 ] || { cat out; fail "a name forged a line"; }
out_has 'a\x0ab.ppm'
err_has 'c\x1b[31m.jpg'
expect 3 "$CUBBY" sort --model model.safetensors photos --log-file log
err_has 'c\x1b[31m.jpg'
if grep -q $'\033' err log; then
    fail "an escape reached the terminal or the log"
fi

# A reader that leaves early costs its results, not the photos: everything is in order after it.
expect 3 "$CUBBY" sort --model model.safetensors photos --into again --json
"$CUBBY" sort --model model.safetensors photos --into piped --json 2>err | head -c 1 >/dev/null
[ -z "$(find piped -name '*.tmp')" ] || fail "temporaries are left"
