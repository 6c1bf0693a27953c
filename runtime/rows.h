/* runtime/rows.h - the rows of A of a matrix product: pixels of a convolution,
 * or rows of a matrix, tile by tile.
 */
#ifndef HAQ_RUNTIME_ROWS_H
#define HAQ_RUNTIME_ROWS_H

#include "runtime/plan_priv.h"
#include "runtime/window.h"

struct haq_rows {
    size_t count, tile, tiles; /* rows, of a tile, number of tiles */
    size_t elem;               /* bytes of an element */
    bool window;               /* by the pointer table, else plain */
    size_t stride;             /* plain: bytes from row to row */
    struct haq_geometry geometry;
    bool merge;         /* kernel rows as one segment each, see below */
    const char *pad;    /* row of zero points of a static or float input */
    struct haq_slot in; /* ROWS form: where scales, zeros and pads are */
    size_t per_scale;   /* ROWS: rows that share one scale */
};

/* Rows of a plain matrix [count][k], or of the windows of `conv` over the
 * node's input slot.  The tile is chosen with at most mr rows. */
haq_status haq_rows_matrix(struct haq_rows *r, struct haq_plan *p, int slot,
                           size_t count, size_t k, size_t mr);
haq_status haq_rows_conv(struct haq_rows *r, struct haq_plan *p, int node,
                         int slot, size_t mr, struct haq_diag *d);

/* Make tiles of at most mr rows, before the table is bound. */
void haq_rows_retile(struct haq_rows *r, size_t mr);

/* Make each tile a line of output pixels. */
void haq_rows_by_line(struct haq_rows *r);

/* Table entries the step needs, and the function that fills them; the step's
 * data must start with a struct haq_rows, its input 0 is the slot. */
size_t haq_rows_pointers(const struct haq_rows *r);
haq_step_bind_fn haq_rows_bind;

/* Rows of tile t. */
static inline size_t haq_rows_len(const struct haq_rows *r, size_t t)
{
    return haq_min_size(r->count - t * r->tile, r->tile);
}

/* Pointers [segments][len] to the rows of tile t, shifted by `at` elements;
 * `room` has space for them. */
const void *const *haq_rows_get(const struct haq_rows *r, const void **table,
                                const char *base, size_t t, size_t at,
                                const void **room);

/* Gather whole reduction rows: dst[len][stride bytes], `channels` elements of
 * each tap; taps outermost, or innermost (the model's own order).  May write up
 * to 16 bytes beyond a row's end. */
void haq_rows_gather(const struct haq_rows *r, const void *const *a, size_t len,
                     size_t channels, bool taps_first, char *dst,
                     size_t stride);

/* With few channels, the taps of a kernel row are better one segment than many:
 * in NHWC they lie side by side, unless some are padding.  Asks for that; false
 * when taps are dilated.  The table then also has, for each tile,
 * [kernel rows][len] pointers, NULL where there is padding. */
bool haq_rows_merge(struct haq_rows *r);

/* Pointers [kernel rows][len] for tile t; what meets padding is gathered into
 * dst, haq_rows_merged_bytes of it. */
const void *const *haq_rows_merged(const struct haq_rows *r, const void **table,
                                   size_t t, const void **room, char *dst);
size_t haq_rows_merged_bytes(const struct haq_rows *r);

/* The kernel rows of each window of tile t one behind the other:
 * dst[len][stride].  May write 31 bytes beyond a row's end. */
void haq_rows_compact(const struct haq_rows *r, const void **table, size_t t,
                      char *dst, size_t stride);

/* Scale and zero point of each row of tile t (ROWS form). */
void haq_rows_scales(const struct haq_rows *r, const char *base, size_t t,
                     float *scale, int32_t *zero);

#endif
