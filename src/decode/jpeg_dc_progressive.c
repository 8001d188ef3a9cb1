// Through the scans of a progressive file, of which most need not be decoded: see jpeg_dc.h.
#include <string.h>

#include "decode/jpeg_dc_layer.h"

#define UNKNOWN 255 // of a coefficient: not even its first layer has come
#define MAX_LOW 13u

#define MARKER 0xffu
#define HUFFMAN_TABLES 0xc4u
#define START_OF_SCAN 0xdau
#define RESTART_INTERVAL 0xddu
#define COMMENT 0xfeu

struct code_table {
    JHUFF_TBL table;
    bool defined;
};

// How far the file has been read, and what it has said so far.
struct progression {
    struct jpeg_dc *dc;                        // borrowed
    const struct jpeg_decompress_struct *info; // borrowed
    const uint8_t *at, *end;                   // borrowed
    struct code_table means[NUM_HUFF_TBLS], others[NUM_HUFF_TBLS];
    uint32_t restart_interval, scan_count;
    uint8_t missing[JPEG_DC_MAX_COMPONENTS][64]; // low bits of each coefficient, or UNKNOWN
};

// A scan as its header has it.
struct scan {
    uint32_t component_count;
    uint8_t component[JPEG_DC_MAX_COMPONENTS];
    uint8_t tables[JPEG_DC_MAX_COMPONENTS]; // of means and of others, 4 bits each
    uint8_t first, last, precision;         // the last: before and after it, 4 bits each
};

static void copy_tables(struct code_table *to, JHUFF_TBL *const *from)
{
    for (int i = 0; i < NUM_HUFF_TBLS; i++) {
        to[i].defined = from[i];
        if (from[i])
            to[i].table = *from[i];
    }
}

static const JHUFF_TBL *find(const struct code_table *tables, uint32_t number)
{
    return number < NUM_HUFF_TBLS && tables[number].defined ? &tables[number].table : NULL;
}

// Whether the scan goes on with each coefficient where those before it ended. libjpeg mends, or
// smooths over, what others do.
static bool is_next(struct progression *file, const struct scan *scan)
{
    uint32_t high = scan->precision >> 4, low = scan->precision & 15;
    bool means = scan->first == 0;
    if (low > MAX_LOW || (high && low != high - 1))
        return false;
    if (means ? scan->last != 0 : scan->component_count != 1)
        return false;
    if (scan->first > scan->last || scan->last > 63)
        return false;
    for (uint32_t i = 0; i < scan->component_count; i++) {
        uint8_t *missing = file->missing[scan->component[i]];
        if (!means && missing[0] == UNKNOWN)
            return false;
        for (uint32_t k = scan->first; k <= scan->last; k++) {
            if (missing[k] != (high ? high : UNKNOWN))
                return false;
            missing[k] = (uint8_t)low;
        }
    }
    return true;
}

static bool set_layer(struct progression *file, const struct scan *scan,
                      struct jpeg_dc_layer *layer)
{
    struct jpeg_dc_tables *tables = &file->dc->tables;
    *layer = (struct jpeg_dc_layer){.component_count = scan->component_count,
                                    .first = scan->first,
                                    .last = scan->last,
                                    .low = scan->precision & 15,
                                    .refines = scan->precision >> 4,
                                    .restart_interval = file->restart_interval};
    memcpy(layer->component, scan->component, sizeof(layer->component));
    if (scan->first) {
        uint32_t number = scan->tables[0] & 15;
        layer->values = jpeg_dc_values_for(tables, find(file->others, number), (int)number);
        return layer->values;
    }
    for (uint32_t i = 0; !layer->refines && i < scan->component_count; i++) {
        uint32_t number = scan->tables[i] >> 4;
        layer->means[i] = jpeg_dc_means_for(tables, find(file->means, number), (int)number);
        if (!layer->means[i])
            return false;
    }
    return true;
}

// From the scan's first byte to the marker that ends it.
static bool take_scan(struct progression *file, const struct scan *scan)
{
    struct jpeg_dc *dc = file->dc;
    struct jpeg_dc_layer layer;
    if (++file->scan_count > dc->most_scans || !is_next(file, scan) ||
        !set_layer(file, scan, &layer))
        return false;
    size_t size = (size_t)(file->end - file->at), used = 0;
    const uint32_t intervals = jpeg_dc_layer_intervals(dc, &layer);
    uint32_t passed = intervals;
    bool wanted = scan->first == 0 || dc->components[scan->component[0]].squared;
    bool taken = wanted ? jpeg_dc_bytes_take(&dc->scan, file->at, size, intervals, &used)
                        : jpeg_dc_bytes_pass(file->at, size, &passed, &used);
    if (!taken || passed != intervals)
        return false;
    file->at += used;
    if (!wanted)
        return true;
    return (scan->first ? jpeg_dc_layer_add_band : jpeg_dc_layer_add_means)(dc, &layer);
}

