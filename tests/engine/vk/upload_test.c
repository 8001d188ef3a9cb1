// Inputs on their way to the device: which way is chosen, that each gives the same answers however
// full the slots are, and that a batch which cannot be started leaves nothing behind.
#include "engine/harness.h"
#include "engine/net.h"
#include "vk/device.h"
#include "vk/upload.h"

#define SIDE_X 37u // 37 x 29 x 3 bytes: not whole groups of four pixels
#define SIDE_Y 29u
#define IMAGE_BYTES ((size_t)SIDE_X * SIDE_Y * 3)
#define CHANNELS 8u
#define BATCH 4u
#define SLOTS 3u
#define ROUNDS 40u

static const enum cubby_upload ways[] = {CUBBY_UPLOAD_MAPPED, CUBBY_UPLOAD_COPIED,
                                         CUBBY_UPLOAD_QUEUED};
#define WAYS (sizeof(ways) / sizeof(*ways))

// Where the device has no queue for copies the compute queue stands in: a queue may be submitted to
// twice, and the semaphores between are the same.
static void require_transfer_queue(struct cubby_gpu *gpu)
{
    if (!gpu->transfer_queue)
        assert_int_equal(device_open_transfer(gpu, gpu->queue_family), CUBBY_OK);
}

// ---- a small network

static struct graph *make_graph(void)
{
    static const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
    static const float bias[CHANNELS];
    static float weight[CHANNELS * 3 * 7 * 7];
    struct harness_random random = {17};
    for (size_t i = 0; i < sizeof(weight) / sizeof(*weight); i++)
        weight[i] = (float)harness_range(&random, 0, 2000) / 1000.0f - 1.0f;
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    const struct graph_conv_params params = {
        .out_channels = CHANNELS,
        .kernel = 7,
        .stride = 2,
        .pad = 3,
        .relu = true,
        .residual = GRAPH_NONE,
        .weights = {.weight = weight, .bias = bias},
    };
    const uint32_t pixels = graph_normalize(graph, SIDE_X, SIDE_Y, false, mean, std);
    const uint32_t pooled = graph_global_pool(graph, graph_conv(graph, pixels, &params), false);
    graph_unpack(graph, pooled, GRAPH_LOGITS);
    assert_false(graph->overflow);
    return graph;
}

static struct executor *make_executor(struct cubby_gpu *gpu)
{
    struct graph *graph = make_graph();
    const struct executor_params params = {.max_batch = BATCH, .slots = SLOTS};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    free(graph);
    return executor;
}

// Of a round: how many images, other ones in each. What is left of the slot is noise, too.
static uint32_t fill(struct executor *executor, uint32_t slot, uint32_t round)
{
    struct harness_random random = {round * 977 + 5};
    uint8_t *pixels = executor_input(executor, slot);
    for (size_t i = 0; i < BATCH * IMAGE_BYTES; i++)
        pixels[i] = (uint8_t)harness_next(&random);
    return round % 3 ? harness_range(&random, 1, BATCH) : BATCH;
}

static const float *land(struct executor *executor, uint32_t slot)
{
    assert_int_equal(executor_wait(executor, slot), CUBBY_OK);
    return executor_output(executor, slot, GRAPH_LOGITS);
}

struct answers {
    uint32_t counts[ROUNDS];
    float rows[ROUNDS][BATCH * CHANNELS];
};

// One batch after the other, each alone on the device.
static void expect_answers(struct executor *executor, struct answers *answers)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint32_t count = answers->counts[round] = fill(executor, 0, round);
        assert_int_equal(executor_submit(executor, 0, count), CUBBY_OK);
        memcpy(answers->rows[round], land(executor, 0), count * CHANNELS * sizeof(float));
    }
    assert_memory_not_equal(answers->rows[0], answers->rows[1], CHANNELS * sizeof(float));
}

// All slots in flight, each filled again as soon as its batch has landed.
static void check_answers(struct executor *executor, const struct answers *answers,
                          const char *what)
{
    for (uint32_t round = 0; round < ROUNDS + SLOTS; round++) {
        const uint32_t slot = round % SLOTS;
        if (round >= SLOTS) {
            const uint32_t landed = round - SLOTS;
            const float *rows = land(executor, slot);
            if (memcmp(rows, answers->rows[landed],
                       answers->counts[landed] * CHANNELS * sizeof(float)) != 0)
                fail_msg("%s: other answers in round %u", what, landed);
        }
        if (round < ROUNDS)
            assert_int_equal(executor_submit(executor, slot, fill(executor, slot, round)),
                             CUBBY_OK);
    }
}

