# Output folders that cannot be: one sentence each, before any photo is looked at, and the right
# exit code; nothing is written.
. "$SCRIPTS/lib/common.sh"
make_model
mkdir -p photos/.hidden other/table other/.cubby
python3 "$SCRIPTS/lib/make_photos.py" photos 3
touch file

refused() { # EXIT CODE, WHAT IS SAID, --into
    expect "$1" "$CUBBY" sort photos --model model.safetensors --threshold 0 --into "$3"
    out_is_empty
    one_error
    err_has "$2"
}
find . -not -path './out' -not -path './err' | sort >before

# The source itself, however it is spelled.
refused 2 "the folder that is being sorted" photos
refused 2 "the folder that is being sorted" other/../photos/
if [ "$SYSTEM" != windows ]; then # Wine follows links without a word
    ln -s photos link
    refused 2 "the folder that is being sorted" link
    rm link
    ln -s other/table elsewhere
    refused 2 "into which cubby sorted photos" elsewhere/sorted
    rm elsewhere
fi
# A file, and what would lie in a file.
refused 2 "is a file" file
refused 1 "not a directory" file/sorted
# Inside what another sort made; also where sort itself would put it.
refused 2 "into which cubby sorted photos" other/table
refused 2 "into which cubby sorted photos" other/table/deep/down
refused 2 "into which cubby sorted photos" other/.cubby
expect 2 "$CUBBY" sort other/table --model model.safetensors
one_error
err_has "into which cubby sorted photos"
find . -not -path './out' -not -path './err' | sort >after
# "before" is not in its own list.
diff <(grep -v before before) <(grep -vE 'before|after' after) || fail "something was written"

need_device
# The same output again is what running it again means.
rm -r other/table
expect 0 "$CUBBY" sort photos --model model.safetensors --threshold 0 --into other
expect 0 "$CUBBY" sort photos --model model.safetensors --threshold 0 --into other/

# Not writable: found with the first photo. Root may write everywhere but where no file can be.
if [ "$(id -u)" -eq 0 ]; then
    locked=/proc/cubby
else
    mkdir -m 555 locked
    locked=locked/sorted
fi
for pack in folders zip; do
    expect 1 "$CUBBY" sort photos --model model.safetensors --threshold 0 --into $locked --pack $pack -q
    grep -q "^cubby: error: \".*\" cannot be written: " err || { cat err; fail "not said"; }
done
