#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"
#include "report/style.h"
#include "report/view.h"

/* ---- small pieces ---------------------------------------------------------*/

static void open_cell(struct haq_buf *b, const char *class)
{
    haq_buf_printf(b, *class ? "<td class=\"%s\">" : "<td>", class);
}

/* A number, or a dash. */
static void number_cell(struct haq_buf *b, const char *format, double v)
{
    open_cell(b, "");
    if (isfinite(v)) {
        if (!strcmp(format, "x"))
            haq_buf_printf(b, "%.2fx", v);
        else if (!strcmp(format, "+"))
            haq_buf_printf(b, "%+.2f", v == 0 ? 0 : v);
        else
            haq_buf_printf(b, "%.3f", v);
    } else {
        haq_buf_puts(b, "-");
    }
    haq_buf_puts(b, "</td>");
}

static void interval_cells(struct haq_buf *b, struct haq_interval v, int places)
{
    if (!isfinite(v.value)) {
        haq_buf_puts(b, "<td>-</td><td></td>");
        return;
    }
    haq_buf_printf(b, "<td>%.*f</td><td class=\"ci\">", places, v.value);
    if (isfinite(v.low) && isfinite(v.high))
        haq_buf_printf(b, "%.*f to %.*f", places, v.low, places, v.high);
    haq_buf_puts(b, "</td>");
}

static void card(struct haq_buf *b, const char *value, const char *what)
{
    haq_buf_puts(b, "<div class=\"card\"><b>");
    haq_html_escape(b, value);
    haq_buf_puts(b, "</b><span>");
    haq_html_escape(b, what);
    haq_buf_puts(b, "</span></div>\n");
}

/* ---- head -----------------------------------------------------------------*/

static void write_head(struct haq_buf *b, const struct haq_view *v)
{
    haq_buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
                    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                    "content=\"width=device-width,initial-scale=1\">\n"
                    "<title>");
    haq_html_escape(b, v->model);
    haq_buf_puts(b, " - haqfleet</title>\n<style>\n");
    for (const char *const *s = haq_report_style; *s; s++)
        haq_buf_puts(b, *s);
    haq_buf_puts(b, "</style></head>\n<body><main>\n<h1>");
    haq_html_escape(b, v->model);
    haq_buf_puts(b, "</h1>\n<p class=\"sub\">");
    haq_buf_printf(b, "%zu points on the front", v->n);
    if (isfinite(v->evaluations))
        haq_buf_printf(b, ", %.0f candidates measured", v->evaluations);
    if (isfinite(v->seconds))
        haq_buf_printf(b, " in %.0f s", v->seconds);
    if (*v->device) {
        haq_buf_puts(b, " on ");
        haq_html_escape(b, v->device);
    }
    haq_buf_puts(b, "</p>\n");
}

static void warn(struct haq_buf *b, const char *text)
{
    haq_buf_puts(b, "<p class=\"warn\">");
    haq_html_escape(b, text);
    haq_buf_puts(b, "</p>\n");
}

static void write_warnings(struct haq_buf *b, const struct haq_view *v)
{
    if (*v->error)
        warn(b, v->error);
    if (!v->complete)
        warn(b, "The search was not finished: points may be measured on a "
                "part of the evaluation set only.");
    if (v->n && !v->feasible)
        warn(b, "Nothing keeps to all limits; shown is the nearest.");
    for (size_t i = 0; i < v->n_warnings; i++)
        warn(b, v->warning[i]);
}

static void drop_words(const struct haq_view *v, double drop, char *out,
                       size_t room)
{
    snprintf(out, room, "%+.2f %s",
             drop == 0        ? 0
             : v->points_unit ? -drop
                              : drop,
             v->points_unit ? "points" : "%");
}

static void write_cards(struct haq_buf *b, const struct haq_view *v)
{
    const struct haq_view_point *k = haq_view_knee(v);
    char text[120], what[120], drop[40];
    haq_buf_puts(b, "<div class=\"cards\">\n");
    if (isfinite(v->base.accuracy.value)) {
        snprintf(text, sizeof text, "%.2f", v->base.accuracy.value);
        snprintf(what, sizeof what, "%.40s of the float model", v->metric);
        card(b, text, what);
    }
    if (k) {
        drop_words(v, k->drop, drop, sizeof drop);
        snprintf(text, sizeof text, "%.2f", k->accuracy.value);
        snprintf(what, sizeof what, "%.40s at the knee (%s)", v->metric, drop);
        card(b, text, what);
    }
    if (k && isfinite(k->speedup)) {
        snprintf(text, sizeof text, "%.2fx", k->speedup);
        card(b, text, "faster than float at the knee");
    }
    if (k && isfinite(k->compression)) {
        snprintf(text, sizeof text, "%.1fx", k->compression);
        card(b, text, "smaller than float at the knee");
    }
    if (isfinite(v->volume) && isfinite(v->uniform_volume)) {
        snprintf(text, sizeof text, "%.3f", v->volume);
        snprintf(what, sizeof what, "hypervolume (%.3f with uniform widths)",
                 v->uniform_volume);
        card(b, text, what);
    }
    haq_buf_puts(b, "</div>\n");
}

