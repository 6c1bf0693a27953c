#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int max_level = HAQ_LOG_INFO;

void haq_log_set_level(enum haq_log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

void haq_log(enum haq_log_level level, const char *fmt, ...)
{
    static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
    char line[2048];
    va_list ap;

    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    size_t n = (size_t)snprintf(line, sizeof line, "%s", prefix[level]);
    va_start(ap, fmt);
    int more = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    va_end(ap);
    if (more > 0)
        n += (size_t)more;
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    /* One call, so that lines of several threads do not mix. */
    fwrite(line, 1, n, stderr);
}
