// Which pixels a convolution's windows see, for kernels whose threads bring them to shared memory: a
// thread's i-th load of a step is the chunk (16 bytes, eight halves, channels of one pixel) number
// thread % CHUNKS of row thread / CHUNKS + i * (THREADS / CHUNKS) of the tile. K runs over (ky, kx,
// channels), one tap a step: in NHWC these lie side by side, so a step adds one number to every
// address, and only the step that changes taps looks at the window again.
// Before it: THREADS, CHUNKS of a step, A_LOADS of a thread and step, KERNEL_H, KERNEL_W, EDGES,
// SECOND, and the push constants `p`, a conv_matrix_push.

// What this thread loads: rows of src from their windows' corners. `inside` has a bit for each ky,
// and from 16 on for each kx, that lies in the image.
uint from[A_LOADS], inside[A_LOADS];
uint ky = 0, kx = 0, in_tap = 0, offset = 0; // of the step to fetch, the same in all threads
bool in_second = false;                      // likewise

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
    offset += CHUNKS;
    if (SECOND && in_second)
        return;
    in_tap += CHUNKS;
    if (in_tap == p.tap_chunks) {
        in_tap = 0;
        offset += p.tap_jump;
        if (++kx == KERNEL_W) {
            kx = 0;
            ky++;
            offset += p.row_jump;
            if (SECOND && ky == KERNEL_H)
                find_second(first_m);
        }
    }
}
