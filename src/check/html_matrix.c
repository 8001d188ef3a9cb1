#include "check/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "check/character.h"

#define LABEL_COLUMNS 18u
#define LETTER_PIXELS 8u // of a label; most letters are narrower

// The classes that have a row and a column of their own, and what is in the cells.
struct matrix {
    const struct check_report *report;
    uint32_t shown[HTML_MATRIX_CLASSES]; // class of a row
    uint32_t count;                      // of classes shown
    uint32_t sides;                      // the same, and one more if there are others
    uint64_t cells[(HTML_MATRIX_CLASSES + 1) * (HTML_MATRIX_CLASSES + 1)];
    unsigned label;           // pixels that the names take, on both sides
    uint64_t wrong_of_others; // in the last cell, which sums up right and wrong answers
};

// Wrong answers that a class has part in, on either side.
static uint64_t wrong(const struct check_report *report, uint32_t index)
{
    const struct cubby_class_metrics *class = &report->metrics.per_class[index];
    return class->count + class->answered - 2 * class->right;
}

static int by_index(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Takes the classes with the most wrong answers; they stay in the model's order.
static void choose(struct matrix *matrix)
{
    const struct check_report *report = matrix->report;
    uint32_t present = 0;
    for (uint32_t i = 0; i < report->class_count; i++) {
        const struct cubby_class_metrics *class = &report->metrics.per_class[i];
        if (!class->count && !class->answered)
            continue;
        present++;
        uint32_t at = matrix->count;
        while (at > 0 && wrong(report, matrix->shown[at - 1]) < wrong(report, i))
            at--;
        if (at == HTML_MATRIX_CLASSES)
            continue;
        if (matrix->count < HTML_MATRIX_CLASSES)
            matrix->count++;
        for (uint32_t j = matrix->count - 1; j > at; j--)
            matrix->shown[j] = matrix->shown[j - 1];
        matrix->shown[at] = i;
    }
    qsort(matrix->shown, matrix->count, sizeof(*matrix->shown), by_index);
    matrix->sides = matrix->count + (present > matrix->count);
}

static uint32_t row_of(const struct matrix *matrix, uint32_t class_index)
{
    const uint32_t *found =
        bsearch(&class_index, matrix->shown, matrix->count, sizeof(*matrix->shown), by_index);
    return found ? (uint32_t)(found - matrix->shown) : matrix->count;
}

static void fill(struct matrix *matrix)
{
    for (size_t i = 0; i < matrix->report->pair_count; i++) {
        const struct check_pair *pair = &matrix->report->pairs[i];
        const uint32_t row = row_of(matrix, pair->truth), column = row_of(matrix, pair->predicted);
        matrix->cells[row * matrix->sides + column] += pair->photos;
        if (row == matrix->count && column == row && pair->truth != pair->predicted)
            matrix->wrong_of_others += pair->photos;
    }
}

static const char *name_of(const struct matrix *matrix, uint32_t row)
{
    return row < matrix->count ? matrix->report->class_names[matrix->shown[row]] : "all others";
}

// Room for the longest name, as it is cut.
static void measure(struct matrix *matrix)
{
    unsigned most = 3;
    for (uint32_t i = 0; i < matrix->sides; i++) {
        const unsigned columns = character_columns(name_of(matrix, i));
        most = columns > most ? columns : most;
    }
    matrix->label = LETTER_PIXELS * (most < LABEL_COLUMNS ? most : LABEL_COLUMNS) + 10;
}

static void add_labels(struct text *out, const struct matrix *matrix, unsigned cell)
{
    for (uint32_t i = 0; i < matrix->sides; i++) {
        const char *name = name_of(matrix, i);
        const unsigned middle = matrix->label + i * cell + cell / 2;
        text_add_format(out, "<text class=\"label\" x=\"%u\" y=\"%u\" text-anchor=\"end\"><title>",
                        matrix->label - 6, middle + 4);
        html_add_text(out, name);
        text_add_string(out, "</title>");
        html_add_short(out, name, LABEL_COLUMNS);
        text_add_format(out, "</text>\n<text class=\"label\" transform=\"translate(%u %u)",
                        middle + 4, matrix->label - 6);
        text_add_string(out, " rotate(-90)\"><title>");
        html_add_text(out, name);
        text_add_string(out, "</title>");
        html_add_short(out, name, LABEL_COLUMNS);
        text_add_string(out, "</text>\n");
    }
}

static void add_number(struct text *out, uint64_t photos, unsigned x, unsigned y, unsigned cell,
                       bool strong)
{
    unsigned digits = 1;
    for (uint64_t rest = photos; rest >= 10; rest /= 10)
        digits++;
    // A digit is about 0.6 times as wide as it is high.
    unsigned size = (cell - 6) * 10 / (6 * digits);
    if (size > 13)
        size = 13;
    if (size >= 6)
        text_add_format(out, "<text class=\"number%s\" x=\"%u\" y=\"%u\" font-size=\"%u\">",
                        strong ? " strong" : "", x + cell / 2, y + cell / 2 + size * 35 / 100,
                        size);
    if (size >= 6)
        text_add_format(out, "%" PRIu64 "</text>", photos);
}

static void add_cell(struct text *out, const struct matrix *matrix, uint32_t row, uint32_t column,
                     uint64_t of_row, unsigned cell)
{
    const uint64_t photos = matrix->cells[row * matrix->sides + column];
    const unsigned x = matrix->label + column * cell, y = matrix->label + row * cell;
    if (!photos)
        return;
    // The root lifts rare mistakes out of the background.
    const double share = (double)photos / (double)of_row, opacity = 0.12 + 0.88 * sqrt(share);
    const bool others = row == column && row == matrix->count;
    text_add_format(out, "<g><title>%" PRIu64 " (", photos);
    html_add_percent(out, share);
    text_add_string(out, ") of ");
    html_add_text(out, name_of(matrix, row));
    if (others)
        text_add_format(out, " within them, %" PRIu64 " taken for another",
                        matrix->wrong_of_others);
    else
        text_add_string(out, row == column ? ": right" : " taken for ");
    if (row != column)
        html_add_text(out, name_of(matrix, column));
    text_add_format(out, "</title><rect class=\"%s\" x=\"%u\" y=\"%u\" ",
                    others          ? "others"
                    : row == column ? "right"
                                    : "wrong",
                    x + 1, y + 1);
    text_add_format(out, "width=\"%u\" height=\"%u\" fill-opacity=\"%.3f\"/>", cell - 2, cell - 2,
                    opacity);
    add_number(out, photos, x, y, cell, opacity > 0.6);
    text_add_string(out, "</g>\n");
}

static void draw(struct text *out, const struct matrix *matrix)
{
    const unsigned cell = matrix->sides <= 12 ? 38 : matrix->sides <= 24 ? 28 : 22;
    const unsigned inner = matrix->sides * cell, side = matrix->label + inner + 2;
    text_add_format(out, "<svg class=\"matrix\" role=\"img\" width=\"%u\" height=\"%u\" ", side,
                    side);
    text_add_format(out, "viewBox=\"0 0 %u %u\" ", side, side);
    text_add_string(out, "aria-label=\"Confusion matrix\">\n");
    text_add_format(out, "<rect class=\"frame\" x=\"%u\" y=\"%u\" ", matrix->label, matrix->label);
    text_add_format(out, "width=\"%u\" height=\"%u\"/>\n", inner, inner);
    add_labels(out, matrix, cell);
    for (uint32_t row = 0; row < matrix->sides; row++) {
        uint64_t of_row = 0;
        for (uint32_t column = 0; column < matrix->sides; column++)
            of_row += matrix->cells[row * matrix->sides + column];
        for (uint32_t column = 0; column < matrix->sides; column++)
            add_cell(out, matrix, row, column, of_row, cell);
    }
    text_add_string(out, "</svg>\n");
}

void html_add_matrix(struct text *out, const struct check_report *report)
{
    struct matrix *matrix = calloc(1, sizeof(*matrix));
    if (!matrix) {
        out->failed = true;
        return;
    }
    matrix->report = report;
    choose(matrix);
    fill(matrix);
    measure(matrix);
    draw(out, matrix);
    free(matrix);
}
