#include "commands/run_settings.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "platform/clock.h"
#include "platform/path.h"
#include "platform/process.h"

static const char *how_text(const struct cli_options *options)
{
    return options->move ? "move" : options->link ? "link" : options->symlink ? "symlink" : "copy";
}

// What must be the same for an unfinished run to go on, as JSON with sorted keys. malloc'd.
static char *settings_text(const struct cli_options *options, bool again,
                           const struct run_settings *settings)
{
    // Probabilities of a catalogue are what they were, exact or not.
    bool exact = settings->from_catalogue ? settings->exact : options->exact;
    static const char *const packs[] = {"folders", "zip", "tar.zst", "7z"};
    json_t *object =
        json_pack("{s:b, s:b, s:b, s:b, s:s, s:s, s:I}", "again", again, "exact", exact,
                  "from_catalogue", settings->from_catalogue, "groups", !options->no_groups, "how",
                  how_text(options), "pack", packs[options->pack], "pack_size",
                  (json_int_t)(options->pack == CLI_PACK_FOLDERS ? 0 : options->pack_size_bytes));
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    return text;
}

struct photo_hash run_settings_origin(void)
{
    struct {
        char machine[PROCESS_TEXT_BYTES];
        uint64_t user;
    } origin = {0};
    process_machine(origin.machine);
    origin.user = process_user();
    return photo_hash_bytes(&origin, sizeof(origin));
}

static char **copy_texts(const char *const *texts, uint32_t count)
{
    char **copy = calloc(count ? count : 1, sizeof(*copy));
    for (uint32_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(texts[i]);
        if (!copy[i]) {
            while (i > 0)
                free(copy[--i]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static enum cubby_status begin_new(struct catalogue_run *run, const struct command *command,
                                   struct catalogue *catalogue, const struct run_settings *settings,
                                   bool again)
{
    *run = (struct catalogue_run){.state = RUN_OPEN,
                                  .started_ns = clock_wall_ns(),
                                  .model = settings->model,
                                  .origin = run_settings_origin(),
                                  .threshold = settings->threshold,
                                  .settings = settings_text(command->options, again, settings),
                                  .model_name = path_base(settings->model_name)};
    run->classes = copy_texts(settings->classes, settings->class_count);
    run->class_count = run->classes ? settings->class_count : 0;
    run->roots = copy_texts((const char *const *)settings->roots, settings->root_count);
    run->root_count = run->roots ? settings->root_count : 0;
    if (settings->model_path)
        run->model_path = path_absolute(settings->model_path);
    if (!run->settings || !run->model_name || (settings->model_path && !run->model_path) ||
        !run->classes || !run->roots)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = catalogue_add_run(catalogue, run);
    return status ? status : catalogue_commit(catalogue);
}

static bool has_root(const struct catalogue_run *run, const char *root)
{
    for (uint32_t i = 0; i < run->root_count; i++)
        if (!strcmp(run->roots[i], root))
            return true;
    return false;
}

// The folders that this command names, besides those that the run had before.
static enum cubby_status add_roots(struct catalogue_run *run, const struct run_settings *settings)
{
    char **roots =
        realloc(run->roots, (run->root_count + settings->root_count + 1) * sizeof(*roots));
    if (!roots)
        return CUBBY_NO_MEMORY;
    run->roots = roots;
    for (uint32_t i = 0; i < settings->root_count; i++) {
        if (has_root(run, settings->roots[i]))
            continue;
        roots[run->root_count] = strdup(settings->roots[i]);
        if (!roots[run->root_count])
            return CUBBY_NO_MEMORY;
        run->root_count++;
    }
    return CUBBY_OK;
}

static int refuse(const struct command *command, const char *what, const char *advice)
{
    cubby_log(command->log, CUBBY_LOG_ERROR, "%s; %s", what, advice);
    return EXIT_CODE_STOPPED;
}

// What differs between the last run and this command; NULL: nothing that photos' classes depend on.
static const char *difference(const struct catalogue_run *last, const struct command *command,
                              const struct run_settings *settings)
{
    if (!photo_hash_equal(last->model, settings->model))
        return "the photos in the output folder were sorted with another model";
    // As decide() compares: so that what cubby info printed is the same again.
    if ((float)last->threshold != (float)settings->threshold)
        return "the photos in the output folder were sorted with another --threshold";
    if (!settings->from_catalogue &&
        catalogue_run_setting(last, "exact") != command->options->exact)
        return "the photos in the output folder were sorted with another setting of --exact";
    return NULL;
}

static int continue_run(struct catalogue_run *run, struct catalogue_run *last,
                        struct run_begun *begun, const struct command *command,
                        struct catalogue *catalogue, const struct run_settings *settings)
{
    // An interrupted --again goes on as one, whether the option is repeated or not.
    begun->again = catalogue_run_setting(last, "again");
    begun->continued = true;
    char *text = settings_text(command->options, begun->again, settings);
    bool same = text && last->settings && !strcmp(text, last->settings);
    free(text);
    if (!same)
        return refuse(command,
                      "the last sort into this folder was interrupted, and had other options "
                      "(--move, --pack and the like)",
                      "finish it with the same ones, or take it back with cubby undo");
    *run = *last;
    *last = (struct catalogue_run){0};
    run->clean = false;
    cubby_log(command->log, CUBBY_LOG_INFO, "going on with a sort that was interrupted");
    enum cubby_status status = add_roots(run, settings);
    if (!status)
        status = catalogue_update_run(catalogue, run);
    if (!status)
        status = catalogue_commit(catalogue);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}

// Whether an unfinished run is given up for this command: another model or threshold decides anew,
// or --again what that one has decided. Everything it filed stands.
static bool is_given_up(const struct catalogue_run *last, const char *differs,
                        const struct command *command)
{
    return differs || (command->options->again && !catalogue_run_setting(last, "again"));
}

static int begin(struct catalogue_run *run, struct catalogue_run *last, struct run_begun *begun,
                 const struct command *command, struct catalogue *catalogue,
                 const struct run_settings *settings)
{
    const char *differs = last->id ? difference(last, command, settings) : NULL;
    bool open = last->id && last->state == RUN_OPEN;
    if (last->id && last->state == RUN_UNDOING)
        return refuse(command, "taking back the last sort into this folder was interrupted",
                      "run cubby undo on it again first");
    // Its photos are not all known yet: what the catalogue says is not the whole.
    if (open && settings->from_catalogue && !catalogue_run_setting(last, "from_catalogue"))
        return refuse(command, "the last sort into this folder was interrupted",
                      "finish it with the same command, or take it back with cubby undo");
    if (differs && !begun->again)
        return refuse(command, differs,
                      "add --again to decide anew, or name a new folder with --into");
    if (open && !is_given_up(last, differs, command))
        return continue_run(run, last, begun, command, catalogue, settings);
    enum cubby_status status = CUBBY_OK;
    if (open) {
        last->state = RUN_FINISHED;
        status = catalogue_update_run(catalogue, last);
    }
    begun->again = begun->again && last->id;
    if (!status)
        status = begin_new(run, command, catalogue, settings, begun->again);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}

int run_settings_begin(struct catalogue_run *run, struct run_begun *begun,
                       const struct command *command, struct catalogue *catalogue,
                       const struct run_settings *settings)
{
    struct catalogue_run last = {0};
    *run = (struct catalogue_run){0};
    *begun = (struct run_begun){.again = command->options->again || settings->again};
    enum cubby_status status = catalogue_last_run(catalogue, &last);
    int code = status ? command_failed(command, status)
                      : begin(run, &last, begun, command, catalogue, settings);
    catalogue_run_fini(&last);
    return code;
}
