#include "base/cusum.h"

#include <assert.h>
#include <math.h>

static const double slack = 0.5, limit = 5, cut = 3.5;

void haq_cusum_init(struct haq_cusum *c, double mean, double sd)
{
    assert(sd > 0);
    *c = (struct haq_cusum){.mean = mean, .sd = sd};
}

static void add(double *sum, size_t *since, double z)
{
    *sum = fmax(0, *sum + z - slack);
    *since = *sum > 0 ? *since + 1 : 0;
}

bool haq_cusum_add(struct haq_cusum *c, double x)
{
    double z = fmax(-cut, fmin(cut, (x - c->mean) / c->sd));
    add(&c->up, &c->since_up, z);
    add(&c->down, &c->since_down, -z);
    return c->up > limit || c->down > limit;
}

size_t haq_cusum_since(const struct haq_cusum *c)
{
    return c->up > c->down ? c->since_up : c->since_down;
}
