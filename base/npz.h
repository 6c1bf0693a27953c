/* base/npz.h - NumPy's .npy and .npz files, read with suspicion.
 *
 * npz is a zip (stored or deflated members, zip64) of <key>.npy; libzip reads
 * the container.  Arrays come back in C order whatever the file's order and in
 * the byte order of this machine.  Nothing is allocated from a size that the
 * file merely claims without checking it against the bytes that are there.
 */
#ifndef HAQ_BASE_NPZ_H
#define HAQ_BASE_NPZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/status.h"

enum { HAQ_MAX_RANK = 8 };

struct haq_array {
    enum haq_dtype dtype;
    int rank;                   /* 0 .. HAQ_MAX_RANK */
    int64_t dims[HAQ_MAX_RANK]; /* each >= 0 */
    size_t count;               /* elements: product of dims */
    void *data;                 /* C order, aligned to 64; owned */
};

void haq_array_fini(struct haq_array *a);

struct haq_npz;

/* Open a container and list its members (no array is read yet).
 * HAQ_INVALID  cannot be opened
 * HAQ_FORMAT   not a zip, truncated, encrypted, ... */
haq_status haq_npz_open(struct haq_npz **out, const char *path,
                        struct haq_diag *d);
void haq_npz_close(struct haq_npz *z);

bool haq_npz_has(const struct haq_npz *z, const char *key);

/* Read member `key` (without ".npy").  On success *out owns its data.
 * HAQ_INVALID  there is no such member; the sentence lists those there are
 * HAQ_FORMAT   bad header, sizes that disagree, CRC mismatch, object dtype */
haq_status haq_npz_read(struct haq_npz *z, const char *key,
                        struct haq_array *out, struct haq_diag *d);

/* A lone .npy file. */
haq_status haq_npy_read(const char *path, struct haq_array *out,
                        struct haq_diag *d);

/* Write version 1.0, C order, as haq_file_write does (all or nothing). */
haq_status haq_npy_write(const char *path, const struct haq_array *a,
                         struct haq_diag *d);

/* Parse .npy bytes; `name` stands for the file in errors. Fuzz target. */
haq_status haq_npy_parse(const char *name, const void *data, size_t len,
                         struct haq_array *out, struct haq_diag *d);

#endif
