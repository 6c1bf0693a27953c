/* quant/format/format.h - number formats, one row each: integers, formats with
 * a coder (quant/format/coder.h), and fp32, which leaves numbers as they are.
 *
 * Integer formats store codes in `bits` bits, packed low bits first in a
 * little-endian bit stream (formats.md 3.8).  In memory every code travels in
 * an int8: unsigned codes are held minus 2^(bits-1), and their zero point with
 * them, so kernels see one signed domain.
 *
 * "ternary" (-1, 0, 1) and "binary" (-1, 1) are for weights alone.  Binary has
 * no code for zero: what must not count (a panel's columns and elements beyond
 * the weights) has to be taken out of the sum in another way, and a row of
 * zeros becomes a row of ones with a scale next to nothing.
 */
#ifndef HAQ_QUANT_FORMAT_FORMAT_H
#define HAQ_QUANT_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct haq_coder;

/* The scale > 0 with which n weights and their nearest codes differ least; 0
 * when all weights are 0.  `scratch` is [n]. */
typedef double haq_format_fit(const float *w, size_t n, float *scratch);

struct haq_format {
    const char *name; /* "int4", "uint8", "fp32" */
    int bits;         /* of one code */
    bool integer;     /* false: a coder makes codes, or nothing does (fp32) */
    bool is_signed;   /* signed: symmetric; unsigned: with a zero point */
    int qmin, qmax;   /* whole range of codes in the format's own domain */
    bool odd;         /* codes are -1 and 1: there is no zero */
    /* Scale of least squared error; NULL: the scale follows the range, and the
     * format serves activations too. */
    haq_format_fit *fit;
    /* How numbers become codes that are no integers; for weights alone. */
    const struct haq_coder *coder;
};

/* False for fp32: numbers stay as they are. */
static inline bool haq_format_quantizes(const struct haq_format *f)
{
    return f->integer || f->coder;
}

/* All of them, ends with a NULL name. */
extern const struct haq_format haq_formats[];

/* Row by name ("float" means fp32); NULL when unknown. */
const struct haq_format *haq_format_find(const char *name);

/* All names in one line, for error messages; static. */
const char *haq_format_names(void);

/* Bytes of n packed codes. */
size_t haq_codes_bytes(const struct haq_format *f, size_t n);
/* Pack / unpack n codes of the signed domain described above. */
void haq_codes_pack(const struct haq_format *f, uint8_t *dst,
                    const int8_t *codes, size_t n);
void haq_codes_unpack(const struct haq_format *f, int8_t *codes,
                      const uint8_t *src, size_t n);

#endif
