#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct haq_table {
    size_t columns, cells;
    char **text; /* [cells], row by row, headers first */
};

static void add(struct haq_table *t, char *text)
{
    char **grown = realloc(t->text, (t->cells + 1) * sizeof *grown);
    if (!grown) {
        free(text);
        return;
    }
    t->text = grown;
    t->text[t->cells++] = text;
}

struct haq_table *haq_table_new(size_t columns, const char *const *headers)
{
    struct haq_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->columns = columns;
    for (size_t i = 0; i < columns; i++)
        add(t, strdup(headers[i]));
    return t;
}

void haq_table_cell(struct haq_table *t, const char *fmt, ...)
{
    char *text;
    va_list ap;

    if (!t)
        return;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    add(t, text);
}

/* Width of UTF-8 text in characters. */
static int width(const char *s)
{
    int n = 0;
    for (; s && *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static bool right_aligned(const struct haq_table *t, size_t column)
{
    return t->text[column] && t->text[column][0] == '>';
}

static const char *cell_text(const struct haq_table *t, size_t i)
{
    const char *s = t->text[i] ? t->text[i] : "";
    return i < t->columns && *s == '>' ? s + 1 : s;
}

static int column_width(const struct haq_table *t, size_t column)
{
    int max = 0;
    for (size_t i = column; i < t->cells; i += t->columns) {
        int w = width(cell_text(t, i));
        max = w > max ? w : max;
    }
    return max;
}

void haq_table_print(struct haq_table *t, FILE *f)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->cells; i++) {
        size_t column = i % t->columns;
        bool right = right_aligned(t, column);
        bool last = column + 1 == t->columns;
        int pad = column_width(t, column) - width(cell_text(t, i));
        fprintf(f, "%*s%s%*s%s", right ? pad : 0, "", cell_text(t, i),
                right || last ? 0 : pad, "", last ? "\n" : "  ");
    }
    for (size_t i = 0; i < t->cells; i++)
        free(t->text[i]);
    free(t->text);
    free(t);
}
