#include "cli/options_table.h"

#include <stdio.h>
#include <string.h>

#include "check/check_report.h"
#include "photo.h"

#define BIT(command) (1u << (command))
#define SORT BIT(CLI_SORT)
#define CLASSIFY BIT(CLI_CLASSIFY)
#define IMPORT BIT(CLI_IMPORT)
#define INFO BIT(CLI_INFO)
#define DEVICES BIT(CLI_DEVICES)
#define BENCH BIT(CLI_BENCH)
#define UNDO BIT(CLI_UNDO)
#define VERIFY BIT(CLI_VERIFY)
#define EXPORT BIT(CLI_EXPORT)
#define TUNE BIT(CLI_TUNE)
#define LEARN BIT(CLI_LEARN)
#define CHECK BIT(CLI_CHECK)
#define CORRECT BIT(CLI_CORRECT)
#define EVERY                                                                                      \
    (CORRECT | CHECK | LEARN | TUNE | EXPORT | UNDO | VERIFY | SORT | CLASSIFY | IMPORT | INFO |   \
     DEVICES | BENCH)
#define USES_MODEL (SORT | CLASSIFY | BENCH)
#define USES_DEVICE (USES_MODEL | TUNE | LEARN | CHECK | CORRECT)
#define AT(member) offsetof(struct cli_options, member)

static const char *const packs[] = {"folders", "zip", "tar.zst", "7z", NULL};
static const char *const precisions[] = {"auto", "fp32", "fp16", NULL};
static const char *const kernels[] = {"auto", "lane", "tile", "matrix", NULL};
static const char *const only[] = {"all",    "reading",    "decoding", "network",
                                   "filing", "end-to-end", NULL}; // as enum cli_only
static const char *const names[] = {"torchvision", "timm", NULL};
static const char *const rules[] = {"shorter", "squish", "crop", "pad", NULL};
static const char *const pads[] = {"zeros", "border", "reflection", NULL};
static const char *const scores[] = {"softmax", "sigmoid", NULL};
static const char *const filters[] = {"bilinear", "bicubic", NULL};
static const char *const generated[] = {"man", "complete-bash", "complete-zsh", "complete-fish",
                                        NULL};

