#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 64 };

void haq_buf_init(struct haq_buf *b)
{
    *b = (struct haq_buf){0};
}

void haq_buf_fini(struct haq_buf *b)
{
    free(b->data);
    haq_buf_init(b);
}

void haq_buf_clear(struct haq_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

/* Room for `extra` more bytes and the NUL. */
static bool reserve(struct haq_buf *b, size_t extra)
{
    if (b->failed)
        return false;
    if (b->cap - b->len > extra)
        return true;
    if (extra >= PTRDIFF_MAX - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + extra + 1;
    size_t cap = b->cap < CAP_MIN ? CAP_MIN : b->cap + b->cap / 2;
    if (cap < need)
        cap = need;
    char *grown = realloc(b->data, cap);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->cap = cap;
    return true;
}

void haq_buf_add(struct haq_buf *b, const void *data, size_t len)
{
    if (!reserve(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void haq_buf_puts(struct haq_buf *b, const char *s)
{
    haq_buf_add(b, s, strlen(s));
}

void haq_buf_printf(struct haq_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!reserve(b, (size_t)len))
        return;
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)len;
}

char *haq_buf_take(struct haq_buf *b)
{
    haq_buf_add(b, "", 0);
    char *data = b->failed ? NULL : b->data;
    if (data)
        haq_buf_init(b);
    else
        haq_buf_fini(b);
    return data;
}
