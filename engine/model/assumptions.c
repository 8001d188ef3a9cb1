// What a file of weights alone leaves open.
#include <string.h>

#include "model/container.h"
#include "model/network_names.h"

static bool has_head(const struct network_names *names, const struct cubby_checkpoint *checkpoint)
{
    size_t prefix = strlen(names->modules);
    for (size_t i = 0; prefix > 0 && i < checkpoint->tensor_count; ++i) {
        if (strncmp(checkpoint->tensors[i].name, names->modules, prefix) == 0)
            return true;
    }
    return false;
}

enum cubby_status checkpoint_note_assumptions(struct cubby_checkpoint *checkpoint)
{
    struct network_names names;
    char layer[NETWORK_MAX_NAME];
    // Pickled modules leave nothing open.
    if (checkpoint->has_modules || !network_names_find(&names, checkpoint) || names.own)
        return CUBBY_OK;
    if (has_head(&names, checkpoint))
        return checkpoint_add_note(
            checkpoint,
            "the file does not say how the head pools, nor what lies between its layers: "
            "assumed is what fastai's create_head() makes (a file of learn.export() "
            "says it)");
    if (network_names_nested_linear(&names, checkpoint, layer))
        return checkpoint_add_note(checkpoint,
                                   "the classes come from %s; assumed is that nothing but dropout "
                                   "lies around it",
                                   layer);
    return CUBBY_OK;
}
