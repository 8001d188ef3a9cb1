// How much room values take.
#include "engine/harness.h"
#include "graph/layout.h"

static void spare_pixels_end_whole_tiles(void **state)
{
    (void)state;
    struct value_layout layout = {
        .order = LAYOUT_PIXELS,
        .element_bytes = LAYOUT_HALF,
        .channels = 64,
        .height = 7,
        .width = 7,
    };
    assert_int_equal(layout_bytes(&layout, 5), 5 * 49 * 64 * 2);
    assert_int_equal(layout_room_bytes(&layout, 5), 5 * 49 * 64 * 2);
    layout.spare = true; // of all images together
    assert_int_equal(layout_bytes(&layout, 5), 5 * 49 * 64 * 2);
    assert_int_equal(layout_room_bytes(&layout, 5), 256 * 64 * 2);
    assert_int_equal(layout_room_bytes(&layout, 6), 2 * 256 * 64 * 2);
    assert_int_equal(layout_room_bytes(&layout, 256), 49 * 256 * 64 * 2);
    layout.height = layout.width = 1;
    assert_int_equal(layout_room_bytes(&layout, 1), 256 * 64 * 2);
    layout.height = layout.width = 100000;
    assert_int_equal(layout_room_bytes(&layout, 512), 512ull * 10000000000 * 64 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spare_pixels_end_whole_tiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
