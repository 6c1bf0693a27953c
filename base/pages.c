#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LINE = 64 };

void *haq_pages_alloc(size_t bytes)
{
    size_t align = bytes < HAQ_HUGE_PAGE ? LINE : HAQ_HUGE_PAGE;
    if (bytes > PTRDIFF_MAX - HAQ_HUGE_PAGE)
        return NULL;
    void *m = NULL;
    if (posix_memalign(&m, align, bytes))
        return NULL;
    /* A request: without huge pages, small ones serve. */
    if (align == HAQ_HUGE_PAGE)
        (void)madvise(m, bytes, MADV_HUGEPAGE);
    return m;
}
