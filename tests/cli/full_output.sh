# Standard output on a full disk: said once, exit code 5, whatever the command.
. "$SCRIPTS/lib/common.sh"
[ -c /dev/full ] || { echo "skipped: no /dev/full here"; exit 77; }
make_model

full() {
    "$CUBBY" "$@" >/dev/full 2>err
    local code=$?
    [ $code -eq 5 ] || { cat err; fail "exit code $code, not 5: $*"; }
    one_error
    err_has "standard output: no space left"
}

full help
full sort --help
full --version
full --generate man
full --generate complete-bash
full info model.safetensors
full info model.safetensors --json

need_device
python3 "$SCRIPTS/lib/make_photos.py" photos 12
full devices
full devices --json
full classify photos --model model.safetensors
full classify photos --model model.safetensors --csv --batch 2
full classify photos --model model.safetensors --json --logits
full sort photos --model model.safetensors --json
full sort photos --model model.safetensors --json --dry-run
full bench --model model.safetensors --seconds 0.1 --batch 1 --json
full bench --model model.safetensors --seconds 0.1 --batch 1 --photos photos

# What was filed before it was noticed is in the report all the same.
[ -s photos-sorted/.cubby/report.csv ] || fail "no report"
