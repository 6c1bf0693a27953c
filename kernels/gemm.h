/* kernels/gemm.h - matrix products and dense convolutions, one contract.
 *
 *     acc[m][n] = sum over segments s, elements e of  A[s][m][e] * W[n][s][e]
 *
 * A is given by indirection: pointer s * rows + m points at `seg_len`
 * contiguous elements of row m.  A plain matrix has one segment, the row; a
 * convolution over NHWC data has one segment per window tap (kh, kw), the C
 * channels of that tap's pixel, and padded taps point at a row of zero points.
 * So no im2col matrix exists.  W comes packed in panels of `nr` columns by the
 * row's own pack function.
 *
 * One row in the table per (activation type, weight type, ISA); the runtime
 * asks for a row, packs once, and runs tile by tile.  Integer rows are bit
 * exact with the scalar row; float rows agree within the bound stated in the
 * row.
 */
#ifndef HAQ_KERNELS_GEMM_H
#define HAQ_KERNELS_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue.h"

/* What A and W hold. */
enum haq_gemm_kind {
    HAQ_GEMM_F32,    /* A float, W float, acc float */
    HAQ_GEMM_F32_S8, /* A float, W int8 codes (any format of 8 bits or fewer),
                        acc float: sum of a * code, unscaled */
    HAQ_GEMM_U8_S8,  /* A uint8 codes, W int8 codes, acc int32, zero points not
                        applied (see epilogue.h) */
    HAQ_GEMM_KINDS
};

struct haq_gemm_args {
    const void *const *a; /* [segments][rows] */
    size_t rows;          /* 1 .. row->mr */
    size_t segments;      /* >= 1 */
    size_t seg_len; /* elements; U8: readable up to the next multiple of 4 (the
                       excess meets zero weights, any value will do) */
    const void *w;  /* first of `panels` consecutive packed panels */
    size_t panels;  /* >= 1 */
    size_t panel_bytes; /* from one to the next; 0: as packed.  More than that
                           when `segments` are some of those that were packed;
                           rows that take packed panels do not look */
    void *acc;     /* [rows][ldc] float or int32, overwritten; all panels * nr
                      columns are written */
    size_t ldc;    /* >= panels * nr */
    int shift;     /* W of 8 bits holds code << shift (kernels/panel.h): acc is
                      divided by 2^shift, which is exact; 0 for float W.  Rows
                      that read packed panels know theirs and ignore it */
    void *scratch; /* haq_gemm_scratch_bytes of it, aligned to 64; NULL if 0 */

    /* NULL, or an epilogue that the row `fuses`: results go to finish->y
     * straight from registers and acc is not touched.  Its columns are those of
     * the call, the last panel's beyond finish->cols left out; zw is NULL, and
     * acc, lda, rows are not looked at. */
    const struct haq_epilogue_args *finish;
    enum haq_epilogue_kind finish_kind;
};

typedef void haq_gemm_fn(const struct haq_gemm_args *a);

/* Pack W, given as [n][segments][seg_len] row-major (float or int8), into
 * panels: dst has haq_gemm_packed_bytes bytes, aligned to 64.  Columns beyond n
 * and elements beyond seg_len are zero. */
typedef void haq_gemm_pack_fn(void *dst, const void *w, size_t n,
                              size_t segments, size_t seg_len);

/* Bytes of scratch for a call of at most that many rows. */
typedef size_t haq_gemm_scratch_fn(size_t rows, size_t segments,
                                   size_t seg_len);

struct haq_gemm_impl {
    const char *name; /* "gemm_u8_s8_avx512vnni": logs, benchmarks, --kernel */
    enum haq_gemm_kind kind;
    unsigned isa; /* HAQ_ISA_* set the code needs */
    size_t mr;    /* most rows of a call */
    size_t nr;    /* columns of a panel */
    size_t kr;    /* seg_len is padded to a multiple of this in a panel */
    int bits;     /* of W's codes: 8, or fewer when the row reads packed panels
                     (kernels/panel.h) in registers, and then takes one segment
                     only; 0 for float W */
    unsigned fuses; /* 1 << kind of each epilogue that run can do itself */
    float bound; /* float rows: |error| <= bound * sum |a| |w|; 0: bit exact */
    haq_gemm_pack_fn *pack;
    haq_gemm_fn *run;
    haq_gemm_scratch_fn *scratch; /* NULL: none needed */
};

/* All rows built into this binary; for each kind the reference comes first and
 * the fastest last. */
const struct haq_gemm_impl *haq_gemm_impls(size_t *count);

/* The last row of `kind` for W of floats or of 8 bits that needs nothing
 * outside `isa`; never NULL. */
const struct haq_gemm_impl *haq_gemm_select(enum haq_gemm_kind kind,
                                            unsigned isa);

/* The last row that reads packed panels of `bits` (6 .. 1), or NULL: then, and
 * for several segments or more rows than its mr or so, panels are unpacked by
 * haq_panel_unpack_fn into those of the 8-bit row, block by block. */
const struct haq_gemm_impl *haq_gemm_select_packed(enum haq_gemm_kind kind,
                                                   int bits, unsigned isa);

/* Bytes of one panel, and of all panels of n columns, by the row's bits. */
size_t haq_gemm_panel_bytes(const struct haq_gemm_impl *k, size_t segments,
                            size_t seg_len);
size_t haq_gemm_packed_bytes(const struct haq_gemm_impl *k, size_t n,
                             size_t segments, size_t seg_len);

/* Scratch that a call of at most `rows` rows needs. */
size_t haq_gemm_scratch_bytes(const struct haq_gemm_impl *k, size_t rows,
                              size_t segments, size_t seg_len);

#endif