/* ---- charts ---------------------------------------------------------------*/

static double cost_ms(const struct haq_view_point *p)
{
    return p->ms.value;
}

static double cost_bytes(const struct haq_view_point *p)
{
    return p->bytes;
}

static void write_charts(struct haq_buf *b, const struct haq_view *v)
{
    bool large = v->base.bytes >= 4e6;
    const struct haq_chart charts[] = {
        {"Accuracy and latency", "latency, ms (less is better)", 1, cost_ms},
        {"Accuracy and size",
         large ? "size, MB (less is better)" : "size, KB (less is better)",
         large ? 1e-6 : 1e-3, cost_bytes},
    };
    haq_buf_puts(b, "<div class=\"charts\">\n");
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++)
        haq_chart_write(b, v, &charts[i]);
    haq_buf_puts(
        b, "</div>\n<p class=\"legend\" style=\"margin-top:10px\">"
           "<span>Compression against float:</span>"
           "<span><i class=\"dotkey s0\"></i>below 3x</span>"
           "<span><i class=\"dotkey s1\"></i>3x to 5x</span>"
           "<span><i class=\"dotkey s2\"></i>5x to 7x</span>"
           "<span><i class=\"dotkey s3\"></i>7x to 9x</span>"
           "<span><i class=\"dotkey s4\"></i>9x and more</span>"
           "<span>Diamonds are float and one width for all layers.  The line "
           "joins what nobody beats in the two quantities shown.</span></p>\n");
}

/* ---- points ---------------------------------------------------------------*/

static void write_row(struct haq_buf *b, const struct haq_view *v,
                      const struct haq_view_point *p, size_t number)
{
    char bytes[HAQ_VIEW_TEXT];
    haq_view_bytes(bytes, p->bytes);
    haq_buf_printf(b, "<tr class=\"%s\">",
                   p->knee  ? "knee"
                   : number ? "point"
                            : "plain");
    if (number)
        haq_buf_printf(b, "<td>%zu</td>", number);
    else
        haq_buf_puts(b, "<td></td>");
    haq_buf_puts(b, "<td class=\"l\">");
    if (*p->label) {
        haq_html_escape(b, p->label);
        haq_buf_puts(b, number ? " " : "");
    }
    if (number) {
        haq_buf_puts(b, "<code>");
        haq_html_escape(b, p->id);
        haq_buf_puts(b, "</code>");
    }
    if (p->knee)
        haq_buf_puts(b, "<span class=\"tag\">knee</span>");
    if (number && !p->confirmed)
        haq_buf_puts(b, "<span class=\"tag\">not confirmed</span>");
    haq_buf_puts(b, "</td>");
    interval_cells(b, p->accuracy, 2);
    number_cell(b, "+", v->points_unit ? -p->drop : p->drop);
    interval_cells(b, p->ms, 3);
    number_cell(b, "x", p->speedup);
    number_cell(b, "x", p->speedup_int8);
    haq_buf_printf(b, "<td>%s</td>", bytes);
    number_cell(b, "x", p->compression);
    haq_buf_printf(b,
                   isfinite(p->average_bits) ? "<td>%.2f</td></tr>\n"
                                             : "<td>-</td></tr>\n",
                   p->average_bits);
}