static void every_way_gives_the_same_answers(void **state)
{
    (void)state;
    struct answers *answers = calloc(1, sizeof(*answers));
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        require_transfer_queue(gpu);
        gpu->upload = CUBBY_UPLOAD_MAPPED;
        struct executor *executor = make_executor(gpu);
        const uint64_t mapped_bytes = executor_device_bytes(executor);
        expect_answers(executor, answers);
        executor_destroy(&executor);
        for (size_t w = 0; w < WAYS; w++) {
            char what[64];
            gpu->upload = ways[w];
            snprintf(what, sizeof(what), "%s, %s", harness_name(gpu), cubby_upload_text(ways[w]));
            executor = make_executor(gpu);
            assert_int_equal(executor_upload(executor), ways[w]);
            assert_int_equal(executor_device_bytes(executor) > mapped_bytes,
                             ways[w] != CUBBY_UPLOAD_MAPPED);
            check_answers(executor, answers, what);
            executor_destroy(&executor);
        }
        harness_close(&gpu);
    }
    free(answers);
}

static void destroy_with_work_in_flight(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    require_transfer_queue(gpu);
    for (size_t w = 0; w < WAYS; w++) {
        gpu->upload = ways[w];
        struct executor *executor = make_executor(gpu);
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            assert_int_equal(executor_submit(executor, slot, fill(executor, slot, slot)), CUBBY_OK);
        executor_destroy(&executor);
    }
    harness_close(&gpu);
}

// ---- what is recorded, and submissions that fail

static struct {
    PFN_vkQueueSubmit submit;
    uint32_t failing, submissions; // which submission of those to come, from 1; 0: none
    VkResult result;
    PFN_vkCmdCopyBuffer copy;
    uint32_t copies;
    VkDeviceSize bytes; // of the last one
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count,
                                             const VkSubmitInfo *submits, VkFence fence)
{
    if (++driver.submissions == driver.failing)
        return driver.result;
    return driver.submit(queue, count, submits, fence);
}

static VKAPI_ATTR void VKAPI_CALL copy(VkCommandBuffer commands, VkBuffer from, VkBuffer to,
                                       uint32_t count, const VkBufferCopy *regions)
{
    assert_int_equal(count, 1);
    assert_int_equal(regions->srcOffset + regions->dstOffset, 0);
    driver.copies++;
    driver.bytes = regions->size;
    driver.copy(commands, from, to, count, regions);
}

static void only_the_images_of_a_batch_are_copied(void **state)
{
    (void)state;
    static const uint32_t counts[] = {2, 2, BATCH, 1, 1};
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    require_transfer_queue(gpu);
    for (size_t w = 1; w < WAYS; w++) {
        gpu->upload = ways[w];
        struct executor *executor = make_executor(gpu);
        driver.copy = vkCmdCopyBuffer;
        vkCmdCopyBuffer = copy;
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
            driver.copies = 0;
            assert_int_equal(executor_submit(executor, 0, counts[i]), CUBBY_OK);
            assert_int_equal(executor_wait(executor, 0), CUBBY_OK);
            // Full batches are recorded with the executor, and what was recorded is used again.
            const bool repeated = i && counts[i] == counts[i - 1];
            const bool recorded = ways[w] == CUBBY_UPLOAD_COPIED && counts[i] == BATCH;
            assert_int_equal(driver.copies, repeated || recorded ? 0 : 1);
            if (driver.copies) {
                assert_true(driver.bytes >= counts[i] * IMAGE_BYTES);
                assert_true(driver.bytes < counts[i] * IMAGE_BYTES + 12);
            }
        }
        vkCmdCopyBuffer = driver.copy;
        executor_destroy(&executor);
    }
    harness_close(&gpu);
}

// Whichever of the two submissions fails, the slot can be used again at once: a semaphore that was
// left signalled would be a message of the validation layer, or a batch that reads old pictures.
static void a_batch_that_cannot_be_started(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    require_transfer_queue(gpu);
    gpu->upload = CUBBY_UPLOAD_QUEUED;
    struct executor *executor = make_executor(gpu);
    struct answers *answers = calloc(1, sizeof(*answers));
    expect_answers(executor, answers);
    const struct cubby_log log = gpu->log;
    gpu->log = (struct cubby_log){0};
    driver.submit = vkQueueSubmit;
    vkQueueSubmit = submit;
    for (uint32_t failing = 1; failing <= 2; failing++) {
        // Another slot is on its way meanwhile.
        driver.failing = 0;
        const uint32_t count = fill(executor, 1, failing);
        assert_int_equal(executor_submit(executor, 1, count), CUBBY_OK);
        fill(executor, 0, 7);
        driver.failing = failing;
        driver.submissions = 0;
        driver.result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
        assert_int_equal(executor_submit(executor, 0, BATCH), CUBBY_NO_MEMORY);
        assert_int_equal(driver.submissions, failing);
        driver.failing = 0;
        assert_memory_equal(land(executor, 1), answers->rows[failing],
                            count * CHANNELS * sizeof(float));
        check_answers(executor, answers, failing == 1 ? "no copy" : "no batch");
    }
    // And it can be given up.
    driver.failing = 2;
    driver.submissions = 0;
    driver.result = VK_ERROR_DEVICE_LOST;
    assert_int_equal(executor_submit(executor, 2, BATCH), CUBBY_DEVICE_LOST);
    vkQueueSubmit = driver.submit;
    gpu->log = log;
    executor_destroy(&executor);
    free(answers);
    harness_close(&gpu);
}

