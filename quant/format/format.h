/* quant/format/format.h - number formats, one row each.
 *
 * Integer formats store codes in `bits` bits, packed low bits first in a
 * little-endian bit stream (formats.md 3.8).  In memory every code travels in
 * an int8: unsigned codes are held minus 2^(bits-1), and their zero point with
 * them, so kernels see one signed domain.
 */
#ifndef HAQ_QUANT_FORMAT_FORMAT_H
#define HAQ_QUANT_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct haq_format {
    const char *name; /* "int4", "uint8", "fp32" */
    int bits;         /* of one code */
    bool integer;     /* false: a float format, no scale */
    bool is_signed;   /* signed: symmetric; unsigned: with a zero point */
    int qmin, qmax;   /* whole range of codes in the format's own domain */
};

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
