/* graph/dataset.h - samples and labels for calibration and evaluation.
 *
 * npz with x (samples first), y (labels, optional), x_scale and x_bias
 * (optional: network input = x * scale + bias, one value or one per channel,
 * channel = axis 1 of x), group (optional); or a pair x.npy,y.npy given as
 * "x.npy,y.npy" or "x.npy".
 */
#ifndef HAQ_GRAPH_DATASET_H
#define HAQ_GRAPH_DATASET_H

#include "base/hash.h"
#include "base/npz.h"

struct haq_dataset {
    struct haq_array x;      /* [n, ...] as stored, any dtype */
    struct haq_array y;      /* count == 0 when there are no labels */
    struct haq_array group;  /* count == 0 when absent */
    size_t n;                /* samples, >= 1 */
    size_t sample_count;     /* elements of one sample */
    float *scale, *bias;     /* [n_channels] or NULL */
    size_t n_channels;       /* 0 = no normalization, 1 = one for all */
    char hash[HAQ_HASH_HEX]; /* of the file's bytes; for a pair of both files'
                                hashes, as text one behind the other */
};

/* HAQ_INVALID: cannot be opened, no x, no samples, x_scale of a wrong length,
 * non-finite samples (first one named), y of a wrong length. */
haq_status haq_dataset_load(struct haq_dataset *out, const char *path,
                            struct haq_diag *d);
void haq_dataset_fini(struct haq_dataset *s);

/* Override the normalization (--input-scale, --input-bias): n values each,
 * n is 1 or the channel count; NULL for scale means 1, for bias 0.
 * HAQ_INVALID: another n, a value that is not finite. */
haq_status haq_dataset_normalize(struct haq_dataset *s, const float *scale,
                                 const float *bias, size_t n,
                                 struct haq_diag *d);

/* Check that one sample has `shape` (rank and dims without the batch, -1 fits
 * any) and that its dtype can feed an input of type `dtype` (integer inputs
 * need integer data).  HAQ_INVALID says both shapes. */
haq_status haq_dataset_fits(const struct haq_dataset *s, const char *path,
                            const int64_t *shape, int rank,
                            enum haq_dtype dtype, struct haq_diag *d);

/* Samples index[0..count) as the network wants them, in dst: float32 normalized
 * for a real `dtype` (of the network input), else int64 as they are. */
void haq_dataset_fetch(const struct haq_dataset *s, const size_t *index,
                       size_t count, enum haq_dtype dtype, void *dst);

/* The fixed order in which slices are taken: a permutation of 0..n-1 that is
 * the same on every machine (Fisher-Yates, seed 0x68617166).  perm is [n]. */
void haq_dataset_order(size_t n, size_t *perm);

#endif
