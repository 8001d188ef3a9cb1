#include "decode/jpeg_dc.h"

#include <stdlib.h>

#include "decode/jpeg_dc_internal.h"

// One panorama must not keep its memory for the rest of the night.
#define KEPT_BYTES (UINT64_C(64) << 20)

enum cubby_status jpeg_dc_create(struct jpeg_dc **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? CUBBY_OK : CUBBY_NO_MEMORY;
}

static void free_scratch(struct jpeg_dc *dc)
{
    jpeg_dc_bytes_fini(&dc->scan);
    free(dc->values);
    free(dc->guessed);
    free(dc->marks);
    free(dc->samples);
    for (int i = 0; i < JPEG_DC_MAX_COMPONENTS; i++) {
        free(dc->coefficients[i].known);
        free(dc->coefficients[i].values);
        dc->coefficients[i] = (struct jpeg_dc_coefficients){0};
    }
    dc->values = dc->guessed = NULL;
    dc->marks = NULL;
    dc->samples = NULL;
    dc->value_capacity = dc->guessed_capacity = dc->mark_capacity = dc->sample_capacity = 0;
}

void jpeg_dc_destroy(struct jpeg_dc **dc)
{
    if (!*dc)
        return;
    free_scratch(*dc);
    free(*dc);
    *dc = NULL;
}

// One scan with all components in it, nothing left out and nothing refined.
static bool is_one_scan(const struct jpeg_decompress_struct *info)
{
    if (info->comps_in_scan != info->num_components || info->Ss != 0 || info->Se != 63 ||
        info->Ah != 0 || info->Al != 0)
        return false;
    for (int i = 0; i < info->num_components; i++)
        if (info->cur_comp_info[i] != &info->comp_info[i])
            return false;
    return true;
}

static bool is_plain(const struct jpeg_decompress_struct *info)
{
    if (info->arith_code || info->data_precision != 8)
        return false;
    if (!info->progressive_mode && !is_one_scan(info))
        return false;
    switch (info->jpeg_color_space) {
    case JCS_GRAYSCALE:
        return info->num_components == 1;
    case JCS_YCbCr:
    case JCS_RGB:
        return info->num_components == 3;
    case JCS_CMYK:
    case JCS_YCCK:
        return info->num_components == 4;
    default:
        return false;
    }
}

// Which coefficients a 2 x 2 block is made of: those of rows and columns 0, 1, 3, 5 and 7.
static void set_coefficients(struct jpeg_dc_component *component, const JQUANT_TBL *table)
{
    static const int32_t row_weight[8] = {1 << 15, 29692, 0, -10426, 0, 6967, 0, -5906};
    static const int column[8] = {0, 1, -1, 2, -1, 3, -1, 4};
    uint32_t x = 0, y = 0;
    uint8_t wanted = 0;
    for (int k = 0; k < 64; k++) {
        struct jpeg_dc_coefficient *to = &component->coefficient[k + 1];
        *to = (struct jpeg_dc_coefficient){.step = (int16_t)table->quantval[8 * y + x],
                                           .sum = JPEG_DC_SUMS - 1};
        component->slot[k] = JPEG_DC_SLOTS - 1;
        if (row_weight[y] && column[x] >= 0) {
            to->weight = row_weight[y];
            to->sum = (int16_t)(column[x] + (y ? JPEG_DC_COLUMNS : 0));
            component->slot[k] = wanted++;
        }
        // Zigzag: up and to the right on even diagonals, the other way on odd ones.
        bool up = (x + y) % 2 == 0;
        if (up ? x == 7 : y < 7 && x == 0)
            y++;
        else if (up ? y == 0 : y == 7)
            x++;
        else if (up)
            x++, y--;
        else
            x--, y++;
    }
}

