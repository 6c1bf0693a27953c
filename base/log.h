/* base/log.h - one line per event on standard error.  The sink is one of the
 * allowed process-wide states. */
#ifndef HAQ_BASE_LOG_H
#define HAQ_BASE_LOG_H

enum haq_log_level { HAQ_LOG_ERROR, HAQ_LOG_WARN, HAQ_LOG_INFO, HAQ_LOG_DEBUG };

void haq_log_set_level(enum haq_log_level level); /* default HAQ_LOG_INFO */
void haq_log(enum haq_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