// ---- which way is chosen

// The memory types of a graphics card of NVIDIA's, as the engine is made to see them. What is asked
// of them comes from memory that the device has.
enum { CARD_OTHER, CARD_OWN, CARD_HOST, CARD_CACHED, CARD_WINDOW, CARD_TYPES };
static const VkMemoryPropertyFlags card_flags[CARD_TYPES] = {
    [CARD_OWN] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    [CARD_HOST] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    [CARD_CACHED] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                    VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    [CARD_WINDOW] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                    VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
};

static struct {
    PFN_vkAllocateMemory allocate;
    PFN_vkGetBufferMemoryRequirements requirements;
    PFN_vkCreateBuffer create;
    uint32_t real_type;
    bool window_full;
    uint32_t types[8], allocations; // that succeeded
    uint32_t shared_buffers;
} card;

static VKAPI_ATTR VkResult VKAPI_CALL card_allocate(VkDevice device,
                                                    const VkMemoryAllocateInfo *info,
                                                    const VkAllocationCallbacks *callbacks,
                                                    VkDeviceMemory *memory)
{
    if (info->memoryTypeIndex == CARD_WINDOW && card.window_full)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_true(card.allocations < sizeof(card.types) / sizeof(*card.types));
    card.types[card.allocations++] = info->memoryTypeIndex;
    VkMemoryAllocateInfo real = *info;
    real.memoryTypeIndex = card.real_type;
    return card.allocate(device, &real, callbacks, memory);
}

static VKAPI_ATTR void VKAPI_CALL card_requirements(VkDevice device, VkBuffer buffer,
                                                    VkMemoryRequirements *requirements)
{
    card.requirements(device, buffer, requirements);
    requirements->memoryTypeBits = (1u << CARD_TYPES) - 1;
}

static VKAPI_ATTR VkResult VKAPI_CALL card_create(VkDevice device, const VkBufferCreateInfo *info,
                                                  const VkAllocationCallbacks *callbacks,
                                                  VkBuffer *buffer)
{
    VkBufferCreateInfo real = *info;
    if (info->sharingMode == VK_SHARING_MODE_CONCURRENT) {
        assert_int_equal(info->queueFamilyIndexCount, 2);
        assert_int_not_equal(info->pQueueFamilyIndices[0], info->pQueueFamilyIndices[1]);
        card.shared_buffers++;
        real.sharingMode = VK_SHARING_MODE_EXCLUSIVE; // the second family is made up
        real.queueFamilyIndexCount = 0;
    }
    return card.create(device, &real, callbacks, buffer);
}

static uint32_t find_real_type(const struct cubby_gpu *gpu)
{
    const VkMemoryPropertyFlags flags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++)
        if ((gpu->memory.memoryTypes[i].propertyFlags & flags) == flags)
            return i;
    fail_msg("Vulkan promises such memory");
    return 0;
}

static void become_a_card(struct cubby_gpu *gpu, bool window)
{
    card.real_type = find_real_type(gpu);
    gpu->info.kind = CUBBY_DEVICE_DISCRETE;
    gpu->memory.memoryTypeCount = window ? CARD_TYPES : CARD_WINDOW;
    for (uint32_t i = 0; i < CARD_TYPES; i++)
        gpu->memory.memoryTypes[i].propertyFlags = card_flags[i];
    card.allocate = vkAllocateMemory;
    card.requirements = vkGetBufferMemoryRequirements;
    card.create = vkCreateBuffer;
    vkAllocateMemory = card_allocate;
    vkGetBufferMemoryRequirements = card_requirements;
    vkCreateBuffer = card_create;
}

static void be_itself_again(void)
{
    vkAllocateMemory = card.allocate;
    vkGetBufferMemoryRequirements = card.requirements;
    vkCreateBuffer = card.create;
}

