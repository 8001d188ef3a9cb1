// The transforms of Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2015) at the points 0, +-2/3, +-3/2 and infinity instead of the usual 0, +-1,
// +-2: because (2/3) * (3/2) = 1 they cost no more, and they lose a third of the digits that the
// usual ones lose (error 1.7 times that of a direct fp32 convolution, not 4.7; Barabasz et al.,
// "Error Analysis and Improving the Accuracy of Winograd Convolution", 2018, on why).
// engine/ops/winograd.c transforms the weights with the same points.
#define POINT_A (2.0 / 3.0)
#define POINT_B (3.0 / 2.0)

// B^T d: six inputs of a row or column to six positions.
void winograd_input_line(const vec4 d[6], out vec4 v[6])
{
    const float a = POINT_A, b = POINT_B, both = a * a + b * b;
    const vec4 even_a = d[4] - b * b * d[2], odd_a = a * d[3] - b * d[1];
    const vec4 even_b = d[4] - a * a * d[2], odd_b = b * d[3] - a * d[1];
    v[0] = d[0] - both * d[2] + d[4];
    v[1] = even_a + odd_a;
    v[2] = even_a - odd_a;
    v[3] = even_b + odd_b;
    v[4] = even_b - odd_b;
    v[5] = d[1] - both * d[3] + d[5];
}

// A^T m: six positions to four outputs.
void winograd_output_line(const vec4 m[6], out vec4 y[4])
{
    const float a = POINT_A, b = POINT_B;
    const vec4 sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    const vec4 sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    y[0] = m[0] + sum_a + sum_b;
    y[1] = a * difference_a + b * difference_b;
    y[2] = a * a * sum_a + b * b * sum_b;
    y[3] = a * a * a * difference_a + b * b * b * difference_b + m[5];
}