// clang-format off
const struct cli_option cli_option_table[] = {
    {.name = "into", .type = CLI_TEXT, .argument = "DIR", .commands = SORT, .offset = AT(into),
     .hint = CLI_HINT_FOLDER,
     .help = "folder that the sorted photos go to; without it, a folder beside the first one, named "
             "after it with \"-sorted\" at the end"},
    {.name = "output", .letter = 'o', .type = CLI_TEXT, .argument = "FILE",
     .commands = IMPORT | EXPORT | LEARN | CORRECT, .offset = AT(output), .hint = CLI_HINT_FILE, .help = "model file to write"},
    {.name = "from", .type = CLI_TEXT, .argument = "MODEL", .commands = LEARN | CORRECT, .offset = AT(from),
     .hint = CLI_HINT_FILE,
     .help = "model whose network is used instead of the built-in one's; only its classes are new. "
             "correct goes on from the model that DIR was sorted with otherwise"},
    {.name = "only-corrections", .type = CLI_FLAG, .commands = CORRECT,
     .offset = AT(only_corrections),
     .help = "learn from what was placed by hand only, not from photos that were left where they were "
             "sorted"},
    {.name = "valid-from", .type = CLI_TEXT, .argument = "FOLDER", .commands = LEARN,
     .offset = AT(valid_from), .hint = CLI_HINT_FOLDER,
     .help = "photos of the real job, in the same class folders: accuracy, calibration and threshold "
             "come from them, and all others only train"},
    {.name = "groups", .type = CLI_TEXT, .argument = "FILE", .commands = LEARN, .offset = AT(groups),
     .hint = CLI_HINT_FILE,
     .help = "which photos show the same item: lines of path and group, with a comma or a tab between "
             "them; for photos that are not in it, folders, bursts and looks tell"},
    {.name = "augment", .type = CLI_FLAG, .commands = LEARN, .offset = AT(augment),
     .help = "train on a mirror image and a part of each photo, too (the default)"},
    {.name = "no-augment", .type = CLI_FLAG, .commands = LEARN, .offset = AT(no_augment),
     .help = "train on the photos alone: a third of the time, a little less accurate"},
    {.name = "target-precision", .type = CLI_REAL, .argument = "P", .commands = LEARN | CORRECT,
     .offset = AT(target_precision), .minimum = 0, .maximum = 0.9999,
     .help = "which part of the photos that are filed should be right, such as 0.95: the model gets "
             "the threshold for it, and sort uses that"},
    {.name = "seed", .type = CLI_COUNT, .argument = "N", .commands = LEARN, .offset = AT(seed),
     .minimum = 0, .maximum = 1000000000, .default_text = "0",
     .help = "another number splits the photos differently for the validation"},
    {.name = "cache-size", .type = CLI_SIZE, .argument = "SIZE", .commands = LEARN | CORRECT,
     .offset = AT(cache_size_bytes), .minimum = 0, .maximum = 1099511627776.0, .default_text = "2G",
     .help = "most that what the network found in photos may take in the cache folder, so that it need "
             "not look at them again (K, M, G)"},
    {.name = "clear-cache", .type = CLI_FLAG, .commands = LEARN, .offset = AT(clear_cache),
     .help = "remove all of that, and learn nothing"},
    {.name = "names", .type = CLI_CHOICE, .argument = "LIBRARY", .commands = EXPORT,
     .offset = AT(names), .choices = names, .default_text = "torchvision",
     .help = "library whose names the tensors get; timm's are torchvision's"},
    {.name = "check", .type = CLI_TEXT, .argument = "MODEL", .commands = DEVICES,
     .offset = AT(check), .hint = CLI_HINT_FILE,
     .help = "run this model's self-test on every device, and tell which ones give its answers"},
    {.name = "show", .type = CLI_FLAG, .commands = TUNE, .offset = AT(show),
     .help = "print what has been measured for the device, and measure nothing"},
    {.name = "clear", .type = CLI_FLAG, .commands = TUNE, .offset = AT(clear),
     .help = "remove what has been measured and compiled for all devices"},
    {.name = "model", .type = CLI_TEXT, .argument = "FILE", .commands = USES_MODEL | TUNE,
     .offset = AT(model), .hint = CLI_HINT_FILE,
     .help = "model file to use instead of the built-in one"},
    {.name = "pack", .type = CLI_CHOICE, .argument = "KIND", .commands = SORT, .offset = AT(pack),
     .choices = packs, .default_text = "folders",
     .help = "how photos are kept: one folder per class, or one archive per class; "
             "results are known for good when an archive is complete"},
    {.name = "pack-size", .type = CLI_SIZE, .argument = "SIZE", .commands = SORT,
     .offset = AT(pack_size_bytes), .minimum = 1048576, .maximum = 1099511627776.0,
     .default_text = "4095M",
     .help = "size above which an archive is split into parts that each open by themselves (K, M, G)"},
    {.name = "move", .type = CLI_FLAG, .commands = SORT, .offset = AT(move),
     .help = "move photos instead of copying them: each original is removed once its copy is safe"},
    {.name = "link", .type = CLI_FLAG, .commands = SORT, .offset = AT(link),
     .help = "make hard links instead of copies; only on one disk"},
    {.name = "symlink", .type = CLI_FLAG, .commands = SORT, .offset = AT(symlink),
     .help = "make symbolic links instead of copies"},
    {.name = "again", .type = CLI_FLAG, .commands = SORT, .offset = AT(again),
     .help = "decide anew about photos that were sorted with another model or threshold; copies move "
             "to their new folder"},
    {.name = "from-catalogue", .type = CLI_TEXT, .argument = "DIR", .commands = SORT,
     .offset = AT(from_catalogue), .hint = CLI_HINT_FOLDER,
     .help = "sort what was sorted into DIR before by the probabilities found then, without the "
             "network: inside DIR, or into another folder with --into"},
    {.name = "threshold", .type = CLI_REAL, .argument = "P", .commands = SORT | CHECK,
     .offset = AT(threshold), .given_offset = AT(threshold_given), .minimum = 0, .maximum = 1,
     .help = "smallest probability that files a photo under its class; others go to unsure; without "
             "it, what was learned with the model, else 0.5"},
    {.name = "dry-run", .letter = 'n', .type = CLI_FLAG, .commands = SORT | UNDO | LEARN | CORRECT,
     .offset = AT(dry_run), .help = "say what would be done, but write nothing"},
    {.name = "sample", .type = CLI_PERCENT, .argument = "PERCENT", .commands = VERIFY,
     .offset = AT(sample), .minimum = 0, .maximum = 100, .default_text = "100",
     .help = "how many of the filed photos are read and compared; all are looked for"},
    {.name = "json", .type = CLI_FLAG, .commands = EVERY & ~EXPORT,
     .offset = AT(json),
     .help = "write results as JSON to the standard output, one object per line"},
    {.name = "html", .type = CLI_TEXT, .argument = "FILE", .commands = CHECK, .offset = AT(html),
     .hint = CLI_HINT_FILE,
     .help = "write the report as a page with pictures, too: one file that needs no other"},
    {.name = "csv", .type = CLI_FLAG, .commands = CLASSIFY, .offset = AT(csv),
     .help = "write results as CSV"},
    {.name = "top", .type = CLI_COUNT, .argument = "N", .commands = CLASSIFY, .offset = AT(top),
     .minimum = 1, .maximum = PHOTO_TOP, .default_text = "5",
     .help = "how many of the most probable classes to show"},
    {.name = "top", .type = CLI_COUNT, .argument = "N", .commands = CHECK, .offset = AT(mistakes),
     .minimum = 0, .maximum = CHECK_MAX_MISTAKES, .default_text = "20",
     .help = "how many of the most confident mistakes to name"},
    {.name = "logits", .type = CLI_FLAG, .commands = CLASSIFY, .offset = AT(logits),
     .help = "add the network's raw scores of all classes to the JSON"},
    {.name = "inspect", .type = CLI_FLAG, .commands = IMPORT, .offset = AT(inspect),
     .help = "only show what the file holds (tensors, network, class names), whether cubby can run "
             "it or not; writes nothing"},
    {.name = "labels", .type = CLI_TEXT, .argument = "FILE", .commands = IMPORT,
     .offset = AT(labels), .hint = CLI_HINT_FILE,
     .help = "class names in score order, one a line, a JSON array or transformers' id2label; for files "
             "that carry none, or other ones"},
    {.name = "weights-prefix", .type = CLI_TEXT, .argument = "PREFIX", .commands = IMPORT,
     .offset = AT(weights_prefix),
     .help = "which of several networks in a file is meant, such as averaged weights: what the names of "
             "its tensors begin with (ema_model.), or the key above them and a dot (model_ema.)"},
    {.name = "labels-from", .type = CLI_TEXT, .argument = "FOLDER", .commands = IMPORT,
     .offset = AT(labels_from), .hint = CLI_HINT_FOLDER,
     .help = "folder of the training photos: the names of the folders in it that have photos, "
             "sorted as fastai sorts them, are the class names"},
    {.name = "scores", .type = CLI_CHOICE, .argument = "KIND", .commands = IMPORT,
     .offset = AT(scores), .given_offset = AT(scores_given), .choices = scores,
     .help = "what becomes of the network's outputs: softmax if a photo shows one of the classes, "
             "sigmoid if it may show several or none (multi-label), for files that do not say it"},
    {.name = "resize-rule", .type = CLI_CHOICE, .argument = "RULE", .commands = IMPORT,
     .offset = AT(resize_rule), .given_offset = AT(resize_rule_given), .choices = rules,
     .help = "what becomes of a photo's proportions: its shorter side is resized, the whole photo "
             "is, the largest part in the centre that fits, or the photo padded until it fits"},
    {.name = "resize", .type = CLI_SIDES, .argument = "N|WxH", .commands = IMPORT,
     .offset = AT(resize), .minimum = 1, .maximum = CUBBY_MAX_INPUT_SIDE,
     .help = "pixels that photos are resized to: the shorter side, or width and height"},
    {.name = "crop", .type = CLI_SIDES, .argument = "N|WxH", .commands = IMPORT,
     .offset = AT(crop), .minimum = 1, .maximum = CUBBY_MAX_INPUT_SIDE,
     .help = "pixels in the centre of that, which the network sees; all of them when only a rule "
             "other than shorter and a size are given"},
    {.name = "resample", .type = CLI_RESAMPLE, .argument = "[same,]N|WxH", .commands = IMPORT,
     .offset = AT(resample), .minimum = 1, .maximum = CUBBY_MAX_INPUT_SIDE,
     .help = "pixels that fastai's aug_transforms(size=N) samples from that, which the network sees; "
             "same,N for aug_transforms(size=N, min_scale=...), which samples all pixels in place "
             "first, and then the square in the centre"},
    {.name = "pad-mode", .type = CLI_CHOICE, .argument = "MODE", .commands = IMPORT,
     .offset = AT(pad_mode), .given_offset = AT(pad_mode_given), .choices = pads,
     .help = "what photos are padded with: black, the pixels at the edge, or mirror images"},
    {.name = "interpolation", .type = CLI_CHOICE, .argument = "FILTER", .commands = IMPORT,
     .offset = AT(interpolation), .given_offset = AT(interpolation_given), .choices = filters,
     .help = "how photos are resized"},
    {.name = "mean", .type = CLI_THREE, .argument = "R,G,B", .commands = IMPORT,
     .offset = AT(mean), .given_offset = AT(mean_given), .minimum = -10, .maximum = 10,
     .help = "what is subtracted from pixels between 0 and 1"},
    {.name = "std", .type = CLI_THREE, .argument = "R,G,B", .commands = IMPORT, .offset = AT(std),
     .given_offset = AT(std_given), .minimum = 0.0001, .maximum = 10,
     .help = "what pixels are divided by after that"},
    {.name = "fp16", .type = CLI_FLAG, .commands = IMPORT, .offset = AT(fp16),
     .help = "store weights as 16-bit floats: half the size, nearly the same scores"},
    {.name = "photos", .type = CLI_TEXT, .argument = "DIR", .commands = BENCH,
     .offset = AT(photos), .hint = CLI_HINT_FOLDER,
     .help = "photos to measure with; copies of them are made in a folder beside DIR for a while"},
    {.name = "only", .type = CLI_CHOICE, .argument = "STAGE", .commands = BENCH, .offset = AT(only),
     .choices = only, .default_text = "all", .help = "stage to measure"},
    {.name = "seconds", .type = CLI_REAL, .argument = "S", .commands = BENCH,
     .offset = AT(seconds), .minimum = 0.1, .maximum = 86400,
     .help = "how long a measurement takes at most; all stages are measured three times"},
    {.name = "exact", .type = CLI_FLAG, .commands = SORT | CLASSIFY | LEARN | CHECK | CORRECT, .offset = AT(exact),
     .help = "decode photos at full size, as Python libraries do: slower, a little closer to training"},
    {.name = "device", .type = CLI_TEXT, .argument = "NAME", .commands = USES_DEVICE,
     .offset = AT(device), .help = "Vulkan device to use: its number, or part of its name"},
    {.name = "precision", .type = CLI_CHOICE, .argument = "KIND", .commands = USES_DEVICE | DEVICES,
     .offset = AT(precision), .choices = precisions, .default_text = "auto",
     .help = "numbers that the network computes with: fp16 takes half the memory and is faster on "
             "GPUs, with nearly the same scores; auto is fp16 on GPUs with matrix units"},
    {.name = "kernels", .type = CLI_CHOICE, .argument = "KIND", .commands = USES_DEVICE | DEVICES,
     .offset = AT(kernels), .choices = kernels, .default_text = "auto",
     .help = "family of compute kernels"},
    {.name = "batch", .type = CLI_COUNT, .argument = "N", .commands = USES_DEVICE,
     .offset = AT(batch), .minimum = 1, .maximum = CLI_MAX_BATCH,
     .help = "photos that the device works on at once; chosen for the device otherwise"},
    {.name = "threads", .type = CLI_COUNT, .argument = "N", .commands = USES_MODEL | LEARN | CHECK | CORRECT,
     .offset = AT(threads), .minimum = 1, .maximum = CLI_MAX_THREADS,
     .help = "threads that read and decode; as many as there are CPUs otherwise"},
    {.name = "max-pixels", .type = CLI_MEGAPIXELS, .argument = "N", .commands = SORT | CLASSIFY | LEARN | CHECK | CORRECT,
     .offset = AT(max_pixels), .minimum = 0.001, .maximum = 100000, .default_text = "512",
     .help = "megapixels above which a photo fails instead of being decoded"},
    {.name = "max-file-size", .type = CLI_SIZE, .argument = "SIZE", .commands = SORT | CLASSIFY | LEARN | CHECK | CORRECT,
     .offset = AT(max_file_size_bytes), .minimum = 1, .maximum = 1099511627776.0,
     .default_text = "1G", .help = "size above which a file fails instead of being read (K, M, G)"},
    {.name = "no-groups", .type = CLI_FLAG, .commands = SORT, .offset = AT(no_groups),
     .help = "treat each file by itself: sidecars (.xmp, .aae, .json), RAW files and films do not "
             "travel with their photo"},
    {.name = "online", .type = CLI_FLAG, .commands = SORT | CLASSIFY | LEARN | CHECK, .offset = AT(online),
     .help = "download photos that only have a placeholder on this disk (OneDrive on Windows); "
             "without it they fail"},
    {.name = "trust", .type = CLI_FLAG, .commands = UNDO, .offset = AT(trust),
     .help = "put moved files back even if another user or computer moved them"},
    {.name = "no-fsync", .type = CLI_FLAG, .commands = SORT | UNDO, .offset = AT(no_fsync),
     .help = "do not wait until each photo is safe on the disk: faster, but a power cut may leave "
             "damaged copies"},
    {.name = "log-file", .type = CLI_TEXT, .argument = "FILE", .commands = EVERY,
     .offset = AT(log_file), .hint = CLI_HINT_FILE, .help = "write all messages to this file as well"},
    {.name = "verbose", .letter = 'v', .type = CLI_FLAG, .commands = EVERY, .offset = AT(verbose),
     .help = "say more about what is chosen and done"},
    {.name = "quiet", .letter = 'q', .type = CLI_FLAG, .commands = EVERY, .offset = AT(quiet),
     .help = "only say what went wrong"},
    {.name = "help", .letter = 'h', .type = CLI_ACTION,
     .commands = EVERY | BIT(CLI_HELP) | BIT(CLI_VERSION), .help = "show this help"},
    {.name = "version", .letter = 'V', .type = CLI_ACTION, .help = "show the version"},
    {.name = "generate", .type = CLI_ACTION, .argument = "WHAT", .choices = generated,
     .help = "write the man page or a shell's completions"},
};
const size_t cli_option_count = sizeof(cli_option_table) / sizeof(*cli_option_table);

