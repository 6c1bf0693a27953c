#include "search/algo/dominance.h"

#include <math.h>
#include <stdlib.h>

bool haq_dominates(const double *a, const double *b, size_t m)
{
    bool better = false;
    for (size_t i = 0; i < m; i++) {
        if (a[i] > b[i])
            return false;
        better |= a[i] < b[i];
    }
    return better;
}

bool haq_beats(const double *a, double a_violation, const double *b,
               double b_violation, size_t m)
{
    if (a_violation <= 0 && b_violation <= 0)
        return haq_dominates(a, b, m);
    return fmax(a_violation, 0) < fmax(b_violation, 0);
}

static bool beats_at(const double *f, const double *violation, size_t i,
                     size_t j, size_t m)
{
    return haq_beats(f + i * m, violation ? violation[i] : 0, f + j * m,
                     violation ? violation[j] : 0, m);
}

size_t haq_front_ranks(const double *f, const double *violation, size_t n,
                       size_t m, size_t *rank, size_t *count)
{
    for (size_t i = 0; i < n; i++) {
        rank[i] = n; /* none yet */
        count[i] = 0;
        for (size_t j = 0; j < n; j++)
            count[i] += beats_at(f, violation, j, i, m);
    }
    size_t front = 0;
    for (size_t left = n; left; front++) {
        for (size_t i = 0; i < n; i++)
            if (rank[i] == n && !count[i])
                rank[i] = front;
        for (size_t i = 0; i < n; i++) {
            if (rank[i] != front)
                continue;
            left--;
            for (size_t j = 0; j < n; j++)
                count[j] -= rank[j] == n && beats_at(f, violation, i, j, m);
        }
    }
    return front;
}

static int by_key(const void *a, const void *b)
{
    const struct haq_keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void haq_keyed_sort(struct haq_keyed *k, size_t n)
{
    if (n)
        qsort(k, n, sizeof *k, by_key);
}

void haq_crowding(const double *f, size_t m, const size_t *index, size_t n,
                  double *distance, struct haq_keyed *scratch)
{
    for (size_t i = 0; i < n; i++)
        distance[i] = 0;
    for (size_t o = 0; o < m; o++) {
        for (size_t i = 0; i < n; i++)
            scratch[i] = (struct haq_keyed){f[index[i] * m + o], i};
        haq_keyed_sort(scratch, n);
        double range = n ? scratch[n - 1].key - scratch[0].key : 0;
        if (!(range > 0) || isinf(range))
            continue;
        distance[scratch[0].index] = INFINITY;
        distance[scratch[n - 1].index] = INFINITY;
        for (size_t i = 1; i + 1 < n; i++)
            distance[scratch[i].index] +=
                (scratch[i + 1].key - scratch[i - 1].key) / range;
    }
}
