// As many multiply-adds as the device can do: registers only, PEAK_CHAINS of them independent.
//   dst  f32 [PEAK_THREADS]: the results, so that no compiler can leave the work out
#version 450
#extension GL_GOOGLE_include_directive : require

#include "peak_push.h"

layout(local_size_x = PEAK_THREADS) in;
layout(binding = 0, std430) writeonly buffer Dst {
    float dst[];
};
layout(push_constant) uniform Push {
    peak_push p;
};

// Written out: Mesa's CPU driver blends every variable that a loop carries at each turn, so the
// turns have to be long. It also loads a push constant at each use (51 GFLOP/s on a core of which
// 231 come out with local variables).
#define STEP                                                                                       \
    a = a * factor + term;                                                                         \
    b = b * factor + term;                                                                         \
    c = c * factor + term;
#define STEPS_4 STEP STEP STEP STEP

void main()
{
    const float factor = p.factor, term = p.term;
    const float start = float(gl_LocalInvocationIndex);
    vec4 a = vec4(start, start + 1.0, start + 2.0, start + 3.0);
    vec4 b = a * 2.0, c = a * 3.0;
    for (uint i = 0; i < p.rounds; i++) {
        STEPS_4 STEPS_4 STEPS_4 STEPS_4
    }
    dst[gl_LocalInvocationIndex] = dot(a, b) + dot(b, c);
}
