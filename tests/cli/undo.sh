# After undo all is as it was: names, contents, permissions and times, of folders too.
. "$SCRIPTS/lib/common.sh"
use_stub
mkdir -p home/there/red
make_tree home/photos 30
echo mine >home/there/red/mine.txt
find home -exec touch -h -d 2020-01-02T03:04:05.123456789 {} +
snapshot home >before
symlink=--symlink
[ "$SYSTEM" != windows ] || symlink=--link # Wine says that it makes symbolic links, and does not
for how in "" "--move" "--link" "$symlink" "--pack zip" "--pack tar.zst" "--pack 7z"; do
    for into in home/new home/there; do
        # shellcheck disable=SC2086
        expect 3 "$CUBBY" sort home/photos --into $into $how
        snapshot home >sorted
        ! cmp -s before sorted || fail "nothing was done ($how)"
        expect 0 "$CUBBY" undo $into --dry-run
        snapshot home >dry
        same sorted dry "a dry run changed something ($how)"
        expect 0 "$CUBBY" undo $into
        snapshot home >after
        same before after "$how $into"
        [ ! -e $into/.cubby ] || fail "cubby's folder was left ($how)"
    done
done

# Two sorts: one at a time, the last first.
expect 3 "$CUBBY" sort home/photos --into home/new
snapshot home >first
expect 3 "$CUBBY" sort home/photos --into home/new --threshold 0.9 --again
snapshot home >second
! cmp -s first second || fail "another threshold changed nothing"
expect 0 "$CUBBY" verify home/new
expect 0 "$CUBBY" undo home/new
# What the second sort made stays only in the times of the folders it made.
snapshot home | grep -v ' folder ' >after
grep -v ' folder ' first >before_files
same before_files after
expect 0 "$CUBBY" verify home/new
expect 0 "$CUBBY" undo home/new
snapshot home >after
same before after
expect 1 "$CUBBY" undo home/new
one_error

# What a person changed is kept and named.
expect 3 "$CUBBY" sort home/photos --into home/new --move
edited=$(find home/new/red -name '*.ppm' | head -n 1)
renamed=$(find home/new/green -name '*.ppm' | head -n 1)
taken=$(sqlite3 home/new/.cubby/catalogue.sqlite \
    "select source from filings where target like 'blue/%' limit 1" 2>/dev/null) || need sqlite3
taken=${taken#Z:}
echo edited >>"$edited"
mv "$renamed" home/new/green/elsewhere.ppm
echo somebody >"$taken"
expect 3 "$CUBBY" undo home/new --json
err_has "it was changed since"
err_has "it is not there any more"
err_has "another file has its old name"
grep -q edited "$edited" || fail "an edited file was lost"
[ -e home/new/green/elsewhere.ppm ] || fail "a renamed file was lost"
grep -q somebody "$taken" || fail "somebody's file was lost"
python3 - <<'PYTHON' || fail "the account is wrong"
import json
lines = [json.loads(line) for line in open("out")]
summary = lines.pop()["summary"]
assert summary["kept"] == 3 == sum(line["done"] == "kept" for line in lines), summary
assert summary["restored"] == len(lines) - 3, summary
PYTHON

# The only copy is never removed.
rm -rf home/new home/photos
make_tree home/photos 8
expect 3 "$CUBBY" sort home/photos --into home/new
rm -r "home/photos/project 0"
expect 3 "$CUBBY" undo home/new
err_has "this may be the only copy"
find home/new -name '*.ppm' | grep -q . || fail "the last copy was removed"

[ "$SYSTEM" != windows ] || exit 0 # Wine follows links without a word
# Nor where the original is a link to it, or its old folder one to the new.
rm -rf home
make_tree home/photos 8
expect 3 "$CUBBY" sort home/photos --into home/new
copy=$(find home/new/red -name '*.ppm' | head -n 1)
original=$(grep -F "${copy#home/new/}" home/new/.cubby/report.csv | head -n 1 | cut -d, -f1)
[ -f "$original" ] || fail "no original of $copy"
ln -sf "$PWD/$copy" "$original"
expect 3 "$CUBBY" undo home/new
[ -f "$copy" ] || fail "the last copy was removed through a link to it"
rm -rf home
make_tree home/photos 8
expect 3 "$CUBBY" sort home/photos --into home/new --move
moved=$(sqlite3 home/new/.cubby/catalogue.sqlite \
    "select source from filings where target like 'red/%' order by id limit 1")
folder=$(dirname "$moved")
rm -rf "$folder"
ln -s "$PWD/home/new/red" "$folder"
before=$(find home/new/red -type f | wc -l)
"$CUBBY" undo home/new >out 2>err
after=$(find home -name '*.ppm' -type f | wc -l)
[ "$after" -ge "$before" ] && [ -f "home/new/red/$(basename "$moved")" ] ||
    fail "a moved photo was lost through a link"
