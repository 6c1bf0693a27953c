#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR = 24, NARROW = 60, WIDEST = 400 };

void haq_duration_text(char out[HAQ_DURATION_TEXT], double seconds)
{
    unsigned long t = (unsigned long)fmin(fmax(seconds, 0) + 0.5, 1e9);
    if (t < 60)
        snprintf(out, HAQ_DURATION_TEXT, "%lus", t);
    else if (t < 3600)
        snprintf(out, HAQ_DURATION_TEXT, "%lum %02lus", t / 60, t % 60);
    else
        snprintf(out, HAQ_DURATION_TEXT, "%luh %02lum", t / 3600,
                 t % 3600 / 60);
}

void haq_progress_init(struct haq_progress_line *p, bool quiet)
{
    memset(p, 0, sizeof *p);
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO);
}

static size_t terminal_width(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
        return 80;
    return w.ws_col < WIDEST ? w.ws_col : WIDEST;
}

static void bar_text(char out[BAR + 3], double fraction)
{
    int full = (int)(fmin(fmax(fraction, 0), 1) * BAR);
    out[0] = '[';
    for (int i = 0; i < BAR; i++)
        out[1 + i] = i < full ? '#' : '.';
    out[BAR + 1] = ']';
    out[BAR + 2] = 0;
}

static void phase_text(char *out, size_t size,
                       const struct haq_progress_state *s)
{
    if (s->total)
        snprintf(out, size, "%s %zu/%zu", s->phase, s->done, s->total);
    else if (s->done)
        snprintf(out, size, "%s %zu", s->phase, s->done);
    else
        snprintf(out, size, "%s", s->phase);
}

/* Several figures, the least important last: a narrow terminal cuts them. */
static void line_text(char out[WIDEST], const struct haq_progress_state *s,
                      bool bar)
{
    char phase[64], left[HAQ_DURATION_TEXT] = "?", drawn[BAR + 3] = "";
    phase_text(phase, sizeof phase, s);
    if (s->left_s >= 0)
        haq_duration_text(left, s->left_s);
    if (bar)
        bar_text(drawn, s->fraction);
    int n = snprintf(out, WIDEST, "%s%s%3.0f %%  %s", drawn, bar ? " " : "",
                     100 * s->fraction, phase);
    if (s->evaluations)
        n += snprintf(out + n, WIDEST - (size_t)n, "  %zu evaluated",
                      s->evaluations);
    if (s->evaluations || s->left_s >= 0)
        snprintf(out + n, WIDEST - (size_t)n, "  %s left%s%s", left,
                 s->best && *s->best ? "  best: " : "", s->best ? s->best : "");
}

void haq_progress_draw(struct haq_progress_line *p,
                       const struct haq_progress_state *s)
{
    char text[WIDEST];
    uint64_t now = haq_clock_ns();
    bool same = !strncmp(p->phase, s->phase, sizeof p->phase - 1);
    uint64_t pause = p->terminal ? 100000000 : UINT64_C(60000000000);
    if (p->quiet || (same && p->drawn_ns && now - p->drawn_ns < pause))
        return;
    p->drawn_ns = now;
    snprintf(p->phase, sizeof p->phase, "%s", s->phase);
    size_t width = terminal_width();
    line_text(text, s, p->terminal && width >= NARROW);
    if (p->terminal) {
        if (strlen(text) >= width)
            text[width - 1] = 0;
        fprintf(stderr, "\r%s\033[K", text);
        p->open = true;
    } else {
        fprintf(stderr, "%s\n", text);
    }
    fflush(stderr);
}

void haq_progress_end(struct haq_progress_line *p)
{
    if (p->open)
        fputs("\r\033[K", stderr);
    p->open = false;
    fflush(stderr);
}

void haq_count_init(struct haq_progress_count *c, const char *phase, bool quiet)
{
    *c = (struct haq_progress_count){.phase = phase};
    haq_progress_init(&c->line, quiet);
}

void haq_count_draw(void *arg, size_t done, size_t of)
{
    struct haq_progress_count *c = arg;
    uint64_t now = haq_clock_ns();
    if (!c->start_ns) {
        c->start_ns = now;
        c->first = done;
    }
    double elapsed = (double)(now - c->start_ns) * 1e-9;
    double left = done > c->first ? elapsed / (double)(done - c->first) *
                                        (double)(of - done)
                                  : -1;
    haq_progress_draw(&c->line, &(struct haq_progress_state){
                                    .phase = c->phase,
                                    .done = done,
                                    .total = of,
                                    .fraction = (double)done / (double)of,
                                    .elapsed_s = elapsed,
                                    .left_s = left});
    if (done == of)
        haq_progress_end(&c->line);
}
