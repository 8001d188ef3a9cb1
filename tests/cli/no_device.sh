# Without a Vulkan driver: exit code 1 and what to do about it.
. "$SCRIPTS/lib/common.sh"
export VK_DRIVER_FILES=/nonexistent/driver.json VK_ICD_FILENAMES=/nonexistent/driver.json
make_model
mkdir photos
python3 "$SCRIPTS/lib/make_photos.py" photos 2

expect 1 "$CUBBY" devices
out_is_empty
one_error
err_has "Vulkan"
expect 1 "$CUBBY" sort photos --model model.safetensors
one_error
err_has "Vulkan"
[ ! -e photos-sorted ] || fail "the output folder was made"
expect 1 "$CUBBY" classify photos --model model.safetensors
err_has "Vulkan"
