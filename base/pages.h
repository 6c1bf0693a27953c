/* base/pages.h - memory for arrays that are read as streams.
 *
 * Hardware prefetchers stop at the end of a page, and a stream through small
 * pages misses the translation buffer every 4 KiB: large blocks ask for huge
 * pages, which matters most for weights that are read once a run.
 */
#ifndef HAQ_BASE_PAGES_H
#define HAQ_BASE_PAGES_H

#include <stddef.h>

enum { HAQ_HUGE_PAGE = 2 << 20 };

/* `bytes` bytes (1 or more) at a multiple of 64; from HAQ_HUGE_PAGE bytes on at
 * a multiple of that, on huge pages where the system has them.  Contents are
 * undefined.  NULL: no memory.  The caller frees it with free(). */
void *haq_pages_alloc(size_t bytes);

#endif