static void ways_of_a_card(void **state)
{
    (void)state;
    static const struct {
        enum cubby_upload asked;
        bool window, window_full, transfer_queue;
        enum cubby_upload way, announced;
        uint32_t types[2], buffers; // host, device
    } cases[] = {
        {CUBBY_UPLOAD_AUTO,
         true,
         false,
         true,
         CUBBY_UPLOAD_MAPPED,
         CUBBY_UPLOAD_MAPPED,
         {CARD_WINDOW},
         1},
        {CUBBY_UPLOAD_AUTO,
         true,
         true,
         true,
         CUBBY_UPLOAD_QUEUED,
         CUBBY_UPLOAD_MAPPED,
         {CARD_HOST, CARD_OWN},
         2},
        {CUBBY_UPLOAD_AUTO,
         false,
         false,
         true,
         CUBBY_UPLOAD_QUEUED,
         CUBBY_UPLOAD_QUEUED,
         {CARD_HOST, CARD_OWN},
         2},
        {CUBBY_UPLOAD_AUTO,
         false,
         false,
         false,
         CUBBY_UPLOAD_COPIED,
         CUBBY_UPLOAD_COPIED,
         {CARD_HOST, CARD_OWN},
         2},
        {CUBBY_UPLOAD_MAPPED,
         true,
         true,
         true,
         CUBBY_UPLOAD_MAPPED,
         CUBBY_UPLOAD_MAPPED,
         {CARD_HOST},
         1},
        {CUBBY_UPLOAD_COPIED,
         true,
         false,
         true,
         CUBBY_UPLOAD_COPIED,
         CUBBY_UPLOAD_COPIED,
         {CARD_HOST, CARD_OWN},
         2},
        {CUBBY_UPLOAD_QUEUED,
         true,
         false,
         true,
         CUBBY_UPLOAD_QUEUED,
         CUBBY_UPLOAD_QUEUED,
         {CARD_HOST, CARD_OWN},
         2},
        {CUBBY_UPLOAD_QUEUED,
         true,
         false,
         false,
         CUBBY_UPLOAD_COPIED,
         CUBBY_UPLOAD_COPIED,
         {CARD_HOST, CARD_OWN},
         2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
        require_transfer_queue(gpu);
        const VkQueue queue = gpu->transfer_queue;
        struct upload upload;
        become_a_card(gpu, cases[i].window);
        gpu->upload = cases[i].asked;
        gpu->transfer_queue = cases[i].transfer_queue ? queue : VK_NULL_HANDLE;
        gpu->transfer_family = gpu->queue_family + 1;
        card.window_full = cases[i].window_full;
        card.allocations = 0;
        card.shared_buffers = 0;
        assert_int_equal(cubby_gpu_upload(gpu), cases[i].announced);
        assert_int_equal(upload_create(&upload, gpu, 4096), CUBBY_OK);
        be_itself_again();
        print_message("%u: %s\n", (unsigned)i, cubby_upload_text(upload.way));
        assert_int_equal(upload.way, cases[i].way);
        assert_int_equal(card.allocations, cases[i].buffers);
        assert_memory_equal(card.types, cases[i].types, cases[i].buffers * sizeof(*card.types));
        assert_int_equal(card.shared_buffers, cases[i].way == CUBBY_UPLOAD_QUEUED);
        assert_non_null(upload.host.mapped);
        upload_destroy(&upload, gpu);
        harness_close(&gpu);
    }
}

// The CPU and the device have one memory: nothing is copied, whatever the queues.
static void shared_memory_is_mapped(void **state)
{
    (void)state;
    static const enum cubby_device_kind kinds[] = {CUBBY_DEVICE_CPU, CUBBY_DEVICE_INTEGRATED};
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    require_transfer_queue(gpu);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct upload upload;
        gpu->info.kind = kinds[i];
        assert_int_equal(cubby_gpu_upload(gpu), CUBBY_UPLOAD_MAPPED);
        assert_int_equal(upload_create(&upload, gpu, 4096), CUBBY_OK);
        assert_int_equal(upload.way, CUBBY_UPLOAD_MAPPED);
        upload_destroy(&upload, gpu);
    }
    harness_close(&gpu);
}

// A queue of its own is one of a family without other duties, and most devices here have none.
static void queues_of_the_device(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    if (gpu->transfer_queue)
        assert_int_not_equal(gpu->transfer_family, gpu->queue_family);
    else
        assert_null(gpu->transfer_pool);
    harness_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_gives_the_same_answers),
        cmocka_unit_test(destroy_with_work_in_flight),
        cmocka_unit_test(only_the_images_of_a_batch_are_copied),
        cmocka_unit_test(a_batch_that_cannot_be_started),
        cmocka_unit_test(ways_of_a_card),
        cmocka_unit_test(shared_memory_is_mapped),
        cmocka_unit_test(queues_of_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
