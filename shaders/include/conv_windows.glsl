// Which pixels a convolution's windows see, for kernels whose threads bring them to shared memory: a
// thread's i-th load of a step is the chunk (16 bytes, eight halves, channels of one pixel) number
// thread % CHUNKS of row thread / CHUNKS + i * (THREADS / CHUNKS) of the tile. K runs over (channels,
// ky, kx), some channels of one tap a step: a step adds one number to every address. Taps come before
// further channels because they see mostly the same pixels again, which then are still in the compute
// unit's own cache; all channels of one tap are more than it holds.
// Before it: THREADS, CHUNKS of a step, A_LOADS of a thread and step, KERNEL_H, KERNEL_W, EDGES,
// SECOND, and the push constants `p`, a conv_matrix_push.

const uint TAPS = KERNEL_H * KERNEL_W;
const bool FEW_TAPS = TAPS <= 32; // a bit for each in a word

// What this thread loads: rows of src from their windows' corners. `inside` has a bit for each tap
// that lies in the image; if they are too many, for each ky, and from 16 on for each kx.
uint from[A_LOADS], inside[A_LOADS];
// Of the step to fetch, the same in all threads.
uint tap = 0, ky = 0, kx = 0, in_tap = 0, offset = 0;
bool in_second = false;

bool sees(uint inside)
{
    return (FEW_TAPS ? inside >> tap & 1 : inside >> ky & inside >> (16 + kx) & 1) != 0;
}

// Where a step's weights begin in a row of K as it is packed: (ky, kx, channels), the second tensor.
uint weight_chunk(uint step)
{
    if (SECOND && step * CHUNKS >= TAPS * p.tap_chunks)
        return step * CHUNKS;
    return step % TAPS * p.tap_chunks + step / TAPS * CHUNKS;
}

uint tap_bits(uint rows_and_columns)
{
    uint bits = 0;
    for (uint k = 0; k < TAPS; k++)
        bits |= (rows_and_columns >> k / KERNEL_W & rows_and_columns >> (16 + k % KERNEL_W) & 1)
                << k;
    return bits;
}

// The output pixel whose window, or second pixel, this thread's i-th load is of.
void find_pixel(uint first_m, uint i, out uint n, out uint y, out uint x)
{
    const uint row_of_tile = gl_LocalInvocationID.x / CHUNKS + i * (THREADS / CHUNKS);
    const uint m = min(first_m + row_of_tile, p.pixels - 1), row = m / p.out_width;
    x = m - row * p.out_width;
    n = row / p.out_height;
    y = row - n * p.out_height;
}

void find_windows(uint first_m)
{
    const uint thread = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        uint n, y, x;
        find_pixel(first_m, i, n, y, x);
        from[i] = p.origin + n * p.image_pitch + y * p.y_step + x * p.x_step + thread % CHUNKS;
        inside[i] = 0;
        if (EDGES) {
            for (uint k = 0; k < KERNEL_H; k++)
                inside[i] |= uint(y * p.stride + k - p.pad < p.in_height) << k;
            for (uint k = 0; k < KERNEL_W; k++)
                inside[i] |= uint(x * p.stride + k - p.pad < p.in_width) << (16 + k);
            if (FEW_TAPS)
                inside[i] = tap_bits(inside[i]);
        }
    }
}

// Behind the last tap: the second tensor's pixels, which are always inside.
void find_second(uint first_m)
{
    in_second = true;
    offset = 0;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        uint n, y, x;
        find_pixel(first_m, i, n, y, x);
        from[i] = n * p.second_pitch + y * p.second_y_step + x * p.second_x_step +
                  gl_LocalInvocationID.x % CHUNKS;
    }
}

// On to the step behind the one that was fetched.
void next_step(uint first_m)
{
    if (SECOND && in_second) {
        offset += CHUNKS;
        return;
    }
    tap++;
    offset += p.tap_chunks;
    if (++kx < KERNEL_W)
        return;
    kx = 0;
    offset += p.row_jump;
    if (++ky < KERNEL_H)
        return;
    ky = tap = 0;
    in_tap += CHUNKS;
    offset = in_tap;
    if (SECOND && in_tap == p.tap_chunks)
        find_second(first_m);
}
