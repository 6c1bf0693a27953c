#include "report/bars.h"

#include <math.h>

#include "report/view.h"

enum {
    WIDTH = 760,
    NAME = 200, /* room for names */
    NOTE = 220, /* and behind the bars */
    LINE = 20,  /* from bar to bar */
    THICK = 12,
    TOP = 40,
    FOOT = 10
};

static double largest(const struct haq_bar *bars, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = isfinite(bars[i].value) ? fmax(most, bars[i].value) : most;
    return most > 0 ? most : 1;
}

static void write_bar(struct haq_buf *b, const struct haq_bar *bar, int y,
                      double most)
{
    int room = WIDTH - NAME - NOTE;
    double width = isfinite(bar->value) ? bar->value / most * room : 0;
    haq_buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", NAME - 8,
                   y + THICK - 2);
    haq_html_escape(b, bar->name);
    haq_buf_printf(b,
                   "</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" "
                   "height=\"%d\"/><text x=\"%.1f\" y=\"%d\">",
                   NAME, y, width, THICK, NAME + width + 6, y + THICK - 2);
    haq_html_escape(b, bar->note);
    haq_buf_puts(b, "</text>\n");
}

void haq_bars_write(struct haq_buf *b, const char *title,
                    const struct haq_bar *bars, size_t n)
{
    int height = TOP + FOOT + (int)n * LINE;
    double most = largest(bars, n);
    haq_buf_printf(b,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                   "height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"sans-serif\" font-size=\"12\">\n"
                   "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>"
                   "<text x=\"%d\" y=\"22\" font-size=\"14\">",
                   WIDTH, height, WIDTH, height, FOOT);
    haq_html_escape(b, title);
    haq_buf_puts(b, "</text>\n<g fill=\"#3465a4\">\n");
    for (size_t i = 0; i < n; i++)
        write_bar(b, &bars[i], TOP + (int)i * LINE, most);
    haq_buf_puts(b, "</g>\n</svg>\n");
}
