/* base/status.h - how every fallible function in this tree reports failure.
 *
 * A function that can fail returns haq_status and takes a `struct haq_diag *`
 * as its last parameter.  The place that detects the failure calls haq_fail()
 * once, with the one sentence an operator needs; callers only pass it on.
 * Bugs of ours (a broken invariant) are asserted, never reported.
 */
#ifndef HAQ_BASE_STATUS_H
#define HAQ_BASE_STATUS_H

/* One line per status: name, text, exit code of a program that ends with it.
 * Adding one touches this table and nothing else. */
#define HAQ_STATUS_MAP(X)                                                      \
    X(OK, "success", 0)                                                        \
    X(NOMEM, "out of memory", 1)                                               \
    X(INVALID, "input breaks a documented rule", 3)                            \
    X(FORMAT, "malformed file or message", 3)                                  \
    X(UNSUPPORTED, "valid, but not implemented here", 3)                       \
    X(IO, "operating system refused an I/O request", 1)                        \
    X(FAILED, "the work could not be done", 1)                                 \
    X(USAGE, "wrong command line", 2)                                          \
    X(UNREACHABLE, "the other side cannot be reached", 4)                      \
    X(INTERRUPTED, "interrupted", 130)

typedef enum haq_status {
#define X(name, text, code) HAQ_##name,
    HAQ_STATUS_MAP(X)
#undef X
} haq_status;

/* Why a call failed, in words.  Plain data: put it on the stack. */
struct haq_diag {
    haq_status status;
    char text[400];
};

/* Record a failure and return `s`, so that `return haq_fail(...)` reads well.
 * `d` may be NULL when the caller does not want the words. */
haq_status haq_fail(struct haq_diag *d, haq_status s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put `where: ` in front of the sentence in d (the file a parser was fed from,
 * say) and return s.  Does nothing when s is HAQ_OK. */
haq_status haq_fail_in(struct haq_diag *d, haq_status s, const char *where);

/* Static text for a status; never NULL, never freed. */
const char *haq_status_text(haq_status s);

/* The exit code of a program that ends with `s`. */
int haq_status_exit(haq_status s);

#endif
