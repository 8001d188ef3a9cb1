#include <stdlib.h>
#include <string.h>

#include "engine/learn.h"
#include "model/model_private.h"

enum cubby_status cubby_model_linear_head(const struct cubby_model *model, struct cubby_head *head)
{
    const struct network_linear *linear = &model->network.head[0];
    *head = (struct cubby_head){0};
    if (model->network.head_count != 1 || linear->relu || !linear->weight || !linear->bias)
        return CUBBY_UNSUPPORTED;
    const size_t weights = (size_t)linear->out * linear->in;
    head->weight = malloc(weights * sizeof(*head->weight));
    head->bias = malloc(linear->out * sizeof(*head->bias));
    if (!head->weight || !head->bias) {
        cubby_head_fini(head);
        return CUBBY_NO_MEMORY;
    }
    memcpy(head->weight, linear->weight, weights * sizeof(*head->weight));
    memcpy(head->bias, linear->bias, linear->out * sizeof(*head->bias));
    head->classes = linear->out;
    head->dims = linear->in;
    return CUBBY_OK;
}
