/* kernels/dwconv_rows_priv.h - functions of the rows of the table, and the
 * geometry that the vector rows share. */
#ifndef HAQ_KERNELS_DWCONV_ROWS_PRIV_H
#define HAQ_KERNELS_DWCONV_ROWS_PRIV_H

#include "kernels/dwconv_rows.h"

#define HAQ_DWCONV_ROWS_DECLARE(isa)                                           \
    haq_dwconv_rows_fn haq_dwconv_rows_3x3s1_##isa,                            \
        haq_dwconv_rows_3x3s2_##isa, haq_dwconv_rows_5x5s1_##isa,              \
        haq_dwconv_rows_5x5s2_##isa

HAQ_DWCONV_ROWS_DECLARE(avx2);
HAQ_DWCONV_ROWS_DECLARE(avx512);
HAQ_DWCONV_ROWS_DECLARE(avx512vnni);
HAQ_DWCONV_ROWS_DECLARE(neon);
HAQ_DWCONV_ROWS_DECLARE(dotprod);
HAQ_DWCONV_ROWS_DECLARE(i8mm);

/* ---- columns as quads ---------------------------------------------------
 *
 * The codes of four rows of a column, interleaved, are the operands of
 * four-way dot products: one vector of quads serves every output row that sees
 * some of its rows, with its weights shifted to their place and zeros in the
 * others.  A job is the output rows that share quads:
 *
 *   window    output rows   quads begin at input rows   products a column
 *   3x3 s1         2        0                           1
 *   3x3 s2         2        0, 2                        1 (each its own)
 *   5x5 s1         4        0, 4                        2
 *   5x5 s2         2        0, 4                        2
 */
enum { HAQ_DW_QUAD = 4, HAQ_DW_JOBS = 4 };

#define HAQ_DW_CONST static inline __attribute__((always_inline, const))

HAQ_DW_CONST int haq_dw_job_rows(int kernel, int stride)
{
    return kernel == 5 && stride == 1 ? 4 : 2;
}

HAQ_DW_CONST int haq_dw_quads(int kernel, int stride)
{
    return kernel == 3 && stride == 1 ? 1 : 2;
}

HAQ_DW_CONST int haq_dw_quad_row(int kernel, int stride, int quad)
{
    return (kernel == 3 && stride == 2 ? 2 : HAQ_DW_QUAD) * quad;
}

HAQ_DW_CONST int haq_dw_uses(int kernel, int stride, int row, int quad)
{
    return kernel != 3 || stride != 2 || row == quad;
}

/* Input rows of a job. */
HAQ_DW_CONST int haq_dw_job_inputs(int kernel, int stride)
{
    return (haq_dw_job_rows(kernel, stride) - 1) * stride + kernel;
}

/* Vectors of weights of a job, each as many bytes as a vector of quads:
 * [half][kx][quad][2 of the half][row] where the row uses the quad. */
HAQ_DW_CONST int haq_dw_weights(int kernel, int stride)
{
    int used = kernel == 3 && stride == 2 ? 1 : haq_dw_quads(kernel, stride);
    return HAQ_DW_QUAD * kernel * used * haq_dw_job_rows(kernel, stride);
}

/* How a row of the table with vectors of `lanes` times 16 channels packs:
 *
 *     block: header, float mult[4][lanes * 4], int32 corr[4][lanes * 4],
 *            weights
 *
 * Vector i has channels 4i .. 4i + 3 of each lane.  With at most half (a
 * quarter) of a block's channels, lanes are shared by two (four) jobs.
 * parts 1: weights as int8 quads; 2: as int16, even rows then odd ones.
 * offset: what the row takes off codes before it multiplies. */
enum { HAQ_DW_HEADER = 64 };
struct haq_dw_header {
    int32_t fits; /* no result can leave int32 before it is clamped */
};
struct haq_dw_layout {
    int lanes, parts, offset;
};

void haq_dwconv_rows_pack(const struct haq_dwconv_rows_impl *impl,
                          struct haq_dw_layout layout, void *dst,
                          const int8_t *w, const int32_t *corr,
                          const float *mult, size_t channels);

#define HAQ_DW_BLOCK_BYTES(kernel, stride, lanes, parts)                       \
    (HAQ_DW_HEADER +                                                           \
     (lanes) * (size_t)16 *                                                    \
         (8u + (parts)*4u * (kernel) * ((kernel) == 3 ? 1u : 2u) *             \
                   ((kernel) == 5 && (stride) == 1 ? 4u : 2u)))

/* Lanes that the n channels of a block need. */
static inline int haq_dw_lanes(size_t n, int lanes)
{
    while (lanes > 1 && n <= (size_t)lanes * 8)
        lanes /= 2;
    return lanes;
}

#endif
