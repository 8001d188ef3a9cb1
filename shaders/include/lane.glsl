// What Mesa 22's CPU driver must be shown before it stores well. Included after the push constants
// `p`, of which `ascending` counts 0 .. 7.
//
// It stores a vector one lane after the other, in a loop that copies the whole vector to the stack
// for each: 9 cycles for 8 bytes. Only a store whose address it proves to be the same in all lanes
// is one instruction; then it takes lane 0's value and address. So each lane's value is moved to
// lane 0, a constant shuffle that costs nothing, and stored in a statement of its own, outside of
// loops and conditions.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_shader_subgroup_extended_types_int64 : require

#define SAME_BITS 24 // of the numbers that are made the same

// x, which is the same in all lanes anyway. The driver knows it of constants, push constants, and
// what is computed from them, but not of the workgroup's number: its octal digits are looked up.
int same(int x)
{
    int y = 0;
    [[unroll]] for (int k = 0; k < SAME_BITS / 3; k++)
        y += int(p.ascending[x >> (3 * k) & 7]) << (3 * k);
    return y;
}

// The workgroup's number, twice over: the driver's code for this aligns the stack to whole vectors,
// without which each access to it takes two.
int aligned(uint x)
{
    return subgroupBroadcastFirst(int(x));
}
