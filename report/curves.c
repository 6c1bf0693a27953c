#include "report/curves.h"

#include <math.h>

#include "report/view.h"

enum { WIDTH = 760, HEIGHT = 440, LEFT = 62, RIGHT = 120, TOP = 36, FOOT = 46 };
enum { NAME_HEIGHT = 15, COLORS = 7 };

/* Told apart by readers who are colour blind (Okabe, Ito 2008). */
static const char *const color[COLORS] = {"#0072b2", "#d55e00", "#009e73",
                                          "#cc79a7", "#e69f00", "#56b4e9",
                                          "#555555"};

struct frame {
    double low, high;   /* of y */
    double first, last; /* of x */
};

static double across(const struct frame *f, size_t x)
{
    double part = log((double)x / f->first) / log(f->last / f->first);
    return LEFT + part * (WIDTH - RIGHT - LEFT);
}

static double up(const struct frame *f, double y)
{
    double part = (y - f->low) / (f->high - f->low);
    return HEIGHT - FOOT - part * (HEIGHT - FOOT - TOP);
}

static struct frame frame_of(const struct haq_curves *c)
{
    struct frame f = {INFINITY, -INFINITY, (double)c->x[0],
                      (double)c->x[c->n - 1]};
    for (size_t k = 0; k < c->curves; k++)
        for (size_t i = 0; i < c->n; i++) {
            f.low = fmin(f.low, c->curve[k].y[i].low);
            f.high = fmax(f.high, c->curve[k].y[i].high);
        }
    if (!(f.high > f.low))
        f.low -= 0.5, f.high = f.low + 1;
    return f;
}

static void write_axes(struct haq_buf *b, const struct haq_curves *c,
                       const struct frame *f)
{
    enum { STEPS = 5 };
    for (int i = 0; i <= STEPS; i++) {
        double v = f->low + (f->high - f->low) * i / STEPS, y = up(f, v);
        haq_buf_printf(b,
                       "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" "
                       "y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n",
                       LEFT, y, WIDTH - RIGHT, LEFT - 7, y + 4, v);
    }
    double next = 0;
    for (size_t i = 0; i < c->n; i++) {
        double x = across(f, c->x[i]);
        if (x < next) /* would cover the one before */
            continue;
        next = x + 45;
        haq_buf_printf(b,
                       "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text "
                       "x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu"
                       "</text>\n",
                       x, TOP, HEIGHT - FOOT, x, HEIGHT - FOOT + 17, c->x[i]);
    }
    haq_buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                   (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
    haq_html_escape(b, c->x_name);
    haq_buf_printf(b,
                   "</text>\n<text text-anchor=\"middle\" "
                   "transform=\"translate(14 %d) rotate(-90)\">",
                   (TOP + HEIGHT - FOOT) / 2);
    haq_html_escape(b, c->y_name);
    haq_buf_puts(b, "</text>\n");
}

static void write_curve(struct haq_buf *b, const struct haq_curves *c,
                        const struct frame *f, size_t k)
{
    const struct haq_interval *y = c->curve[k].y;
    haq_buf_printf(b, "<path fill=\"%s\" opacity=\".14\" d=\"",
                   color[k % COLORS]);
    for (size_t i = 0; i < c->n; i++)
        haq_buf_printf(b, "%c%.1f %.1f", i ? 'L' : 'M', across(f, c->x[i]),
                       up(f, y[i].high));
    for (size_t i = c->n; i-- > 0;)
        haq_buf_printf(b, "L%.1f %.1f", across(f, c->x[i]), up(f, y[i].low));
    haq_buf_printf(b,
                   "z\"/><path fill=\"none\" stroke=\"%s\" "
                   "stroke-width=\"2\" d=\"",
                   color[k % COLORS]);
    for (size_t i = 0; i < c->n; i++)
        haq_buf_printf(b, "%c%.1f %.1f", i ? 'L' : 'M', across(f, c->x[i]),
                       up(f, y[i].value));
    double at = TOP + 14.0 + NAME_HEIGHT * (double)k;
    haq_buf_printf(b,
                   "\"/><path stroke=\"%s\" stroke-width=\"3\" "
                   "d=\"M%d %.1fh16\"/><text x=\"%d\" y=\"%.1f\">",
                   color[k % COLORS], WIDTH - RIGHT + 10, at - 4,
                   WIDTH - RIGHT + 31, at);
    haq_html_escape(b, c->curve[k].name);
    haq_buf_puts(b, "</text>\n");
}

void haq_curves_write(struct haq_buf *b, const struct haq_curves *c)
{
    struct frame f = frame_of(c);
    haq_buf_printf(b,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                   "viewBox=\"0 0 %d %d\">\n<style>text{font:12px "
                   "system-ui,sans-serif;fill:#444}.grid{stroke:#e4e7ec}"
                   "</style>\n<rect width=\"%d\" height=\"%d\" "
                   "fill=\"#fff\"/>\n<text x=\"%d\" y=\"20\" "
                   "style=\"font-weight:600\">",
                   WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    haq_html_escape(b, c->title);
    haq_buf_puts(b, "</text>\n");
    write_axes(b, c, &f);
    for (size_t k = 0; k < c->curves; k++)
        write_curve(b, c, &f, k);
    haq_buf_puts(b, "</svg>\n");
}
