#include "search/race.h"

#include <math.h>

enum { STAKES = 24 };

double haq_race_evidence(size_t lost, size_t gained, size_t n, double margin)
{
    double log_wealth[STAKES], most = -INFINITY, sum = 0;
    double ties = (double)(n - lost - gained);
    for (int i = 0; i < STAKES; i++) {
        double x = (i + 0.5) / STAKES / (1 + margin);
        log_wealth[i] = (double)lost * log1p(x * (1 - margin)) +
                        (double)gained * log1p(-x * (1 + margin)) +
                        ties * log1p(-x * margin);
        most = fmax(most, log_wealth[i]);
    }
    for (int i = 0; i < STAKES; i++)
        sum += exp(log_wealth[i] - most) / STAKES;
    return most + log(sum);
}

static unsigned bit(const uint8_t *x, size_t i)
{
    return (unsigned)x[i / 8] >> i % 8 & 1U;
}

size_t haq_bits_only(const uint8_t *x, const uint8_t *y, size_t a, size_t b)
{
    size_t n = 0;
    for (size_t i = a; i < b; i++)
        n += bit(x, i) & ~bit(y, i);
    return n;
}

size_t haq_bits_count(const uint8_t *x, size_t a, size_t b)
{
    size_t n = 0;
    for (size_t i = a; i < b; i++)
        n += bit(x, i);
    return n;
}
