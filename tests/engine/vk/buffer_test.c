#include "engine/harness.h"
#include "vk/buffer.h"

// A device whose own memory is all taken: what is left is the computer's.
static void take_device_memory(struct cubby_gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++)
        gpu->memory.memoryTypes[i].propertyFlags &= ~VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
}

static void tensors_stay_on_the_card(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    struct buffer buffer;
    gpu->info.kind = CUBBY_DEVICE_DISCRETE;
    assert_int_equal(buffer_create(&buffer, gpu, BUFFER_DEVICE, 4096), CUBBY_OK);
    buffer_destroy(&buffer, gpu);
    take_device_memory(gpu);
    assert_int_equal(buffer_create(&buffer, gpu, BUFFER_DEVICE, 4096), CUBBY_NO_MEMORY);
    assert_null(buffer.handle);
    // What crosses the bus anyway may lie on its other side, and so may all of an integrated GPU's.
    assert_int_equal(buffer_create(&buffer, gpu, BUFFER_INPUT, 4096), CUBBY_OK);
    buffer_destroy(&buffer, gpu);
    gpu->info.kind = CUBBY_DEVICE_INTEGRATED;
    assert_int_equal(buffer_create(&buffer, gpu, BUFFER_DEVICE, 4096), CUBBY_OK);
    buffer_destroy(&buffer, gpu);
    harness_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_stay_on_the_card)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
