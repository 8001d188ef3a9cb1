// Cooperative matrices under one set of names: GL_KHR_cooperative_matrix where the compiler has it,
// otherwise GL_NV_cooperative_matrix, whose SPIR-V tools/build/matrix_words.c turns into KHR's.
// Before it: specialization constants M, N, K; and MATRIX_SCOPE, if it is not a subgroup that keeps a
// matrix.
#pragma use_vulkan_memory_model
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#ifndef MATRIX_SCOPE
#define MATRIX_SCOPE gl_ScopeSubgroup
#endif

#ifdef GL_KHR_cooperative_matrix
#extension GL_KHR_cooperative_matrix : require
#define MATRIX_A coopmat<float16_t, MATRIX_SCOPE, M, K, gl_MatrixUseA>
#define MATRIX_B coopmat<float16_t, MATRIX_SCOPE, K, N, gl_MatrixUseB>
#define MATRIX_SUM coopmat<float, MATRIX_SCOPE, M, N, gl_MatrixUseAccumulator>
#define MATRIX_HALF_SUM coopmat<float16_t, MATRIX_SCOPE, M, N, gl_MatrixUseAccumulator>
#define MATRIX_LOAD_ROWS(m, from, at, stride)                                                      \
    coopMatLoad(m, from, at, stride, gl_CooperativeMatrixLayoutRowMajor)
#define MATRIX_LOAD_COLUMNS(m, from, at, stride)                                                   \
    coopMatLoad(m, from, at, stride, gl_CooperativeMatrixLayoutColumnMajor)
#define MATRIX_STORE_ROWS(m, to, at, stride)                                                       \
    coopMatStore(m, to, at, stride, gl_CooperativeMatrixLayoutRowMajor)
#define MATRIX_MULTIPLY_ADD(a, b, c) coopMatMulAdd(a, b, c)
#else
#extension GL_NV_cooperative_matrix : require
#define MATRIX_A fcoopmatNV<16, MATRIX_SCOPE, M, K>
#define MATRIX_B fcoopmatNV<16, MATRIX_SCOPE, K, N>
#define MATRIX_SUM fcoopmatNV<32, MATRIX_SCOPE, M, N>
#define MATRIX_HALF_SUM fcoopmatNV<16, MATRIX_SCOPE, M, N>
#define MATRIX_LOAD_ROWS(m, from, at, stride) coopMatLoadNV(m, from, at, stride, false)
#define MATRIX_LOAD_COLUMNS(m, from, at, stride) coopMatLoadNV(m, from, at, stride, true)
#define MATRIX_STORE_ROWS(m, to, at, stride) coopMatStoreNV(m, to, at, stride, false)
#define MATRIX_MULTIPLY_ADD(a, b, c) coopMatMulAddNV(a, b, c)
#endif