static bool set_component(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, int i)
{
    const jpeg_component_info *from = &info->comp_info[i];
    struct jpeg_dc_component *component = &dc->components[i];
    const JQUANT_TBL *table = from->quant_tbl_no >= 0 && from->quant_tbl_no < NUM_QUANT_TBLS
                                  ? info->quant_tbl_ptrs[from->quant_tbl_no]
                                  : NULL;
    if (!table)
        return false;
    for (int k = 0; k < 64; k++)
        if (table->quantval[k] < 1 || table->quantval[k] > 255)
            return false;

    // A scan of one component has no MCUs to speak of: its blocks come one by one.
    bool alone = info->num_components == 1;
    component->across = alone ? 1 : (uint32_t)from->h_samp_factor;
    component->down = alone ? 1 : (uint32_t)from->v_samp_factor;
    // libjpeg doubles the samples of a block as long as that does not exceed the photo's.
    uint32_t x = dc->max_across / component->across, y = dc->max_down / component->down;
    if (dc->max_across % component->across || dc->max_down % component->down ||
        (x % 4 == 0 && y % 4 == 0))
        return false;
    component->squared = x % 2 == 0 && y % 2 == 0;
    component->repeat_x = component->squared ? x / 2 : x;
    component->repeat_y = component->squared ? y / 2 : y;
    component->width = from->width_in_blocks;
    component->height = from->height_in_blocks;
    component->step = table->quantval[0];
    if (component->squared)
        set_coefficients(component, table);
    return true;
}

static const JHUFF_TBL *find(JHUFF_TBL *const *tables, int number)
{
    return number >= 0 && number < NUM_HUFF_TBLS ? tables[number] : NULL;
}

static bool set_tables(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, int i,
                       struct jpeg_dc_block *block)
{
    int means = info->comp_info[i].dc_tbl_no, others = info->comp_info[i].ac_tbl_no;
    const JHUFF_TBL *others_table = find(info->ac_huff_tbl_ptrs, others);
    block->means = jpeg_dc_means_for(&dc->tables, find(info->dc_huff_tbl_ptrs, means), means);
    if (block->squared)
        block->values = jpeg_dc_values_for(&dc->tables, others_table, others);
    else
        block->skips = jpeg_dc_skips_for(&dc->tables, others_table, others);
    return block->means && (block->values || block->skips);
}

static bool set_blocks(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, int i)
{
    struct jpeg_dc_component *component = &dc->components[i];
    uint32_t count = component->across * component->down;
    if (dc->block_count + count > JPEG_DC_MAX_BLOCKS)
        return false;
    struct jpeg_dc_block block = {
        .component = (uint8_t)i, .squared = component->squared, .owner = component};
    // A progressive file may have others for each scan.
    if (!dc->progressive && !set_tables(dc, info, i, &block))
        return false;
    component->offset = dc->values_per_mcu;
    for (uint32_t k = 0; k < count; k++) {
        block.alike = count - 1 - k;
        dc->blocks[dc->block_count++] = block;
    }
    dc->values_per_mcu += count * (block.squared ? JPEG_DC_SQUARED_VALUES : 1);
    return true;
}

static uint64_t value_bytes(const struct jpeg_dc *dc)
{
    return (uint64_t)dc->mcu_count * dc->values_per_mcu * sizeof(*dc->values);
}

static uint32_t interval_count(const struct jpeg_dc *dc)
{
    return dc->restart_interval ? (dc->mcu_count + dc->restart_interval - 1) / dc->restart_interval
                                : 1;
}

// Of a progressive file a scan may end an interval after each block of one component.
static uint64_t end_bytes(const struct jpeg_dc *dc)
{
    uint64_t count = interval_count(dc);
    for (uint32_t i = 0; dc->progressive && i < dc->component_count; i++) {
        const uint64_t blocks = (uint64_t)dc->components[i].width * dc->components[i].height;
        count = blocks > count ? blocks : count;
    }
    return count * sizeof(*dc->scan.ends);
}

static uint64_t mark_bytes(const struct jpeg_dc *dc)
{
    return ((uint64_t)dc->mcu_count + 1) * sizeof(*dc->marks);
}

static uint64_t coefficient_bytes(const struct jpeg_dc *dc)
{
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < dc->component_count; i++)
        if (dc->components[i].squared)
            blocks += (uint64_t)dc->components[i].width * dc->components[i].height;
    return blocks * (sizeof(uint64_t) + JPEG_DC_SLOTS * sizeof(int16_t));
}

