#include "decode/jpeg_dc_cursor.h"

#include <string.h>

#include "decode/jpeg_dc_squares.h"

// How often a guess may turn out to be nonsense. Photos need a few dozen; this is for files made to
// have one begin again at every bit.
#define MAX_TRIES 2000u

// A symbol that no look-up shows whole. Leaves bits for the number after it.
static uint32_t take_symbol(struct cursor *cursor, const struct jpeg_dc_codes *codes)
{
    bits_fill(&cursor->bits);
    uint32_t symbol = 0;
    uint32_t length = jpeg_dc_code_at(codes, bits_peek(&cursor->bits, 16), &symbol);
    cursor->odd |= length == 0;
    bits_drop(&cursor->bits, length);
    return symbol;
}

static int32_t take_number(struct cursor *cursor, uint32_t size)
{
    if (!size)
        return 0;
    uint32_t number = bits_peek(&cursor->bits, size);
    bits_drop(&cursor->bits, size);
    return jpeg_dc_signed(number, size);
}

static int32_t take_long_mean(struct cursor *cursor, const struct jpeg_dc_means *means)
{
    uint32_t size = take_symbol(cursor, &means->codes);
    cursor->odd |= size > JPEG_DC_MAX_MEAN_SIZE;
    int32_t difference = take_number(cursor, size & 15);
    bits_fill(&cursor->bits);
    return difference;
}

// The block's mean, up to its first coefficient.
static inline void begin_block(struct cursor *cursor, const struct jpeg_dc_block *block)
{
    struct bits bits = cursor->bits;
    bits_fill(&bits);
    uint32_t entry = block->means->entry[bits_peek(&bits, JPEG_DC_MEAN_BITS)];
    int32_t difference = (int32_t)entry >> 16;
    bits_drop(&bits, entry & BITS_LENGTH_MASK);
    bits_set_place(&bits, 1);
    cursor->bits = bits;
    if (!(entry & BITS_LENGTH_MASK))
        difference = take_long_mean(cursor, block->means);
    cursor_add_mean(cursor, block->component, difference);
}

// Passes one symbol alone: its code is too long for a look-up, or the block ends between the
// symbols of one entry.
static int32_t take_alone(struct cursor *cursor, const struct jpeg_dc_codes *codes)
{
    uint32_t symbol = take_symbol(cursor, codes);
    uint32_t size = symbol & 15, run = symbol >> 4;
    int32_t value = take_number(cursor, size);
    bits_fill(&cursor->bits);
    uint32_t place = size || run == 15 ? bits_place(&cursor->bits) + run + 1 : 64;
    cursor->odd |= place > 64;
    bits_set_place(&cursor->bits, place);
    return value;
}

static void add(struct cursor *cursor, const struct jpeg_dc_component *owner, int32_t *sums,
                uint32_t place, int32_t value)
{
    cursor->odd |= jpeg_dc_squares_add(owner, sums, place, value);
}

// The coefficients after the mean, of which some are wanted.
static inline void take_squares(struct cursor *cursor, const struct jpeg_dc_block *block)
{
    int32_t sums[JPEG_DC_SUMS] = {0};
    const struct jpeg_dc_component *owner = block->owner;
    const uint32_t *values = block->values->entry;
    for (;;) {
        struct bits bits = cursor->bits;
        uint32_t entry, state;
        for (;;) {
            entry = values[bits_peek(&bits, JPEG_DC_VALUE_BITS)];
            state = bits.state + (uint16_t)entry;
            if (state >= BITS_BLOCK)
                break;
            bits.window <<= entry & BITS_LENGTH_MASK;
            bits.state = state;
            add(cursor, owner, sums, state >> BITS_PLACE_SHIFT, (int32_t)entry >> 16);
            bits_fill(&bits);
        }
        cursor->bits = bits;
        uint32_t place = state >> BITS_PLACE_SHIFT;
        if (cursor_ends_block(place)) {
            bits_drop(&cursor->bits, entry & BITS_LENGTH_MASK);
            if (place == 64)
                add(cursor, owner, sums, place, (int32_t)entry >> 16);
            break;
        }
        int32_t value = take_alone(cursor, &block->values->codes);
        place = bits_place(&cursor->bits);
        if (value && !cursor->odd)
            add(cursor, owner, sums, place, value);
        if (place >= 64 || cursor->odd)
            break;
    }
    if (cursor->odd)
        return; // the sums may be anything
    jpeg_dc_squares_store(cursor->out, sums);
    cursor->out += JPEG_DC_SQUARED_VALUES - 1;
}

