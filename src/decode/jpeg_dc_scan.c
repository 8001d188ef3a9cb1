// Through the scan. The time goes into a chain of look-ups that each wait for the one before: where
// the next code begins is only known when this one is. So two places of the scan are decoded in
// turns, and one look-up is made while the other waits.
#include "decode/jpeg_dc_cursor.h"

#ifdef __GNUC__
#define LIKELY(condition) __builtin_expect(condition, 1)
#else
#define LIKELY(condition) (condition)
#endif

// Below this a photo is decoded from one end only: guessing costs some hundred bytes.
#define MIN_GUESS_BYTES 1024u

// What of a cursor the inner loop keeps in registers.
struct lane {
    struct bits bits;
    const uint16_t *skips; // borrowed
};

static inline struct lane lane_from(const struct cursor *cursor)
{
    return (struct lane){.bits = cursor->bits, .skips = cursor->skips->entry};
}

// One look-up. False: the cursor has stopped.
static inline bool step(struct lane *lane, struct cursor *cursor)
{
    uint32_t entry = lane->skips[bits_peek(&lane->bits, JPEG_DC_SKIP_BITS)];
    uint32_t state = lane->bits.state + entry;
    if (LIKELY(state < BITS_BLOCK)) {
        lane->bits.window <<= entry & BITS_LENGTH_MASK;
        lane->bits.state = state;
        return true;
    }
    // Most blocks are followed by one of their kind.
    if (LIKELY(cursor->alike && cursor_ends_block(state >> BITS_PLACE_SHIFT))) {
        struct bits bits = lane->bits;
        bits_drop(&bits, entry & BITS_LENGTH_MASK);
        bits_fill(&bits);
        uint32_t mean = cursor->means->entry[bits_peek(&bits, JPEG_DC_MEAN_BITS)];
        if (LIKELY(mean & BITS_LENGTH_MASK)) {
            bits_drop(&bits, mean & BITS_LENGTH_MASK);
            bits_set_place(&bits, 1);
            lane->bits = bits;
            cursor->alike--;
            cursor->block++;
            cursor_add_mean(cursor, cursor->component, (int32_t)mean >> 16);
            return true;
        }
    }
    cursor->bits = lane->bits;
    if (!cursor_turn(cursor, entry))
        return false;
    *lane = lane_from(cursor);
    return true;
}

// Until one of them stops.
static void run_two(struct cursor *first, struct cursor *second)
{
    struct lane a = lane_from(first), b = lane_from(second);
    for (;;) {
        if (!step(&a, first) || !step(&b, second) || !step(&a, first) || !step(&b, second))
            break;
        bits_fill(&a.bits);
        bits_fill(&b.bits);
    }
    bits_fill(&a.bits);
    bits_fill(&b.bits);
    if (!first->stopped)
        first->bits = a.bits;
    if (!second->stopped)
        second->bits = b.bits;
}

static void run_one(struct cursor *cursor)
{
    struct lane lane = lane_from(cursor);
    while (step(&lane, cursor) && step(&lane, cursor))
        bits_fill(&lane.bits);
}

static void start(struct cursor *cursor, struct jpeg_dc *dc, int32_t *values)
{
    *cursor = (struct cursor){.dc = dc,
                              .values = values,
                              .out = values,
                              .mcu_end = dc->mcu_count,
                              .mcus_to_restart = dc->restart_interval,
                              .met = UINT32_MAX};
    bits_start(&cursor->bits, dc->scan.bytes);
}

// From the restart marker in the middle: nothing to guess.
static void start_half(struct cursor *first, struct cursor *second)
{
    const struct jpeg_dc *dc = first->dc;
    second->interval = dc->scan.interval_count / 2;
    second->mcu = second->interval * dc->restart_interval;
    second->out += (size_t)second->mcu * dc->values_per_mcu;
    first->mcu_end = second->mcu;
    bits_start(&second->bits, dc->scan.bytes + dc->scan.ends[second->interval - 1]);
}

static void start_guess(struct cursor *first, struct cursor *second)
{
    const struct jpeg_dc *dc = first->dc;
    size_t middle = dc->scan.size / 2;
    second->marks = dc->marks;
    second->marks[0] = (uint32_t)middle * 8;
    bits_start(&second->bits, dc->scan.bytes + middle);
    first->guess = second;
}

// How far the guessed means are from the true ones: seen from the MCU that both have decoded.
static void set_seam(struct jpeg_dc *dc, const struct cursor *first, const struct cursor *second)
{
    const int32_t *known = first->values + (size_t)first->met * dc->values_per_mcu;
    const int32_t *guessed = second->values + (size_t)first->met_guess * dc->values_per_mcu;
    dc->seam = first->met + 1;
    dc->after_seam = guessed + dc->values_per_mcu;
    for (uint32_t i = 0; i < dc->block_count; i++) {
        dc->seam_difference[dc->blocks[i].component] =
            (int32_t)((uint32_t)*known - (uint32_t)*guessed);
        known += dc->blocks[i].squared ? JPEG_DC_SQUARED_VALUES : 1;
        guessed += dc->blocks[i].squared ? JPEG_DC_SQUARED_VALUES : 1;
    }
}

static bool ended_well(const struct cursor *cursor)
{
    const struct jpeg_dc *dc = cursor->dc;
    uint32_t position = bits_position(&cursor->bits, dc->scan.bytes);
    uint32_t end = (uint32_t)dc->scan.size * 8;
    return !cursor->odd && cursor->mcu == cursor->mcu_end && position <= end && end - position < 8;
}

bool jpeg_dc_scan_run(struct jpeg_dc *dc)
{
    const uint32_t intervals = dc->scan.interval_count;
    struct cursor first, second;
    start(&first, dc, dc->values);
    start(&second, dc, intervals > 1 ? dc->values : dc->guessed);
    second.stopped = intervals < 2 && (dc->uniform || dc->scan.size < MIN_GUESS_BYTES);
    dc->seam = UINT32_MAX;
    if (intervals > 1)
        start_half(&first, &second);
    else if (!second.stopped)
        start_guess(&first, &second);

    bool going = cursor_begin(&first) && (second.stopped || cursor_begin(&second));
    if (going && !second.stopped)
        run_two(&first, &second);
    if (!first.stopped)
        run_one(&first);
    if (first.odd)
        return false;
    if (intervals < 2 && first.met == UINT32_MAX)
        return ended_well(&first);
    if (first.met != UINT32_MAX) {
        set_seam(dc, &first, &second);
        // It may have stopped where it saw the end of the bytes.
        bool resumed = second.stopped && !second.odd && second.mcu < second.mcu_end;
        if (resumed)
            second.stopped = !cursor_begin(&second);
    }
    if (!second.stopped)
        run_one(&second);
    return ended_well(&second);
}