bool jpeg_dc_prepare(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info,
                     uint32_t most_scans, uint64_t *memory_bytes)
{
    *memory_bytes = 0;
    dc->progressive = info->progressive_mode;
    dc->most_scans = most_scans;
    if (!is_plain(info) || info->src->bytes_in_buffer > JPEG_DC_MAX_BYTES)
        return false;
    dc->component_count = (uint32_t)info->num_components;
    dc->max_across = dc->max_down = 1;
    for (int i = 0; dc->component_count > 1 && i < info->num_components; i++) {
        uint32_t across = (uint32_t)info->comp_info[i].h_samp_factor;
        uint32_t down = (uint32_t)info->comp_info[i].v_samp_factor;
        dc->max_across = across > dc->max_across ? across : dc->max_across;
        dc->max_down = down > dc->max_down ? down : dc->max_down;
    }
    dc->block_count = dc->values_per_mcu = 0;
    dc->uniform = info->num_components > 1;
    for (int i = 0; i < info->num_components; i++) {
        if (!set_component(dc, info, i) || !set_blocks(dc, info, i))
            return false;
        dc->uniform &= info->comp_info[i].dc_tbl_no == info->comp_info[0].dc_tbl_no &&
                       info->comp_info[i].ac_tbl_no == info->comp_info[0].ac_tbl_no;
    }

    dc->mcus_across = (info->image_width + 8 * dc->max_across - 1) / (8 * dc->max_across);
    dc->mcus_down = (info->image_height + 8 * dc->max_down - 1) / (8 * dc->max_down);
    dc->mcu_count = dc->mcus_across * dc->mcus_down; // sides up to 65535: no overflow
    dc->restart_interval = info->restart_interval;
    *memory_bytes = info->src->bytes_in_buffer + JPEG_DC_SLACK_BYTES + end_bytes(dc) +
                    jpeg_dc_paint_bytes(dc) + value_bytes(dc) +
                    (dc->progressive ? coefficient_bytes(dc) : value_bytes(dc) + mark_bytes(dc));
    return true;
}

bool jpeg_dc_reserve(void **buffer, size_t *capacity, uint64_t size)
{
    if (size <= *capacity)
        return true;
    free(*buffer);
    *capacity = 0;
    *buffer = size <= SIZE_MAX ? malloc((size_t)size) : NULL;
    if (!*buffer)
        return false;
    *capacity = (size_t)size;
    return true;
}

static bool decode_one_scan(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info)
{
    const uint8_t *bytes = info->src->next_input_byte;
    size_t used;
    return jpeg_dc_bytes_take(&dc->scan, bytes, info->src->bytes_in_buffer, interval_count(dc),
                              &used) &&
           bytes[used + 1] == JPEG_EOI &&
           jpeg_dc_reserve((void **)&dc->guessed, &dc->guessed_capacity, value_bytes(dc)) &&
           jpeg_dc_reserve((void **)&dc->marks, &dc->mark_capacity, mark_bytes(dc)) &&
           jpeg_dc_scan_run(dc);
}

static bool decode_scans(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info)
{
    for (uint32_t i = 0; i < dc->component_count; i++) {
        const struct jpeg_dc_component *component = &dc->components[i];
        struct jpeg_dc_coefficients *to = &dc->coefficients[i];
        uint64_t count = (uint64_t)component->width * component->height;
        if (component->squared && (!jpeg_dc_reserve((void **)&to->known, &to->known_capacity,
                                                    count * sizeof(*to->known)) ||
                                   !jpeg_dc_reserve((void **)&to->values, &to->value_capacity,
                                                    count * JPEG_DC_SLOTS * sizeof(*to->values))))
            return false;
    }
    return jpeg_dc_progressive_run(dc, info);
}

static bool decode(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb)
{
    return jpeg_dc_reserve((void **)&dc->values, &dc->value_capacity, value_bytes(dc)) &&
           jpeg_dc_reserve((void **)&dc->samples, &dc->sample_capacity, jpeg_dc_paint_bytes(dc)) &&
           (dc->progressive ? decode_scans : decode_one_scan)(dc, info) &&
           jpeg_dc_paint(dc, info, rgb);
}

static uint64_t held_bytes(const struct jpeg_dc *dc)
{
    uint64_t bytes = (uint64_t)dc->scan.capacity + dc->scan.end_capacity + dc->value_capacity +
                     dc->guessed_capacity + dc->mark_capacity + dc->sample_capacity;
    for (int i = 0; i < JPEG_DC_MAX_COMPONENTS; i++)
        bytes += (uint64_t)dc->coefficients[i].known_capacity + dc->coefficients[i].value_capacity;
    return bytes;
}

bool jpeg_dc_run(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb)
{
    bool sound = decode(dc, info, rgb);
    if (held_bytes(dc) > KEPT_BYTES)
        free_scratch(dc);
    return sound;
}