// Whether the guessing cursor began an MCU at just this position, with all that was decoded since.
static void look_for_guess(struct cursor *cursor, uint32_t position)
{
    const struct cursor *guess = cursor->guess;
    uint32_t at = cursor->guess_mcu;
    while (at < guess->mcu && guess->marks[at] < position)
        at++;
    cursor->guess_mcu = at;
    if (at >= guess->mcu || guess->marks[at] != position || at < guess->first_good ||
        at + (cursor->mcu_end - cursor->mcu) > guess->mcu_end)
        return;
    cursor->met = cursor->mcu;
    cursor->met_guess = at;
    // One more, to see how far the means lie apart.
    cursor->guess->mcu_end = at + (cursor->mcu_end - cursor->mcu);
    cursor->guess->marks = NULL;
    cursor->mcu_end = cursor->mcu + 1;
    cursor->guess = NULL;
}

// Between MCUs, for a cursor that guesses.
static void begin_guess(struct cursor *cursor, uint32_t position)
{
    if (cursor->odd) {
        // Nonsense so far. Any place is as good as another to begin again.
        cursor->odd = 0;
        cursor->tries++;
        cursor->first_good = cursor->mcu;
        bits_fill(&cursor->bits);
        bits_drop(&cursor->bits, 1);
        position++;
    } else {
        cursor->mcu++;
    }
    // Stops at the end of the bytes; whether that was the last MCU will be seen.
    uint32_t end = (uint32_t)cursor->dc->scan.size * 8;
    cursor->stopped =
        cursor->mcu >= cursor->mcu_end || position + 8 > end || cursor->tries > MAX_TRIES;
    cursor->marks[cursor->mcu] = position;
}

static void begin_interval(struct cursor *cursor)
{
    const struct jpeg_dc *dc = cursor->dc;
    bits_start(&cursor->bits, dc->scan.bytes + dc->scan.ends[cursor->interval]);
    cursor->interval++;
    cursor->mcus_to_restart = dc->restart_interval;
    for (int i = 0; i < JPEG_DC_MAX_COMPONENTS; i++)
        cursor->mean[i] = 0;
}

// Between MCUs, for a cursor that knows where it is.
static void begin_known(struct cursor *cursor, uint32_t position)
{
    const struct jpeg_dc *dc = cursor->dc;
    uint32_t end = dc->scan.ends[cursor->interval] * 8;
    cursor->mcu++;
    cursor->odd |= position > end;
    cursor->stopped = cursor->odd || cursor->mcu >= cursor->mcu_end;
    if (--cursor->mcus_to_restart == 0 && !cursor->odd) {
        // Only the padding of the last byte may be left.
        cursor->odd |= end - position >= 8;
        cursor->stopped |= cursor->odd;
        if (!cursor->stopped)
            begin_interval(cursor);
    }
    if (cursor->guess && !cursor->stopped)
        look_for_guess(cursor, position);
}

static bool begin_mcu(struct cursor *cursor)
{
    uint32_t position = bits_position(&cursor->bits, cursor->dc->scan.bytes);
    if (cursor->marks)
        begin_guess(cursor, position);
    else
        begin_known(cursor, position);
    cursor->block = 0;
    cursor->out = cursor->values + (size_t)cursor->mcu * cursor->dc->values_per_mcu;
    return !cursor->stopped;
}

bool cursor_begin(struct cursor *cursor)
{
    for (;;) {
        const struct jpeg_dc_block *block = &cursor->dc->blocks[cursor->block];
        begin_block(cursor, block);
        cursor->means = block->means;
        cursor->skips = block->skips;
        cursor->component = block->component;
        cursor->alike = block->alike;
        if (!block->squared && !cursor->odd)
            return true;
        if (block->squared && !cursor->odd)
            take_squares(cursor, block);
        if (cursor->odd || ++cursor->block == cursor->dc->block_count)
            if (!begin_mcu(cursor))
                return false;
    }
}

bool cursor_turn(struct cursor *cursor, uint32_t entry)
{
    uint32_t place = (cursor->bits.state + (uint16_t)entry) >> BITS_PLACE_SHIFT;
    if (cursor_ends_block(place)) {
        bits_drop(&cursor->bits, entry & BITS_LENGTH_MASK);
    } else {
        take_alone(cursor, &cursor->skips->codes);
        if (bits_place(&cursor->bits) < 64 && !cursor->odd)
            return true;
    }
    if (cursor->odd || ++cursor->block == cursor->dc->block_count)
        if (!begin_mcu(cursor))
            return false;
    return cursor_begin(cursor);
}
