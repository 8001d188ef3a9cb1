// The JSON in a cubby model's metadata; the first byte says which entry it is.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size ? calloc(size, 1) : NULL;
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    struct class_names classes = {0};
    struct cubby_preprocess preprocess;
    char words[CUBBY_PREPROCESS_TEXT_BYTES];
    if (data[0] % 3 == 0 && class_names_parse(&classes, text, NULL) == CUBBY_OK)
        free(class_names_print(&classes));
    if (data[0] % 3 == 1 && preprocess_parse(&preprocess, text, NULL) == CUBBY_OK) {
        cubby_preprocess_describe(&preprocess, words, sizeof(words));
        free(preprocess_print(&preprocess));
    }
    if (data[0] % 3 == 2 && provenance_check(text, NULL))
        words[0] = '\0';
    class_names_fini(&classes);
    free(text);
    return 0;
}
