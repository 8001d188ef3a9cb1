# What goes wrong between two runs, and catalogues that somebody else wrote.
. "$SCRIPTS/lib/common.sh"
use_stub
need sqlite3
grey() { # SIDE FILE: a photo that no class gets
    python3 -c "import sys; sys.stdout.buffer.write(b'P6\n$1 $1\n255\n' + bytes(3 * $1 * $1))" >"$2"
}
sql() { sqlite3 "$1/.cubby/catalogue.sqlite" "$2" | sed 's/^Z://' || fail "$2"; }
count() { find "$1" -name '*.ppm' | wc -l; }

# A duplicate whose first photo is not in the output any more is filed in its place.
mkdir photos
grey 8 photos/a.ppm
cp photos/a.ppm photos/b.ppm
expect 0 "$CUBBY" sort photos --into sorted
err_has "1 skipped"
expect 0 "$CUBBY" verify sorted
rm photos/a.ppm sorted/unsure/a.ppm
sql sorted "update photos set status = 'failed', filed_as = null where path like '%/a.ppm';
    delete from filings"
expect 4 "$CUBBY" verify sorted
err_has "duplicate"
expect 0 "$CUBBY" sort photos --into sorted
[ -e sorted/unsure/b.ppm ] || fail "a duplicate of nothing was left out"

# Undo brings back what was known before: an edit is filed the next time.
rm -r photos sorted
make_tree photos 12
rm photos/broken.ppm photos/words.jpg photos/notes.txt
expect 0 "$CUBBY" sort photos --into sorted
edited=$(find "photos/project 0" -name '*.ppm' | sort | head -n 1)
grey 9 "$edited"
expect 0 "$CUBBY" sort photos --into sorted
files=$(count sorted)
expect 0 "$CUBBY" undo sorted
[ "$(count sorted)" -eq $((files - 1)) ] || fail "undo did not take back the edit's copy"
expect 0 "$CUBBY" sort photos --into sorted
[ "$(count sorted)" -eq "$files" ] || fail "the edit was not filed after undo"
expect 0 "$CUBBY" verify sorted

# From one catalogue into another folder, twice: nothing is doubled, sidecars keep their names.
expect 0 "$CUBBY" sort --from-catalogue sorted --into other
(cd other && find . -type f -not -path '*/.cubby/*' | sort) >once
expect 0 "$CUBBY" sort --from-catalogue sorted --into other
(cd other && find . -type f -not -path '*/.cubby/*' | sort) >twice
same once twice "--from-catalogue twice"
find sorted -name '*.xmp' -printf '%f\n' | sort >names
for threshold in 0.99 0.5 0.99 0.5; do
    expect 0 "$CUBBY" sort --from-catalogue sorted --threshold $threshold
    find sorted -name '*.xmp' -printf '%f\n' | sort >now
    # A sidecar has its photo's number, if that gets one among others of its name.
    [ "$(wc -l <now)" -eq "$(wc -l <names)" ] || fail "sidecars were lost or doubled"
    [ $threshold = 0.99 ] || same names now "sidecars after a threshold of $threshold"
    find sorted -name '*.xmp' -printf '%h/%f\n' | while read -r sidecar; do
        [ -e "${sidecar%.xmp}.ppm" ] || fail "$sidecar was left behind by its photo"
    done || exit 1
    expect 0 "$CUBBY" verify sorted
done
expect 0 "$CUBBY" sort photos --into sorted
err_has "0 filed, 0 unsure"
find sorted -name '*.xmp' -printf '%f\n' | sort >now
same names now "sidecars after another sort"
rm -r photos sorted other

# A sort that was interrupted is not finished by --from-catalogue; --again on it is not forgotten.
make_tree photos 40
rm photos/broken.ppm photos/words.jpg photos/notes.txt
CUBBY_STUB_DELAY_MS=100 "$CUBBY" sort photos --into sorted --json >lines 2>err &
cubby=$!
for _ in $(seq 500); do [ -s lines ] && break; sleep 0.02; done
kill -9 $cubby
wait $cubby
expect 1 "$CUBBY" sort --from-catalogue sorted
err_has "interrupted"
expect 4 "$CUBBY" verify sorted
sql sorted "update photos set class = 'red' where class is not null"
expect 0 "$CUBBY" sort photos --into sorted --again
[ "$(sql sorted "select count(*) from photos where class = 'green'")" -gt 0 ] ||
    fail "--again decided nothing anew"
expect 0 "$CUBBY" verify sorted
[ "$(sql sorted "select count(*) from runs where state = 0")" -eq 0 ] || fail "a run was left open"

# Verify looks at what belongs to photos, and says what could not be sorted.
sidecar=$(find sorted -name '*.xmp' | head -n 1)
sql sorted "delete from filings where target = '${sidecar#sorted/}'"
expect 4 "$CUBBY" verify sorted
err_has "belongs to a photo"
rm -r photos sorted
mkdir photos
grey 8 photos/a.ppm
printf 'P6\n8 8\n255\nshort' >photos/b.ppm
expect 3 "$CUBBY" sort photos --into sorted
expect 0 "$CUBBY" verify sorted
err_has "b.ppm"
err_has "1 photos could not be sorted"
# A run's number says nothing about how many there are.
sql sorted "insert into runs select 9000000000000000000, 3, 1, 0, 0, model, model_name, threshold,
    settings, classes, roots, origin, model_path from runs"
expect 0 timeout 20 "$CUBBY" verify sorted
rm -r photos sorted