static void write_points(struct haq_buf *b, const struct haq_view *v)
{
    haq_buf_puts(b, "<h2>Points</h2>\n<div class=\"scroll\"><table "
                    "class=\"points\"><thead><tr><th>#</th>"
                    "<th class=\"l\">point</th><th>");
    haq_html_escape(b, v->metric);
    haq_buf_printf(b, "</th><th class=\"l\">95 %% interval</th><th>%s</th>",
                   v->points_unit ? "points" : "change, %");
    haq_buf_puts(b, "<th>latency, ms</th><th class=\"l\">95 % interval</th>"
                    "<th>over float</th><th>over int8</th><th>size</th>"
                    "<th>smaller</th><th>bits</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < v->n; i++)
        write_row(b, v, &v->point[i], i + 1);
    write_row(b, v, &v->base, 0);
    for (size_t i = 0; i < v->n_uniform; i++)
        if (!haq_view_on_front(v, &v->uniform[i]))
            write_row(b, v, &v->uniform[i], 0);
    haq_buf_puts(b,
                 "</tbody></table></div>\n<p class=\"note\">Latency is the "
                 "float model's divided by the speed-up, which is measured "
                 "interleaved with float; bits are the mean per weight. The "
                 "knee is the point where drop (of what is allowed), latency "
                 "and size (of float's) have the least sum.</p>\n");
}

/* ---- heat map -------------------------------------------------------------*/

/* Class of a cell: known words only, whatever the file says. */
static void heat_cell(struct haq_buf *b, const char *word, const char *act)
{
    char bits = word[0] && strchr("bt2345678f", word[0]) ? word[0] : 0;
    const char *kind = !strcmp(act, "d")   ? " ad"
                       : !strcmp(act, "f") ? " af"
                                           : "";
    if (bits)
        haq_buf_printf(b, "<td class=\"b%c%s\">", bits, kind);
    else
        haq_buf_puts(b, "<td>");
    haq_html_escape(b, word);
    haq_buf_puts(b, "</td>");
}

static void heat_row(struct haq_buf *b, const struct haq_view *v, size_t layer)
{
    const struct haq_view_layer *l = &v->layer[layer];
    haq_buf_puts(b, "<tr><th class=\"l\" title=\"");
    haq_html_escape(b, l->tensor);
    haq_buf_puts(b, "\">");
    haq_html_escape(b, l->tensor);
    haq_buf_puts(b, "</th>");
    haq_buf_printf(
        b, isfinite(l->weights) ? "<th class=\"n\">%.0f</th>" : "<th></th>",
        l->weights);
    if (isfinite(l->macs))
        haq_buf_printf(b, "<th class=\"n\">%.3g M</th>", l->macs / 1e6);
    else
        haq_buf_puts(b, "<th></th>");
    for (size_t i = 0; i < v->n; i++)
        heat_cell(b, v->point[i].words[layer], v->point[i].acts[layer]);
    haq_buf_puts(b, "</tr>\n");
}

static void write_heat(struct haq_buf *b, const struct haq_view *v)
{
    if (!v->n || !v->n_layers)
        return;
    haq_buf_puts(
        b, "<h2>Bits of each layer</h2>\n<p class=\"legend\">"
           "<span><i class=\"b2\">2</i><i class=\"b3\">3</i>"
           "<i class=\"b4\">4</i><i class=\"b5\">5</i><i class=\"b6\">6</i>"
           "<i class=\"b7\">7</i><i class=\"b8\">8</i>weight bits</span>"
           "<span><i class=\"bb\">b</i>binary</span>"
           "<span><i class=\"bt\">t</i>ternary</span>"
           "<span><i class=\"b4\">4g</i>groups of 32</span>"
           "<span><i class=\"bf\">f</i>float</span>"
           "<span><i class=\"b6\">6</i>static uint8 activations</span>"
           "<span><i class=\"b6 ad\">6</i>dynamic</span>"
           "<span><i class=\"b6 af\">6</i>float (weights only)</span></p>\n"
           "<div class=\"scroll\"><table class=\"heat\"><thead><tr>"
           "<th class=\"l\">layer</th><th>weights</th><th>MACs</th>");
    for (size_t i = 0; i < v->n; i++)
        haq_buf_printf(b, "<th%s title=\"%.4g\">%zu</th>",
                       v->point[i].knee ? " class=\"pick\"" : "",
                       v->point[i].accuracy.value, i + 1);
    haq_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t l = 0; l < v->n_layers; l++)
        heat_row(b, v, l);
    haq_buf_puts(b, "</tbody></table></div>\n");
}

haq_status haq_report_html(const json_t *front, const json_t *layers,
                           char **out, size_t *len, struct haq_diag *d)
{
    struct haq_view v;
    struct haq_buf b;
    haq_status s = haq_view_make(&v, front, layers, d);
    if (s)
        return s;
    haq_buf_init(&b);
    write_head(&b, &v);
    write_warnings(&b, &v);
    write_cards(&b, &v);
    write_charts(&b, &v);
    write_points(&b, &v);
    write_heat(&b, &v);
    haq_buf_puts(&b, "<footer>Made by haqfleet " HAQ_VERSION);
    if (isfinite(v.seed))
        haq_buf_printf(&b, ", seed %.0f", v.seed);
    haq_buf_puts(&b, ".</footer>\n</main></body></html>\n");
    *len = b.len;
    *out = haq_buf_take(&b);
    if (!*out)
        s = haq_fail(d, HAQ_NOMEM, "page of %zu points", v.n);
    haq_buf_fini(&b);
    haq_view_fini(&v);
    return s;
}
