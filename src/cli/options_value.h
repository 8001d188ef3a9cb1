// From the text of one option's value to its member of struct cli_options. Private to src/cli.
#ifndef SRC_CLI_OPTIONS_VALUE_H
#define SRC_CLI_OPTIONS_VALUE_H

#include "cli/options_table.h"

// Checks `text` and stores it.
//   shown  how the user gave the option: "--batch" or "CUBBY_BATCH"
//   error  on CUBBY_BAD_DATA: one sentence
CUBBY_NODISCARD enum cubby_status cli_set_value(struct cli_options *options,
                                                const struct cli_option *option, const char *shown,
                                                const char *text, char error[CLI_ERROR_BYTES]);

// The position of text in choices, -1 if it is none of them.
int cli_find_choice(const char *const *choices, const char *text);
// "auto, lane or tile", cut at bytes.
void cli_list_choices(const char *const *choices, char *text, size_t bytes);

#endif
