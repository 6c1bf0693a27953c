/* base/file.h - whole files in, whole files out, nothing half written. */
#ifndef HAQ_BASE_FILE_H
#define HAQ_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

/* Open for reading.  HAQ_INVALID: cannot be opened, or is a directory. */
haq_status haq_file_open(FILE **out, const char *path, struct haq_diag *d);

/* Read a whole file (or pipe).  *out is malloc'ed, NUL-terminated behind its
 * *len bytes, and the caller's to free.
 * HAQ_INVALID  cannot be opened, is a directory, or is larger than `limit`
 *              bytes (an unreadable *input* is bad input)
 * HAQ_IO       the read itself failed */
haq_status haq_file_read(const char *path, size_t limit, void **out,
                         size_t *len, struct haq_diag *d);

/* Write all of it or leave the old file as it was: a temporary file beside
 * `path`, fsync, rename, fsync of the folder.  HAQ_IO names path and reason. */
haq_status haq_file_write(const char *path, const void *data, size_t len,
                          struct haq_diag *d);

/* mkdir -p.  HAQ_IO when a component is a file or cannot be made. */
haq_status haq_dir_make(const char *path, struct haq_diag *d);

bool haq_file_exists(const char *path);

#endif
