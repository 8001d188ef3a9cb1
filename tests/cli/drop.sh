# A folder where the command should be is sorted beside itself, as when it is dragged onto the
# program.
. "$SCRIPTS/lib/common.sh"
use_stub
make_tree photos 12
expect 3 "$CUBBY" photos
[ -e photos-sorted/.cubby/report.csv ] || fail "the photos were not sorted"
expect 3 "$CUBBY" sort photos
err_has "0 filed"
mkdir more
touch export.pkl
expect 1 "$CUBBY" more export.pkl
one_error
err_has "cubby import"
expect 2 "$CUBBY" nowhere
one_error
