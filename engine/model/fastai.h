// Pickled modules, and what fastai's learn.export() keeps beside them. Private to the engine.
//
// A Learner (fastai 2.0 to 2.8.9) is a graph of Python objects. Three of its parts are of use: the
// tree of modules, which gives the tensors under the names of learn.save(); the last transform of
// the targets, which has the class names; and the transforms of the validation loader, which are
// the preprocessing.
#ifndef ENGINE_MODEL_FASTAI_H
#define ENGINE_MODEL_FASTAI_H

#include "model/torch_tensor.h"

struct fastai {
    struct cubby_checkpoint *checkpoint;
    const struct pickle *pickle;
    const struct torch_storages *storages;
    const struct cubby_log *log;
};

// Whether the node is a fastai Learner, or an nn.Module.
bool fastai_is_learner(const struct pickle *pickle, uint32_t index);
bool fastai_is_module(const struct pickle *pickle, uint32_t index);

// Adds everything that a Learner holds. What it says about classes, preprocessing and scores
// becomes the metadata cubby.classes, cubby.preprocessing and cubby.scores.
//   CUBBY_UNSUPPORTED  not a classifier that cubby can compute; the log says why
CUBBY_NODISCARD enum cubby_status fastai_read_learner(const struct fastai *fastai,
                                                      uint32_t learner);

// Adds the tensors of a module and all modules below it, as state_dict() names and orders them.
//   CUBBY_UNSUPPORTED  a module computes something else than a ResNet's do; the log names it
CUBBY_NODISCARD enum cubby_status fastai_read_modules(const struct fastai *fastai, uint32_t module);

// Class names from the targets' transforms: cubby.classes, or the obstacle to them.
//   multiple  written: a photo may have several classes (MultiCategorize)
CUBBY_NODISCARD enum cubby_status fastai_read_classes(const struct fastai *fastai, uint32_t loader,
                                                      bool *multiple);

// Whether the loader opens photos as cubby does; otherwise the obstacle.
CUBBY_NODISCARD enum cubby_status fastai_read_inputs(const struct fastai *fastai, uint32_t loader);

// Preprocessing from the loader's transforms: cubby.preprocessing, or the obstacle. Nothing if
// there is an obstacle already.
CUBBY_NODISCARD enum cubby_status fastai_read_transforms(const struct fastai *fastai,
                                                         uint32_t loader);

// The list behind fastcore's L, or L of L, or a plain list; otherwise NULL.
const struct pickle_list *fastai_list(const struct pickle *pickle, uint32_t index);
// The class of an object without its module ("Resize"); "" if it is none.
const char *fastai_class(const struct pickle *pickle, uint32_t index);
// What a person calls a step of a Pipeline, printable: its class, or the function that it was made
// of: "Resize", "PILImageBW.create", "open_upright".
#define FASTAI_STEP_BYTES 128u
void fastai_name_step(const struct pickle *pickle, uint32_t step, char name[FASTAI_STEP_BYTES]);
// The steps of a Pipeline; NULL if there are none.
const struct pickle_list *fastai_steps(const struct pickle *pickle, uint32_t pipeline);

#endif
