/* cli/progress.h - how far a long command is, on standard error.
 *
 * On a terminal one line that redraws itself; otherwise a plain line now and
 * then, so that a log file stays readable.
 */
#ifndef HAQ_CLI_PROGRESS_H
#define HAQ_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct haq_progress_line {
    bool terminal, quiet;
    uint64_t drawn_ns; /* last time something was written */
    char phase[32];    /* then */
    bool open;         /* a redrawn line stands on the terminal */
};

struct haq_progress_state {
    const char *phase;
    size_t done, total; /* of the phase; total 0 = unknown */
    double fraction;    /* of everything, 0 .. 1 */
    size_t evaluations;
    double elapsed_s, left_s; /* left_s < 0: unknown */
    const char *best;
};

/* Looks whether standard error is a terminal. */
void haq_progress_init(struct haq_progress_line *p, bool quiet);

/* Draw if it is time to: 10 times a second on a terminal, else when the phase
 * changes or a minute has passed. */
void haq_progress_draw(struct haq_progress_line *p,
                       const struct haq_progress_state *s);

/* Wipe the line, so that other text can be written. */
void haq_progress_end(struct haq_progress_line *p);

/* Pieces of work that are counted: `done` of `of`, as long each; time runs from
 * the first report on, and the line is wiped with the last.  haq_count_draw is
 * what libraries that report progress call; arg: the struct, in which `phase`
 * is set by the caller.  haq_progress_end(&c->line) ends it early. */
struct haq_progress_count {
    struct haq_progress_line line;
    const char *phase;
    uint64_t start_ns; /* of the first report, 0 before */
    size_t first;      /* pieces that were done then */
};
void haq_count_init(struct haq_progress_count *c, const char *phase,
                    bool quiet);
void haq_count_draw(void *arg, size_t done, size_t of);

/* "45s", "3m 12s", "2h 05m" for seconds >= 0. */
enum { HAQ_DURATION_TEXT = 24 };
void haq_duration_text(char out[HAQ_DURATION_TEXT], double seconds);

#endif
