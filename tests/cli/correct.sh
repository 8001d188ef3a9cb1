# What a person moved inside a sorted folder is found and noted; verify, undo and later sorts go by
# it, and no photo is ever lost, doubled, or put elsewhere.
. "$SCRIPTS/lib/common.sh"
use_stub
need sqlite3
make_tree photos 60
find photos -exec touch -h -d 2020-01-02T03:04:05.123456789 {} +
snapshot photos >originals
sql() { sqlite3 "$1/.cubby/catalogue.sqlite" "$2"; }
first() { find "$1" -maxdepth 1 -name '*.ppm' | sort | sed -n "${2:-1}p"; }
files() { snapshot "$1" | grep -v ' folder ' | grep -v '\.cubby'; }

# Moves photos of `sorted` about, as people do.
move_some() {
    mkdir sorted/stool sorted/red/old
    wrong=$(first sorted/red)
    mv "$wrong" sorted/green/
    mv "$(first sorted/red)" sorted/stool/new.ppm          # a new class, and a new name
    mv "$(first sorted/red)" sorted/red/old/               # looked at, and right
    mv "$(first sorted/blue)" sorted/unsure/               # doubtful
    mv "$(first sorted/unsure 2)" sorted/blue/certain.ppm
    with=$(find sorted/green -name '*.xmp' | sort | sed -n 1p) # a photo and what belongs to it
    mv "${with%.xmp}.ppm" "$with" sorted/stool/
}

symlink=--symlink
[ "$SYSTEM" != windows ] || symlink= # Wine says that it makes symbolic links, and does not
for how in "" --move --link $symlink; do
    # shellcheck disable=SC2086
    expect 3 "$CUBBY" sort photos --into sorted $how
    move_some
    files sorted >moved
    # Nobody has taken note yet: worth knowing, but no damage.
    expect 0 "$CUBBY" verify sorted
    err_has "it was moved to stool/new.ppm since"
    expect 0 "$CUBBY" correct sorted -n
    [ "$(sql sorted "select count(*) from corrections")" -eq 0 ] || fail "a dry run took note"
    expect 0 "$CUBBY" correct sorted
    out_has "5 photos placed elsewhere:"
    out_has "1  red -> green"
    out_has "red -> stool (a new class)"
    out_has "blue -> unsure"
    out_has "unsure -> blue"
    out_has "green -> stool (a new class)"
    out_has "1 was renamed or moved within its class"
    files sorted >after
    same moved after "correct changed photos ($how)"
    expect 0 "$CUBBY" verify sorted
    ! grep -q "moved to" err || fail "what was noted is told again"
    # By name, and what was noted is not told as new.
    expect 0 "$CUBBY" correct sorted --json
    [ "$(grep -c '"kind": "earlier"' out)" -eq 5 ] || fail "not what was noted before ($how)"
    out_has '"moved": 0'
    # Sorting again, by the same and by another model, leaves them alone.
    expect 3 "$CUBBY" sort photos --into sorted $how --threshold 0.51 --again
    expect 3 env CUBBY_STUB_MODEL=2 "$CUBBY" sort photos --into sorted $how --again
    expect 0 "$CUBBY" sort --from-catalogue sorted $how --threshold 0.95
    for place in "green/$(basename "$wrong")" stool/new.ppm blue/certain.ppm; do
        [ -e "sorted/$place" ] || fail "$place was put elsewhere ($how)"
    done
    [ "$(find sorted/stool sorted/red/old -not -type d | wc -l)" -eq 4 ] || fail "not as placed ($how)"
    expect 0 "$CUBBY" verify sorted
    grep -q '"filed_as": "stool/new.ppm", "reason": "placed by a person"' sorted/.cubby/report.jsonl ||
        fail "the report does not say who placed it ($how)"
    # All is taken back, from wherever it is; what was learned of photos stays.
    : >told
    for run in 1 2 3 4 5; do
        "$CUBBY" undo sorted >out 2>err
        code=$?
        cat err >>told
        [ $code -ne 1 ] || break
        [ $code -eq 0 ] || [ $code -eq 3 ] || { cat err; fail "undo $run failed ($how)"; }
    done
    grep -q "it remembers where photos were placed" told || fail "not said what stays ($how)"
    [ "$(find sorted -not -path 'sorted/.cubby*' -not -type d | wc -l)" -eq 0 ] ||
        { find sorted; fail "undo left something ($how)"; }
    snapshot photos >after
    same originals after "undo after moves ($how)"
    # A new sort puts them where they were placed.
    expect 3 "$CUBBY" sort photos --into sorted
    err_has "6 where a person placed them"
    [ "$(find sorted/stool -name '*.ppm' | wc -l)" -eq 2 ] || fail "a class of a person's is forgotten"
    [ "$(find sorted/stool -name '*.xmp' | wc -l)" -eq 1 ] || fail "a sidecar did not come along"
    expect 0 "$CUBBY" verify sorted
    # And so does one into another folder, by what was found before.
    expect 0 "$CUBBY" sort --from-catalogue sorted --into other --threshold 0.6
    [ "$(find other/stool -name '*.ppm' | wc -l)" -eq 2 ] || fail "another folder knows nothing of it"
    expect 0 "$CUBBY" undo other
    rm -rf sorted other
