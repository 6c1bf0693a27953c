#include "base/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

haq_status haq_fail(struct haq_diag *d, haq_status s, const char *fmt, ...)
{
    assert(s != HAQ_OK);
    if (d) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(d->text, sizeof d->text, fmt, ap);
        va_end(ap);
        d->status = s;
    }
    return s;
}

haq_status haq_fail_in(struct haq_diag *d, haq_status s, const char *where)
{
    if (s != HAQ_OK && d) {
        char text[sizeof d->text];
        memcpy(text, d->text, sizeof text);
        int used = snprintf(d->text, sizeof d->text, "%s: ", where);
        size_t at = used < 0 ? 0 : (size_t)used;
        if (at < sizeof d->text)
            snprintf(d->text + at, sizeof d->text - at, "%s", text);
    }
    return s;
}

static const struct {
    const char *text;
    int exit_code;
} rows[] = {
#define X(name, words, code) [HAQ_##name] = {words, code},
    HAQ_STATUS_MAP(X)
#undef X
};

enum { N_ROWS = sizeof rows / sizeof *rows };

const char *haq_status_text(haq_status s)
{
    return (unsigned)s < N_ROWS ? rows[s].text : "unknown status";
}

int haq_status_exit(haq_status s)
{
    return (unsigned)s < N_ROWS ? rows[s].exit_code : 1;
}
