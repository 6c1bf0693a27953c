/* base/json.h - Jansson with our limits, our errors and canonical output.
 *
 * json_t from Jansson is used as it is all over the tree; this file adds what
 * it lacks.  Canonical form (RFC 8785 in spirit): keys sorted by bytes, no
 * white space, reals as the shortest decimal that reads back to the same
 * double, integers in full, UTF-8 unescaped but for control characters.
 */
#ifndef HAQ_BASE_JSON_H
#define HAQ_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Parse a file; *out is a new reference.  HAQ_FORMAT names file, line, column
 * and reason; duplicate keys are refused. */
haq_status haq_json_read(const char *path, json_t **out, struct haq_diag *d);

/* Parse bytes; `name` stands for the file in errors. */
haq_status haq_json_parse(const char *name, const char *text, size_t len,
                          json_t **out, struct haq_diag *d);

/* Canonical text, malloc'ed, NUL-terminated; NULL when memory is out. */
char *haq_json_canonical(const json_t *v, size_t *len);

/* Readable text (2 spaces, sorted keys, shortest reals, final newline),
 * malloc'ed; NULL when memory is out. */
char *haq_json_pretty(const json_t *v, size_t *len);

/* Write pretty text as haq_file_write does. */
haq_status haq_json_write(const char *path, const json_t *v,
                          struct haq_diag *d);

/* Fetch a required member of the right type.  HAQ_FORMAT: "KEY: missing" or
 * "KEY: not a string", with `where` in front.  Borrowed results. */
haq_status haq_json_get_str(const json_t *o, const char *where, const char *key,
                            const char **out, struct haq_diag *d);
haq_status haq_json_get_int(const json_t *o, const char *where, const char *key,
                            int64_t *out, struct haq_diag *d);
haq_status haq_json_get_real(const json_t *o, const char *where,
                             const char *key, double *out, struct haq_diag *d);
haq_status haq_json_get_array(const json_t *o, const char *where,
                              const char *key, json_t **out,
                              struct haq_diag *d);
haq_status haq_json_get_object(const json_t *o, const char *where,
                               const char *key, json_t **out,
                               struct haq_diag *d);

/* Real number that JSON can carry: NaN and infinities become null. */
json_t *haq_json_real(double v);

#endif
