#include "base/rng.h"

#include <assert.h>
#include <math.h>

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void haq_rng_seed(struct haq_rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t haq_rng_next(struct haq_rng *r)
{
    uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double haq_rng_unit(struct haq_rng *r)
{
    return (double)(haq_rng_next(r) >> 11) * 0x1p-53;
}

uint64_t haq_rng_below(struct haq_rng *r, uint64_t n)
{
    assert(n);
    /* 2^64 mod n values at the bottom would be drawn once too often. */
    uint64_t x, surplus = -n % n;
    do
        x = haq_rng_next(r);
    while (x < surplus);
    return x % n;
}

/* Box and Muller 1958, one of the two values. */
double haq_rng_normal(struct haq_rng *r)
{
    double radius = sqrt(-2 * log(1 - haq_rng_unit(r)));
    return radius * cos(2 * 3.14159265358979323846 * haq_rng_unit(r));
}
