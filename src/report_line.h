// One photo as a line of the report. Private to src/report*.c.
#ifndef SRC_REPORT_LINE_H
#define SRC_REPORT_LINE_H

#include "photo.h"
#include "shown_paths.h"
#include "text.h"

// Both replace what `line` holds. text->failed: memory ran out.
void report_json_line(struct text *line, const struct photo *photo,
                      const struct shown_paths *shown);
#define REPORT_CSV_HEADER "path,status,class,p,filed_as,reason,files_with_it\r\n"
void report_csv_line(struct text *line, const struct photo *photo, const struct shown_paths *shown);

#endif
