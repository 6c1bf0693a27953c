#include "base/clock.h"

#include <time.h>

uint64_t haq_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void haq_clock_text(char out[HAQ_CLOCK_TEXT])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, HAQ_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
