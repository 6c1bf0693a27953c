/* report/report.h - a front for people: a page, a table, files.
 *
 * All of it is made from front.json (docs/front.md) alone; the layer table of
 * graph/layers.h as JSON adds what a layer is.  Both are taken as hostile: what
 * is missing is left out, every name is escaped, nothing is trusted to be a
 * number or a file name.
 */
#ifndef HAQ_REPORT_REPORT_H
#define HAQ_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* One self-contained HTML page without scripts: the front as charts (accuracy
 * over latency, accuracy over size), its points as a table, the bits of each
 * layer of each point as a heat map.
 *
 *   layers  JSON of haq_layers_to_json, or NULL
 *   out     malloc'ed, NUL-terminated, the caller's to free
 * HAQ_FORMAT: `front` is not an object with points.  HAQ_NOMEM. */
haq_status haq_report_html(const json_t *front, const json_t *layers,
                           char **out, size_t *len, struct haq_diag *d);

/* The table for a terminal: one line per point with its intervals, the speed-up
 * over float and over uniform int8; the knee is marked.  unicode false: nothing
 * but ASCII.  Results as above. */
haq_status haq_report_text(const json_t *front, bool unicode, char **out,
                           size_t *len, struct haq_diag *d);

/* Write DIR/recipes/ID.json for every point and uniform width, DIR/report.html
 * and, last, DIR/front.json, where "recipe_json" has become "recipe": the path
 * of its file relative to DIR.  Each file appears whole or not at all; recipes
 * of an earlier front that this one does not have are removed at the end.
 * `front` is not changed.
 * HAQ_FORMAT  `front` as above, or a point without a usable id
 * HAQ_IO      names file and reason; a front.json that was there is still there
 */
haq_status haq_report_write(const char *dir, const json_t *front,
                            const json_t *layers, struct haq_diag *d);

#endif
