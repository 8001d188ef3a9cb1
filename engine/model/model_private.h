// A model as create fills it and write reads it.
#ifndef ENGINE_MODEL_MODEL_PRIVATE_H
#define ENGINE_MODEL_MODEL_PRIVATE_H

#include "model/head.h"
#include "model/metadata.h"
#include "model/network.h"

#define MODEL_VERSION "1"       // cubby.version
#define MODEL_SIGMOID "sigmoid" // cubby.scores

struct cubby_model {
    struct network network;
    struct head head; // as in the file
    struct class_names classes;
    struct cubby_preprocess preprocess;
    enum cubby_scores scores;
    char network_name[64];
    uint32_t feature_count;
    double threshold;   // negative: none
    double temperature; // 0: none
    char *provenance;   // owned
    char *selftest;     // owned; JSON as in the file, not looked at yet; NULL: none
};

#endif
