/* base/buf.h - a growing byte string (always followed by a NUL). */
#ifndef HAQ_BASE_BUF_H
#define HAQ_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct haq_buf {
    char *data; /* NULL while empty; otherwise data[len] == 0 */
    size_t len;
    size_t cap;
    bool failed; /* an append ran out of memory; later appends do nothing */
};

void haq_buf_init(struct haq_buf *b);
void haq_buf_fini(struct haq_buf *b);
void haq_buf_clear(struct haq_buf *b); /* keeps the memory */

/* Append; on lack of memory set `failed` and leave the content as it was. Check
 * once at the end. */
void haq_buf_add(struct haq_buf *b, const void *data, size_t len);
void haq_buf_puts(struct haq_buf *b, const char *s);
void haq_buf_printf(struct haq_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Hand the bytes over (caller frees with free); b is empty afterwards.  NULL
 * when an append failed.  An empty buffer yields "". */
char *haq_buf_take(struct haq_buf *b);

#endif
