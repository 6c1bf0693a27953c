/* base/clock.h - time. Durations and intervals use the monotonic clock only. */
#ifndef HAQ_BASE_CLOCK_H
#define HAQ_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in ns. */
uint64_t haq_clock_ns(void);

/* Wall clock now as "2026-01-31T12:00:00Z". */
enum { HAQ_CLOCK_TEXT = 21 };
void haq_clock_text(char out[HAQ_CLOCK_TEXT]);

#endif
