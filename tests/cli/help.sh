# Help goes to standard output, names every command, and is no error.
. "$SCRIPTS/lib/common.sh"

for how in "" help --help -h; do
    # shellcheck disable=SC2086
    expect 0 "$CUBBY" $how
    for command in sort classify import info devices bench; do
        out_has "$command"
    done
done
for command in sort classify import info devices bench; do
    expect 0 "$CUBBY" help $command
    out_has "cubby $command"
    cp out first
    expect 0 "$CUBBY" $command --help
    cmp -s out first || fail "two helps for $command"
done
expect 0 "$CUBBY" --version
out_has "cubby "
[ ! -s err ] || fail "something on standard error"