const struct cli_command_info cli_command_table[] = {
    [CLI_NONE] = {.name = ""},
    [CLI_SORT] = {
        .name = "sort", .arguments = "PHOTOS...", .min_arguments = 1, .max_arguments = SIZE_MAX,
        .missing = "name the folders or photos to sort, such as: cubby sort Pictures",
        .help = "copy photos into one folder or archive per class",
        .long_help = "Looks at every photo in the given folders and copies it into a folder named "
                     "after its class, or into unsure when no class is probable enough. Nothing is "
                     "ever overwritten, and the originals stay as they are."},
    [CLI_CLASSIFY] = {
        .name = "classify", .arguments = "PHOTOS...", .min_arguments = 1,
        .max_arguments = SIZE_MAX,
        .missing = "name the photos or folders to classify, such as: cubby classify photo.jpg",
        .help = "print the most probable classes of each photo",
        .long_help = "Prints what the model sees in each photo, and writes nothing else."},
    [CLI_IMPORT] = {
        .name = "import", .arguments = "FILE", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the model file to import, such as: cubby import model.pth -o model.safetensors",
        .help = "turn a trained PyTorch model into a cubby model file",
        .long_help = "Reads a model file of fastai, torchvision or timm, or a folder as Hugging Face "
                     "has it, without running any code in it, and writes one file with weights, class names and preprocessing."},
    [CLI_INFO] = {
        .name = "info", .arguments = "MODEL", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the model file, such as: cubby info model.safetensors",
        .help = "show what a model file holds",
        .long_help = "Shows the network, the classes, the preprocessing and where the model came "
                     "from."},
    [CLI_DEVICES] = {
        .name = "devices", .arguments = "", .help = "list the Vulkan devices",
        .long_help = "Lists the Vulkan devices of this machine and tells which ones cubby can use."},
    [CLI_BENCH] = {
        .name = "bench", .arguments = "", .help = "measure how fast this machine is",
        .long_help = "Measures reading, decoding, the network and filing, each alone and all together, and how "
                     "near that comes to what disk, memory and device can do."},
    [CLI_TUNE] = {
        .name = "tune", .arguments = "", .help = "measure which kernels are the fastest here",
        .long_help = "Tries every way of computing each layer of the model on the device, and keeps "
                     "the fastest in the cache folder, where sort, classify and bench find it. Once "
                     "for each device and driver; without it they take good defaults. The answers "
                     "are the same up to rounding."},
    [CLI_LEARN] = {
        .name = "learn", .arguments = "FOLDER", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the folder that has a folder of photos for each class, such as: cubby learn "
                   "training -o model.safetensors",
        .help = "learn classes from a folder with one folder per class",
        .long_help = "Learns to tell the folders in FOLDER apart, by the photos in them, and writes a "
                     "model for it. Photos of one item are held out together, so that the accuracy it "
                     "reports is that of photos of new items."},
    [CLI_CHECK] = {
        .name = "check", .arguments = "MODEL FOLDER", .min_arguments = 2, .max_arguments = 2,
        .missing = "name the model and a folder of photos whose classes are known, such as: "
                   "cubby check model.safetensors FOLDER",
        .help = "measure how good a model is on photos whose classes are known",
        .long_help = "FOLDER has one folder for each class, named after it, with photos of the "
                     "class at any depth. Tells how many the model gets right, which classes it "
                     "confuses, whether its probabilities can be believed, and its most "
                     "confident mistakes. Changes nothing."},
    [CLI_UNDO] = {
        .name = "undo", .arguments = "DIR", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the folder that photos were sorted into, such as: cubby undo Pictures-sorted",
        .help = "take back the last sort into a folder",
        .long_help = "Removes the copies that the last sort made, puts moved photos back where they "
                     "were, and gives renamed copies their old names. What was changed since, and "
                     "copies whose originals are gone, are kept and named."},
    [CLI_VERIFY] = {
        .name = "verify", .arguments = "DIR", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the folder that photos were sorted into, such as: cubby verify Pictures-sorted",
        .help = "prove that every photo is accounted for and every copy is right",
        .long_help = "Looks for every photo of the sorted folders in the catalogue of DIR, and "
                     "compares every copy and archive with the content that the photo had. Changes "
                     "nothing."},
    [CLI_EXPORT] = {
        .name = "export", .arguments = "MODEL", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the cubby model, such as: cubby export model.safetensors -o weights.safetensors",
        .help = "write a model's weights for PyTorch",
        .long_help = "Writes the weights of a cubby model as a safetensors file under the names of "
                     "torchvision or timm, whose networks then load them strictly. Class names and "
                     "preprocessing stay in its metadata."},
    [CLI_CORRECT] = {
        .name = "correct", .arguments = "DIR", .min_arguments = 1, .max_arguments = 1,
        .missing = "name the folder that photos were sorted into, such as: cubby correct Pictures-sorted "
                   "-o better.safetensors",
        .help = "learn from photos that were moved by hand inside a sorted folder",
        .long_help = "Finds the photos in DIR that somebody put into another class's folder, or into a "
                     "new folder, which is a new class; remembers them, so that no later sort puts them "
                     "elsewhere; and with -o makes a model that has learned from them. Photos in DIR are "
                     "only read."},
    [CLI_HELP] = {
        .name = "help", .arguments = "[COMMAND]", .max_arguments = 1,
        .help = "explain a command", .long_help = "Explains cubby or one of its commands."},
    [CLI_VERSION] = {
        .name = "version", .arguments = "", .help = "show the version",
        .long_help = "Shows the version."},
};
const size_t cli_command_count = sizeof(cli_command_table) / sizeof(*cli_command_table);
// clang-format on

void cli_variable_name(const struct cli_option *option, char name[CLI_VARIABLE_BYTES])
{
    snprintf(name, CLI_VARIABLE_BYTES, "CUBBY_%s", option->name);
    for (char *p = name; *p; p++) {
        if (*p == '-')
            *p = '_';
        else if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    }
}

bool cli_option_applies(const struct cli_option *option, enum cli_command command)
{
    return (option->commands & BIT(command)) != 0;
}

const char *cli_command_name(enum cli_command command)
{
    return command < cli_command_count ? cli_command_table[command].name : "";
}
