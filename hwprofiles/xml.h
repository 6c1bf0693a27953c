/* hwprofiles/xml.h - the part of XML that hwloc writes, read with care.
 *
 * A recorded machine comes from elsewhere, and hwloc's own importer is made for
 * files that hwloc wrote: it allocates by what a file claims.  This reader
 * takes elements, attributes, comments and the five named entities; it refuses
 * everything else, bounds depth, attributes and sizes, and says the line.
 */
#ifndef HAQ_HWPROFILES_XML_H
#define HAQ_HWPROFILES_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { HAQ_XML_ATTRS = 32, HAQ_XML_DEPTH = 64 };

struct haq_xml_attr {
    const char *name, *value;
};

enum haq_xml_event { HAQ_XML_OPEN, HAQ_XML_CLOSE, HAQ_XML_END };

struct haq_xml {
    const char *file; /* for sentences */
    char *at, *end;
    size_t line;
    const char *name; /* of the element that was opened or closed */
    struct haq_xml_attr attr[HAQ_XML_ATTRS];
    size_t n_attrs; /* of an opened one */
    const char *stack[HAQ_XML_DEPTH];
    size_t depth; /* elements that are open */
    bool empty;   /* <x/>: its end is reported next */
};

/* Reads `text` of `len` bytes in place (it is changed); text[len] is 0. */
void haq_xml_init(struct haq_xml *x, const char *file, char *text, size_t len);

/* Next start or end of an element; END once, when all are closed.  Names and
 * values are valid until the text goes.  HAQ_FORMAT: "FILE, line N: ...". */
haq_status haq_xml_next(struct haq_xml *x, enum haq_xml_event *event,
                        struct haq_diag *d);

/* Value of an attribute of the element just opened, or NULL. */
const char *haq_xml_get(const struct haq_xml *x, const char *name);

/* HAQ_FORMAT with file and line in front of `why`. */
haq_status haq_xml_bad(const struct haq_xml *x, const char *why,
                       struct haq_diag *d);

#endif
