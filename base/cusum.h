/* base/cusum.h - has the level of a series moved?  Two-sided CUSUM (Page,
 * "Continuous inspection schemes", Biometrika 1954).
 *
 * With z = (x - mean) / sd of every value, cut to -3.5 .. 3.5 so that a single
 * outlier is no alarm, the sums
 *
 *     up = max(0, up + z - 0.5)      down = max(0, down - z - 0.5)
 *
 * stay near 0 while the level is `mean`, and grow once it has moved; beyond 5
 * that is an alarm.  With these two numbers and independent normal values a
 * false alarm comes once in 465 values on average, a move by one sd is found
 * after 10.4, by two after 4.0, by three after 2.6 (Montgomery, Introduction to
 * Statistical Quality Control, 9.1: run lengths for k = 1/2, h = 5).
 */
#ifndef HAQ_BASE_CUSUM_H
#define HAQ_BASE_CUSUM_H

#include <stdbool.h>
#include <stddef.h>

struct haq_cusum {
    double mean, sd;
    double up, down;
    size_t since_up, since_down; /* values since that sum was 0 */
};

/* sd > 0. */
void haq_cusum_init(struct haq_cusum *c, double mean, double sd);

/* True: an alarm; the caller then starts anew. */
bool haq_cusum_add(struct haq_cusum *c, double x);

/* After an alarm: how many of the latest values, this one included, came after
 * the level moved, as far as the sums can tell (Page's estimate). */
size_t haq_cusum_since(const struct haq_cusum *c);

#endif
