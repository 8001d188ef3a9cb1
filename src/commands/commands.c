#include "commands/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/dropped.h"
#include "engine/gpu.h"
#include "platform/signals.h"
#include "platform/software_vulkan.h"
#include "stream.h"

int command_failed(const struct command *command, enum cubby_status status)
{
    int signal = platform_interrupted();
    if (status == CUBBY_INTERRUPTED)
        return EXIT_CODE_SIGNAL + signal;
    if (!messages_had_error(command->messages))
        cubby_log(command->log, CUBBY_LOG_ERROR, "%s", cubby_status_text(status));
    return command_exit_code(status);
}

int command_exit_code(enum cubby_status status)
{
    bool passes = status == CUBBY_NO_SPACE || status == CUBBY_BUSY || status == CUBBY_DEVICE_LOST;
    return status == CUBBY_OK ? EXIT_CODE_OK : passes ? EXIT_CODE_PASSING : EXIT_CODE_STOPPED;
}

int command_finish_output(const struct command *command, int code)
{
    enum cubby_status status = stream_flush(stdout, command->log);
    return status ? command_failed(command, status) : code;
}

// What is said before there are messages.
static void write_error(void *user, enum cubby_log_level level, const char *message)
{
    (void)user, (void)level;
    fprintf(stderr, "cubby: error: %s\n", message);
}

static const struct cubby_log early_log = {.write = write_error};

// After help and the like; what stdout did not take, flushing finds again.
static int finish_text(void)
{
    enum cubby_status status = stream_flush(stdout, &early_log);
    return command_exit_code(status);
}

static int run_command(const struct cli_options *options, const struct command *command)
{
    switch (options->command) {
    case CLI_SORT:
        return command_sort(command);
    case CLI_CLASSIFY:
        return command_classify(command);
    case CLI_IMPORT:
        return command_import(command);
    case CLI_INFO:
        return command_info(command);
    case CLI_DEVICES:
        return command_devices(command);
    case CLI_BENCH:
        return command_bench(command);
    case CLI_UNDO:
        return command_undo(command);
    case CLI_VERIFY:
        return command_verify(command);
    case CLI_EXPORT:
        return command_export(command);
    case CLI_TUNE:
        return command_tune(command);
    case CLI_LEARN:
        return command_learn(command);
    case CLI_CHECK:
        return command_check(command);
    case CLI_CORRECT:
        return command_correct(command);
    default:
        return command_failed(command, CUBBY_INTERNAL);
    }
}

static int with_messages(const struct cli_options *options, const struct command_hooks *hooks)
{
    struct messages_params params = {.verbose = options->verbose,
                                     .quiet = options->quiet,
                                     .log_file = options->log_file,
                                     .fs = hooks && hooks->fs ? hooks->fs : fs_real()};
    struct messages *messages = NULL;
    enum cubby_status status = messages_create(&messages, &params);
    if (!messages) {
        cubby_log(&early_log, CUBBY_LOG_ERROR, "%s", cubby_status_text(status));
        return EXIT_CODE_STOPPED;
    }
    struct command command = {options, messages, messages_log(messages), params.fs, hooks};
    int code = status ? EXIT_CODE_STOPPED : run_command(options, &command);
    messages_destroy(&messages);
    return code;
}

int cubby_main(int argc, const char *const *argv)
{
    return cubby_main_with(argc, argv, NULL);
}

static bool uses_device(enum cli_command command)
{
    switch (command) {
    case CLI_SORT:
    case CLI_CLASSIFY:
    case CLI_DEVICES:
    case CLI_BENCH:
    case CLI_TUNE:
    case CLI_LEARN:
    case CLI_CHECK:
    case CLI_CORRECT:
        return true;
    default:
        return false;
    }
}

// Only Mesa 22's CPU driver is known to be better off with wide vectors. Which one is there shows
// when it is loaded; listing the devices does that, and lets go of it. Where a driver stays loaded
// all the same, nothing changes: no other is ever asked for what may crash it.
static void prepare_software_vulkan(enum cli_command command)
{
    static const struct cubby_log silent = {0};
    struct cubby_device_info *infos = NULL;
    size_t count = 0;
    if (!uses_device(command) || !software_vulkan_can_widen())
        return;
    if (!cubby_gpu_list(&infos, &count, &silent) && software_vulkan_gains(infos, count))
        software_vulkan_widen();
    free(infos);
}

static int run_arguments(int argc, const char *const *argv, const struct command_hooks *hooks)
{
    struct cli_options options;
    char error[CLI_ERROR_BYTES] = "";
    int code;
    enum cubby_status status = cli_parse(&options, argc, argv, &cli_process_environment, error);
    if (status) {
        cubby_log(&early_log, CUBBY_LOG_ERROR, "%s", error[0] ? error : cubby_status_text(status));
        code = EXIT_CODE_USAGE;
    } else if (options.command == CLI_HELP || options.command == CLI_NONE) {
        cli_write_help(stdout, options.help_about);
        code = finish_text();
    } else if (options.command == CLI_GENERATE) {
        cli_write_generated(stdout, options.generate);
        code = finish_text();
    } else if (options.command == CLI_VERSION) {
        printf("cubby %s\n", CUBBY_VERSION);
        code = finish_text();
    } else {
        struct interrupt_watch watch;
        platform_catch_interrupts(&watch);
        if (!hooks || !hooks->open_classifier)
            prepare_software_vulkan(options.command);
        code = with_messages(&options, hooks);
        platform_end_watch(&watch);
    }
    cli_options_fini(&options);
    return code;
}

int cubby_main_with(int argc, const char *const *argv, const struct command_hooks *hooks)
{
    struct dropped dropped;
    const struct fs *fs = hooks && hooks->fs ? hooks->fs : fs_real();
    enum cubby_status status = dropped_init(&dropped, argc, argv, fs, &early_log);
    int code = EXIT_CODE_STOPPED;
    if (status == CUBBY_NO_MEMORY)
        cubby_log(&early_log, CUBBY_LOG_ERROR, "%s", cubby_status_text(status));
    if (!status)
        code = dropped.argv ? run_arguments(dropped.argc, dropped.argv, hooks)
                            : run_arguments(argc, argv, hooks);
    dropped_fini(&dropped);
    return code;
}
