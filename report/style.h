/* report/style.h - the style sheet of the page, light and dark. */
#ifndef HAQ_REPORT_STYLE_H
#define HAQ_REPORT_STYLE_H

extern const char *const haq_report_style[]; /* pieces, ends with NULL */

#endif