# What was kept for now is taken back by another undo.
make_tree photos 12
rm photos/broken.ppm photos/words.jpg photos/notes.txt
snapshot photos | grep -v ' folder ' >before
expect 0 "$CUBBY" sort photos --into sorted --move
taken=$(sql sorted "select source from filings where member = 0 limit 1")
echo somebody >"$taken"
expect 3 "$CUBBY" undo sorted
err_has "another file has its old name"
rm "$taken"
expect 0 "$CUBBY" undo sorted
snapshot photos | grep -v ' folder ' >after
same before after "undo in two steps"
[ ! -e sorted ] || fail "something was left in sorted"

# A catalogue of an earlier version is brought up to date.
expect 0 "$CUBBY" sort photos --into sorted
sql sorted "alter table runs drop column origin; alter table runs drop column model_path;
    drop table corrections; drop table lessons; pragma user_version = 1"
expect 0 "$CUBBY" verify sorted
[ "$(sql sorted "pragma user_version")" -eq 3 ] || fail "the schema is an old one still"
expect 0 "$CUBBY" undo sorted

# A catalogue of somebody else's: moved files go nowhere, nothing outside is removed.
expect 0 "$CUBBY" sort photos --into sorted --move
sql sorted "update runs set origin = null"
files=$(count photos) # duplicates stay where they are
expect 3 "$CUBBY" undo sorted
err_has "on another computer"
[ "$(count photos)" -eq "$files" ] || fail "a moved file was put back without being asked"
expect 0 "$CUBBY" undo sorted --trust
snapshot photos | grep -v ' folder ' >after
same before after "undo --trust"
[ "$SYSTEM" = windows ] || # links as POSIX has them, which Wine follows without a word
for temporary in victim.txt elsewhere/victim.txt elsewhere/.cubby-1-1.tmp; do
    rm -rf sorted elsewhere
    mkdir elsewhere
    expect 0 "$CUBBY" sort photos --into sorted
    ln -s "$PWD/elsewhere" sorted/elsewhere
    echo victim >sorted/$temporary
    sql sorted "update filings set state = 0, temporary = '$temporary' where id = 1"
    expect 1 "$CUBBY" sort photos --into sorted
    err_has "leads out of the output folder"
    grep -q victim sorted/$temporary || fail "$temporary was removed"
done
if [ "$SYSTEM" != windows ]; then
# The output's own folders may have become links to somewhere else.
rm -rf sorted elsewhere
expect 0 "$CUBBY" sort photos --into sorted
mv sorted/red elsewhere
ln -s "$PWD/elsewhere" sorted/red
files=$(find elsewhere -type f | wc -l)
[ "$files" -gt 0 ] || fail "no red photos"
expect 3 "$CUBBY" undo sorted
err_has "is a link"
[ "$(find elsewhere -type f | wc -l)" -eq "$files" ] || fail "a file was removed through a link"
fi

# Nothing is put back into an empty folder where the source was: its disk may be away.
rm -rf sorted elsewhere photos
make_tree photos 12
rm photos/broken.ppm photos/words.jpg photos/notes.txt
snapshot photos | grep -v ' folder ' >before
expect 0 "$CUBBY" sort photos --into sorted --move
mv photos away
mkdir photos
expect 3 "$CUBBY" undo sorted
err_has "perhaps its disk is away"
[ -z "$(ls photos)" ] || fail "files were put where they would vanish"
rmdir photos
expect 3 "$CUBBY" undo sorted
[ ! -e photos ] || fail "the folder that was sorted was made again"
mv away photos
expect 0 "$CUBBY" undo sorted
snapshot photos | grep -v ' folder ' >after
same before after "undo after the disk came back"

# One that cannot be put back keeps none of the others from it.
expect 0 "$CUBBY" sort photos --into sorted --move
mv "photos/project 0" away
echo "no folder" >"photos/project 0"
expect 3 "$CUBBY" undo sorted
[ -z "$(find sorted -name '*.ppm' | grep -v 'pic 0\|pic 6\|IMG')" ] || fail "others were kept, too"
rm "photos/project 0"
mv away "photos/project 0"
expect 0 "$CUBBY" undo sorted
snapshot photos | grep -v ' folder ' >after
same before after "undo in two steps"

# An original that only looks like one is none.
expect 0 "$CUBBY" sort photos --into sorted
rotten=$(find "photos/project 1" -name '*.ppm' | head -n 1)
touch -r "$rotten" stamp
size=$(stat -c %s "$rotten")
head -c "$size" /dev/zero >"$rotten"
touch -r stamp "$rotten"
expect 3 "$CUBBY" undo sorted
err_has "this may be the only copy"
[ "$(count sorted)" -eq 1 ] || fail "the last good copy was removed"
rm -rf sorted photos

# A sort that was given up for another folder is not well.
make_tree photos 40
make_tree others 4
CUBBY_STUB_DELAY_MS=100 "$CUBBY" sort photos --into sorted --json >lines 2>err &
cubby=$!
for _ in $(seq 500); do [ -s lines ] && break; sleep 0.02; done
kill -9 $cubby
wait $cubby
expect 3 "$CUBBY" sort others --into sorted --again
expect 4 "$CUBBY" verify sorted
err_has "given up"
rm -rf sorted

# What --from-catalogue never looked for is not missing.
expect 3 "$CUBBY" sort photos --into sorted --no-groups
expect 0 "$CUBBY" sort --from-catalogue sorted --threshold 0.99
expect 0 "$CUBBY" verify sorted
