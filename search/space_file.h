/* search/space_file.h - a search space as a YAML file (docs/search-space.md).
 *
 *     space: 1
 *     formats: [int2, int4, int8, float]      beside int8 and float
 *     first_last: int8                        or free
 *     pin: {conv1: int8, "block4*": [int8, float]}
 *     ban: {"*": int2, fc: [int3, int4]}
 *     activations: [static, dynamic]          of quantized layers
 *     granularities: [channel]
 *     ties: [[conv2, conv3], ["block1*"]]
 */
#ifndef HAQ_SEARCH_SPACE_FILE_H
#define HAQ_SEARCH_SPACE_FILE_H

#include "search/rules.h"

/* Read a file into rules (added behind those that are there) and formats, a
 * mask as of haq_space_formats_parse: 0 when the file names none.  The file is
 * taken as hostile.
 * HAQ_INVALID  no such file, or larger than 1 MiB
 * HAQ_FORMAT   no YAML, or not by the schema: names file, line, column, reason
 * HAQ_NOMEM */
haq_status haq_space_file_read(const char *path, struct haq_rules *rules,
                               unsigned *formats, struct haq_diag *d);

#endif
