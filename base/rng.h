/* base/rng.h - xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64. */
#ifndef HAQ_BASE_RNG_H
#define HAQ_BASE_RNG_H

#include <stdint.h>

struct haq_rng {
    uint64_t s[4];
};

void haq_rng_seed(struct haq_rng *r, uint64_t seed);
uint64_t haq_rng_next(struct haq_rng *r);
double haq_rng_unit(struct haq_rng *r); /* [0, 1) with 53 bits */
/* Uniform in [0, n), n >= 1, without modulo bias. */
uint64_t haq_rng_below(struct haq_rng *r, uint64_t n);
double haq_rng_normal(struct haq_rng *r); /* mean 0, variance 1 */

#endif