done

# A file that a later sort renamed and a person then placed stays when that sort is taken back.
expect 3 "$CUBBY" sort photos --into sorted
expect 3 env CUBBY_STUB_MODEL=2 "$CUBBY" sort photos --into sorted --again
placed=$(first sorted/red)
mv "$placed" sorted/unsure/placed.ppm
expect 0 "$CUBBY" correct sorted
expect 3 "$CUBBY" undo sorted
err_has "Kept unsure/placed.ppm: a person put it there"
[ -e sorted/unsure/placed.ppm ] || fail "undo moved what a person placed"
expect 0 "$CUBBY" verify sorted
expect 0 "$CUBBY" undo sorted
snapshot photos >after
same originals after "two undos"
rm -rf sorted

# Copied, changed, deleted, strange, in a folder of the same name in capitals; a class renamed.
expect 3 "$CUBBY" sort photos --into sorted
cp "$(first sorted/red)" sorted/blue/
rm "$(first sorted/red 2)"
echo edited >>"$(first sorted/red 3)"
echo P6 >sorted/red/stranger.ppm
mkdir sorted/GREEN
mv "$(first sorted/green)" sorted/GREEN/
mv "$(first sorted/blue 2)" sorted/
mv sorted/blue sorted/azure
expect 0 "$CUBBY" correct sorted
out_has "1 lies in several classes, and says nothing"
out_has "1 is gone"
out_has "1 was changed"
out_has "1 photo was not sorted by cubby"
out_has "1 was renamed or moved within its class"
out_has "blue -> unsure"
expect 0 "$CUBBY" correct sorted -v
out_has "red/stranger.ppm: not sorted by cubby"
# What is gone or changed is damage still.
expect 4 "$CUBBY" verify sorted
[ "$(grep -c '^{"damage"' out)" -eq 0 ] || fail "unasked JSON"
err_has "it is missing"
rm -rf sorted

# A whole class under a new name.
expect 3 "$CUBBY" sort photos --into sorted
mv sorted/blue sorted/azure
expect 0 "$CUBBY" correct sorted
out_has "The class blue is called azure now"
out_has "0 photos placed elsewhere"
expect 3 "$CUBBY" sort photos --into sorted --again --threshold 0.55
[ ! -e sorted/blue/* ] 2>/dev/null || fail "photos went back to the old name"
expect 0 "$CUBBY" verify sorted
rm -rf sorted

# Archives cannot be corrected; other folders are none of ours.
expect 3 "$CUBBY" sort photos --into sorted --pack zip
expect 0 "$CUBBY" correct sorted
out_has "photos are in archives"
expect 1 "$CUBBY" correct photos
err_has "is no folder that photos were sorted into"
one_error
expect 1 "$CUBBY" correct nowhere
one_error

# What can go wrong before anything is learned; no model file is left by any of it.
rm -rf sorted
expect 3 "$CUBBY" sort photos --into sorted
expect 1 "$CUBBY" correct sorted -o new.safetensors
err_has "nobody has moved a photo"
one_error
mv "$(first sorted/red)" sorted/blue/
expect 1 "$CUBBY" correct sorted -o new.safetensors # the stub's model is no file
err_has "name the one to begin from with --from"
one_error
expect 1 "$CUBBY" correct sorted -o new.safetensors --from words.txt
[ ! -e new.safetensors ] || fail "a model was written"
[ "$(sql sorted "select count(*) from corrections")" -eq 1 ] || fail "what was moved is not noted"
echo mine >new.safetensors
expect 1 "$CUBBY" correct sorted -o new.safetensors
err_has "is already there"
grep -q mine new.safetensors || fail "a file was overwritten"

# A sort that was killed half-way goes on first.
rm -rf sorted
expect 3 "$CUBBY" sort photos --into sorted
sql sorted "update filings set state = 0 where id = (select max(id) from filings)"
expect 1 "$CUBBY" correct sorted
err_has "was left in the middle of a sort"
exit 0
