# A model that is not there is named, before anything else happens.
. "$SCRIPTS/lib/common.sh"

mkdir photos
touch photos/a.jpg
for command in "sort photos" "classify photos" "bench"; do
    # shellcheck disable=SC2086
    expect 1 "$CUBBY" $command --model nowhere.safetensors
    out_is_empty
    one_error
    err_has "nowhere.safetensors"
    err_has "no such file"
done
expect 1 "$CUBBY" info nowhere.safetensors
err_has "nowhere.safetensors"
expect 1 env CUBBY_MODEL=elsewhere.safetensors "$CUBBY" classify photos
err_has "elsewhere.safetensors"
[ ! -e photos-sorted ] || fail "the output folder was made"
