#include "train/loss.h"

#include <math.h>

static double log_sum(const float *x, size_t n, float *most)
{
    double sum = 0;
    *most = x[0];
    for (size_t i = 1; i < n; i++)
        *most = x[i] > *most ? x[i] : *most;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)(x[i] - *most));
    return log(sum);
}

static double squares(const float *out, const float *teacher, size_t n,
                      float *grad, float scale)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        float e = out[i] - teacher[i];
        loss += 0.5 * (double)e * (double)e;
        if (grad)
            grad[i] = e * scale;
    }
    return loss;
}

/* One position: the wanted distribution is p = (1 - share) softmax(teacher) +
 * share [label]; the gradient is softmax(out) - p. */
static double position(const struct haq_loss *l, const float *out,
                       const float *teacher, int64_t label, float *grad,
                       float scale)
{
    float most_out, most_teacher;
    double total_out = log_sum(out, l->classes, &most_out);
    double total_teacher = log_sum(teacher, l->classes, &most_teacher);
    double share = (double)l->share, loss = 0;
    for (size_t i = 0; i < l->classes; i++) {
        double q = (double)(out[i] - most_out) - total_out;
        double t = (double)(teacher[i] - most_teacher) - total_teacher;
        double p = exp(t), hit = (int64_t)i == label ? share : 0;
        loss += (1 - share) * p * (t - q) - hit * q;
        if (grad)
            grad[i] = (float)(exp(q) - (1 - share) * p - hit) * scale;
    }
    return loss;
}

double haq_loss_sample(const struct haq_loss *l, size_t sample,
                       const float *out, float *grad, float scale)
{
    size_t size = l->positions * l->classes;
    const float *teacher = l->teacher + sample * size;
    const struct haq_array *y = &l->data->y;
    double loss = 0;
    scale /= (float)l->positions;
    for (size_t p = 0; p < l->positions; p++) {
        size_t at = p * l->classes;
        float *g = grad ? grad + at : NULL;
        if (l->real) {
            loss += squares(out + at, teacher + at, l->classes, g, scale);
            continue;
        }
        int64_t label = l->share > 0
                            ? haq_dtype_get_int(y->dtype, y->data,
                                                sample * l->positions + p)
                            : -1;
        loss += position(l, out + at, teacher + at, label, g, scale);
    }
    return loss / (double)l->positions;
}
