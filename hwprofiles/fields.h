/* hwprofiles/fields.h - structs as JSON objects, by a table of their fields.
 *
 *     struct point { const char *name; size_t x; };
 *     static const struct haq_field rows[] = {
 *         HAQ_FIELD(TEXT, struct point, name, true),
 *         HAQ_FIELD(COUNT, struct point, x, false, .max = 100)};
 *     const struct haq_fields point_fields = HAQ_FIELDS("point", struct point,
 *                                                       rows);
 *
 * One table writes, reads and checks: what is written reads back to the same
 * bytes; what is read has no unknown key, no missing one, no number beyond its
 * limit and no control character in a text (it is printed on terminals).
 * Fields that are 0, NULL or empty are left out unless they must be there.
 */
#ifndef HAQ_HWPROFILES_FIELDS_H
#define HAQ_HWPROFILES_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum haq_field_type {
    HAQ_FIELD_TEXT,  /* const char * */
    HAQ_FIELD_COUNT, /* uint64_t, a JSON integer */
    HAQ_FIELD_REAL,  /* double, finite */
    HAQ_FIELD_WORD,  /* unsigned: index of one of `words` */
    HAQ_FIELD_MASK,  /* unsigned: bit i stands for words[i]; a JSON array */
    HAQ_FIELD_TEXTS, /* struct haq_list of const char * */
    HAQ_FIELD_LIST   /* struct haq_list of structs of table `of` */
};

enum { HAQ_FIELD_TEXT_MAX = 1000, HAQ_FIELD_LIST_MAX = 4096 };

struct haq_list {
    void *item; /* array in the owner's arena */
    size_t n;
};

struct haq_fields;
struct haq_field {
    enum haq_field_type type;
    const char *key;
    size_t offset;
    bool must;    /* written and wanted even when it is nothing */
    uint64_t max; /* of a count, of items; 0: only what the type holds */
    const char *const *words;    /* end with NULL */
    const struct haq_fields *of; /* LIST */
};

struct haq_fields {
    const char *what; /* for sentences: "cache" */
    size_t size;      /* of the struct */
    const struct haq_field *field;
    size_t n;
};

/* What follows the member: must it be there, and other members of the row. */
#define HAQ_FIELD(t, owner, member, ...)                                       \
    {                                                                          \
        .type = HAQ_FIELD_##t, .key = #member,                                 \
        .offset = offsetof(owner, member), .must = __VA_ARGS__                 \
    }
#define HAQ_FIELDS(name, owner, rows)                                          \
    {                                                                          \
        .what = name, .size = sizeof(owner), .field = rows,                    \
        .n = sizeof(rows) / sizeof *(rows)                                     \
    }

/* New reference; NULL: no memory. */
json_t *haq_fields_write(const struct haq_fields *t, const void *object);

/* Fill *object (zeroed first) from j; texts and arrays are copied to `a`.
 * HAQ_FORMAT: "WHERE.KEY: ..."; HAQ_NOMEM. */
haq_status haq_fields_read(const struct haq_fields *t, void *object,
                           const json_t *j, const char *where,
                           struct haq_arena *a, struct haq_diag *d);

/* The same for an array of such objects, at most `max` of them. */
json_t *haq_fields_write_list(const struct haq_fields *t,
                              const struct haq_list *list);
haq_status haq_fields_read_list(const struct haq_fields *t,
                                struct haq_list *list, const json_t *j,
                                const char *where, size_t max,
                                struct haq_arena *a, struct haq_diag *d);

/* Room for one more item of `size` bytes, zeroed, at the end of the list; the
 * array may move.  NULL: no memory. */
void *haq_list_add(struct haq_list *list, size_t size, struct haq_arena *a);

/* A copy with control characters replaced by '?', cut to HAQ_FIELD_TEXT_MAX:
 * for texts from files that are not JSON. */
const char *haq_text_copy(struct haq_arena *a, const char *text, size_t len);

#endif