static bool read_tables(struct progression *file, const uint8_t *bytes, size_t size)
{
    while (size > 16) {
        uint32_t number = bytes[0] & 15, count = 0;
        if (bytes[0] >> 4 > 1 || number >= NUM_HUFF_TBLS)
            return false;
        struct code_table *to = &(bytes[0] >> 4 ? file->others : file->means)[number];
        *to = (struct code_table){.defined = true};
        for (int i = 1; i <= 16; i++)
            count += to->table.bits[i] = bytes[i];
        if (count > 256 || count > size - 17)
            return false;
        memcpy(to->table.huffval, bytes + 17, count);
        bytes += 17 + count;
        size -= 17 + count;
    }
    return size == 0;
}

// Components in the order of the frame, as the standard wants them.
static bool read_scan(const struct progression *file, const uint8_t *bytes, size_t size,
                      struct scan *scan)
{
    const struct jpeg_decompress_struct *info = file->info;
    *scan = (struct scan){0};
    if (size < 1 || bytes[0] < 1 || bytes[0] > info->num_components || size != bytes[0] * 2u + 4)
        return false;
    scan->component_count = bytes[0];
    int component = 0;
    for (uint32_t i = 0; i < scan->component_count; i++, component++) {
        while (component < info->num_components &&
               info->comp_info[component].component_id != bytes[1 + 2 * i])
            component++;
        if (component == info->num_components)
            return false;
        scan->component[i] = (uint8_t)component;
        scan->tables[i] = bytes[2 + 2 * i];
    }
    const uint8_t *rest = bytes + 1 + 2 * scan->component_count;
    scan->first = rest[0];
    scan->last = rest[1];
    scan->precision = rest[2];
    return true;
}

// The one that jpeg_read_header() has stopped behind.
static bool read_first_scan(const struct jpeg_decompress_struct *info, struct scan *scan)
{
    *scan = (struct scan){.component_count = (uint32_t)info->comps_in_scan};
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *from = info->cur_comp_info[i];
        if (i > 0 && from->component_index <= scan->component[i - 1])
            return false;
        scan->component[i] = (uint8_t)from->component_index;
        scan->tables[i] = (uint8_t)((from->dc_tbl_no & 15) << 4 | (from->ac_tbl_no & 15));
    }
    scan->first = (uint8_t)info->Ss;
    scan->last = (uint8_t)info->Se;
    scan->precision = (uint8_t)((info->Ah & 15) << 4 | (info->Al & 15));
    return true;
}

// From the marker after a scan to the bytes of the next, or to the end marker (*ended). Anything
// that is not usual there is left to libjpeg.
static bool read_segments(struct progression *file, struct scan *scan, bool *ended)
{
    *ended = false;
    while (file->end - file->at >= 2 && file->at[0] == MARKER) {
        uint8_t marker = file->at[1];
        *ended = marker == JPEG_EOI;
        if (*ended)
            return true;
        const uint8_t *body = file->at + 4;
        if (file->end - file->at < 4)
            return false;
        size_t size = (size_t)file->at[2] << 8 | file->at[3];
        if (size < 2 || size - 2 > (size_t)(file->end - body))
            return false;
        size -= 2;
        file->at = body + size;
        if (marker == START_OF_SCAN)
            return read_scan(file, body, size, scan);
        if (marker == RESTART_INTERVAL && size == 2)
            file->restart_interval = (uint32_t)body[0] << 8 | body[1];
        else if (marker == HUFFMAN_TABLES ? !read_tables(file, body, size) : marker != COMMENT)
            return false;
    }
    return false;
}

// Whether no bit of any coefficient is missing.
static bool is_complete(const struct progression *file)
{
    for (uint32_t i = 0; i < file->dc->component_count; i++)
        for (int k = 0; k < 64; k++)
            if (file->missing[i][k])
                return false;
    return true;
}

bool jpeg_dc_progressive_run(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info)
{
    struct progression file = {.dc = dc,
                               .info = info,
                               .at = info->src->next_input_byte,
                               .end = info->src->next_input_byte + info->src->bytes_in_buffer,
                               .restart_interval = info->restart_interval};
    memset(file.missing, UNKNOWN, sizeof(file.missing));
    copy_tables(file.means, info->dc_huff_tbl_ptrs);
    copy_tables(file.others, info->ac_huff_tbl_ptrs);
    // Padding, and coefficients that no layer mentions, are 0.
    memset(dc->values, 0, (size_t)dc->mcu_count * dc->values_per_mcu * sizeof(*dc->values));
    for (uint32_t i = 0; i < dc->component_count; i++)
        if (dc->components[i].squared)
            memset(dc->coefficients[i].known, 0,
                   (size_t)dc->components[i].width * dc->components[i].height *
                       sizeof(*dc->coefficients[i].known));
    dc->seam = UINT32_MAX;

    struct scan scan;
    bool ended = false;
    if (!read_first_scan(info, &scan))
        return false;
    while (!ended)
        if (!take_scan(&file, &scan) || !read_segments(&file, &scan, &ended))
            return false;
    return is_complete(&file) && jpeg_dc_sum_squares(dc);
}
