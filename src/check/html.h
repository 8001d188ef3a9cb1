// Pieces of the HTML report. Private to src/check; the tests look at it too.
#ifndef SRC_CHECK_HTML_H
#define SRC_CHECK_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_report.h"
#include "text.h"

#define HTML_MATRIX_CLASSES 40u // rows and columns at most; the rest is summed up in one more

// Safe as an element's text and between double quotes: & < > " ' are escaped; control characters
// and those that turn the direction of text are shown as their code points, bytes that are not
// UTF-8 as U+FFFD.
void html_add_text(struct text *out, const char *name);
// The same, cut to about `columns` with an ellipsis.
void html_add_short(struct text *out, const char *name, unsigned columns);
void html_add_base64(struct text *out, const uint8_t *bytes, size_t size_bytes);
// "92.9 %"; a dash for NaN.
void html_add_percent(struct text *out, double share);

// The confusion matrix as an SVG picture: rows are what the photos are. Where there are too many
// classes, those with the most wrong answers, and one row and column for all others.
void html_add_matrix(struct text *out, const struct check_report *report);
// The reliability curve as an SVG picture, with the number of photos in each bin below.
void html_add_calibration(struct text *out, const struct check_report *report);

#endif
