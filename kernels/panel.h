/* kernels/panel.h - panels of weight codes below 8 bits.
 *
 * The packed panels of gemm.h are streams of int8 codes.  A stream is cut into
 * blocks of 512 codes, each seen as 8 vectors of 64, and a block of b-bit
 * codes takes 64 * b bytes: one plane for the top bits, and one for the rest
 * where b is no power of two.
 *
 *     bits    planes, top bits first (bytes of a block)
 *     6       4 bits (256), 2 bits (128)
 *     5       4 bits (256), 1 bit (64)
 *     4       4 bits (256)
 *     3       2 bits (128), 1 bit (64)
 *     2       2 bits (128)
 *     1       1 bit (64): 0 stands for code 1, 1 for code -1
 *
 * A plane of p bits is p lines of 64 bytes.  Byte j of line i holds byte j of
 * the vectors i * 8 / p + 0, 1, ..., the first in its highest bits.  Bits are
 * those of two's complement, so that a field moved to the top of a byte is the
 * code times a power of two with its sign in place.  Unpacking stops there:
 *
 *     unpacked = code << shift      shift = 8 - bits, 6 for binary
 *
 * and products shift their sums back (haq_gemm_args.shift), which costs one
 * instruction an output instead of one a weight.
 *
 * Group scales of 32 meet whole blocks when a panel has 16 columns.
 */
#ifndef HAQ_KERNELS_PANEL_H
#define HAQ_KERNELS_PANEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    HAQ_PANEL_CODES = 512,   /* of a block */
    HAQ_PANEL_LINE = 64,     /* bytes of a line: 1 bit of a block */
    HAQ_PANEL_MAX_K = 65793, /* longest reduction: 255 * 128 * k < 2^31 */
};

/* Fewest bits (8, 6, 5, 4, 3, 2, 1) that hold all `n` codes.  1 means that
 * every code is -1 or 1: such panels have no zero, so they can be used only
 * where no element of a panel is padding. */
int haq_panel_bits(const int8_t *codes, size_t n);

/* unpacked = code << shift; 0 for 8 bits. */
int haq_panel_shift(int bits);

/* Bytes that `codes` codes take; the last block is whole. */
size_t haq_panel_bytes(int bits, size_t codes);

/* codes: n of a stream, each within `bits`; dst: haq_panel_bytes(bits, n)
 * bytes; the rest of the last block is filled with zero codes. */
void haq_panel_pack(void *dst, const int8_t *codes, size_t n, int bits);

/* src: `blocks` blocks, dst: 512 codes << shift for each; any alignment. */
typedef void haq_panel_unpack_fn(int8_t *dst, const void *src, size_t blocks,
                                 int bits);

struct haq_panel_impl {
    const char *name; /* "panel_unpack_avx512" */
    unsigned isa;
    haq_panel_unpack_fn *unpack;
};

const struct haq_panel_impl *haq_panel_impls(size_t *count);

/* The last row that needs nothing outside `isa`; never NULL. */
const struct haq_panel_impl *haq_panel_select(unsigned isa);

#endif
