# Wrong usage: exit code 2, one sentence on standard error, nothing on standard output.
. "$SCRIPTS/lib/common.sh"

wrong() {
    expect 2 "$CUBBY" "$@"
    out_is_empty
    one_error
}

wrong sortt
wrong --nonsense
wrong sort
wrong sort a --threshold 1.5
wrong sort a --threshold x
wrong sort a --pack rar
wrong sort a --batch 600
wrong bench --batch 600
wrong classify
wrong classify a --json --csv
wrong classify a --logits --top 0
wrong info
wrong info a b
wrong import a
wrong devices a
wrong bench --threads -1

# A folder is never sorted into itself, and a lone file has no folder beside it.
mkdir photos
touch photo.jpg
wrong sort photos --into photos
wrong sort photos --into ./photos/../photos/
wrong sort photo.jpg
wrong sort photos --into photo.jpg
if [ "$SYSTEM" != windows ]; then # Wine follows links without a word
    ln -s photos link
    wrong sort link --into photos
fi
[ -z "$(ls -A photos)" ] || fail "something was written"
