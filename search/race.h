/* search/race.h - is one candidate worse than another, while samples come in?
 *
 * A bet on every sample that both were evaluated on: +1 where only the other
 * was right, -1 where only the candidate was, 0 else.  If on the average the
 * candidate loses no more than `margin`, nobody can be expected to win money by
 *
 *     wealth(x) = product over samples of 1 + x * (outcome - margin)
 *
 * with stakes 0 < x < 1 / (1 + margin), so wealth above 1/alpha at any time
 * whatever has a probability of at most alpha (Ville 1939; Waudby-Smith, Ramdas
 * 2024).  Several stakes are played at once, each with an equal part of the
 * money.
 */
#ifndef HAQ_SEARCH_RACE_H
#define HAQ_SEARCH_RACE_H

#include <stddef.h>
#include <stdint.h>

/* Logarithm of the wealth after n samples: `lost` where only the other was
 * right, `gained` where only the candidate was.  0 <= margin < 1. */
double haq_race_evidence(size_t lost, size_t gained, size_t n, double margin);

/* Samples a .. b-1 as bits, set where an answer was right: bit i % 8 of byte
 * i / 8.  How many are set in x alone. */
size_t haq_bits_only(const uint8_t *x, const uint8_t *y, size_t a, size_t b);

/* ... and how many are set at all. */
size_t haq_bits_count(const uint8_t *x, size_t a, size_t b);

#endif
