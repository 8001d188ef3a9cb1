#include "commands/command.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/selftest.h"
#include "model_file.h"

// What the defaults (or --device, --kernels and --precision) would open.
struct choice {
    bool made;
    size_t index;
    enum cubby_kernels kernels;
    enum cubby_precision precision;
    enum cubby_upload upload;
};

static bool same_device(const struct cubby_device_info *a, const struct cubby_device_info *b)
{
    return a->kind == b->kind && a->memory_bytes == b->memory_bytes && !strcmp(a->name, b->name) &&
           !strcmp(a->driver, b->driver);
}

static struct choice choose(const struct command *command, const struct cubby_device_info *infos,
                            size_t count)
{
    const struct cubby_gpu_params params = {.device = command->options->device,
                                            .kernels = command->options->kernels,
                                            .precision = command->options->precision};
    struct choice choice = {.made = false};
    struct cubby_gpu *gpu = NULL;
    if (cubby_gpu_create(&gpu, &params, command->log))
        return choice;
    for (size_t i = 0; i < count && !choice.made; i++) {
        if (same_device(&infos[i], cubby_gpu_info(gpu)))
            choice = (struct choice){true, i, cubby_gpu_kernels(gpu), cubby_gpu_precision(gpu),
                                     cubby_gpu_upload(gpu)};
    }
    cubby_gpu_destroy(&gpu);
    return choice;
}

static void format_version(char text[32], uint32_t version)
{
    snprintf(text, 32, "%u.%u.%u", version >> 22 & 0x7f, version >> 12 & 0x3ff, version & 0xfff);
}

// What --check found on one device.
struct check {
    bool ran; // false: it cannot be used, or failed; the log says why
    enum cubby_precision precision;
    struct cubby_selftest_result result;
};

// A device that fails is an answer, not the end: the others are still checked.
static bool check_device(const struct command *command, const struct cubby_model *model,
                         size_t index, struct check *check)
{
    char number[24];
    snprintf(number, sizeof(number), "%zu", index);
    const struct cubby_gpu_params params = {.device = number,
                                            .kernels = command->options->kernels,
                                            .precision = command->options->precision};
    struct cubby_gpu *gpu = NULL;
    enum cubby_status status = cubby_gpu_create(&gpu, &params, command->log);
    if (!status) {
        check->precision = cubby_gpu_precision(gpu);
        status = cubby_selftest_run(model, gpu, &check->result, command->log);
    }
    cubby_gpu_destroy(&gpu);
    check->ran = !status;
    return check->ran && check->result.agrees;
}

// Every usable device; *agree is whether each gave the model's answers, and there was one.
static enum cubby_status check_devices(const struct command *command,
                                       const struct cubby_device_info *infos, size_t count,
                                       struct check **checks, bool *agree)
{
    struct model_file file;
    enum cubby_status status =
        model_file_open(&file, command->options->check, command->fs, command->log);
    if (status)
        return status;
    size_t usable = 0;
    *checks = calloc(count ? count : 1, sizeof(**checks));
    status = *checks ? CUBBY_OK : CUBBY_NO_MEMORY;
    *agree = true;
    for (size_t i = 0; i < count && !status; i++) {
        if (!infos[i].usable)
            continue;
        usable++;
        *agree &= check_device(command, file.model, i, &(*checks)[i]);
    }
    *agree &= usable > 0;
    model_file_close(&file);
    return status;
}

static void print_check(const struct check *check)
{
    if (!check->ran)
        printf("   self-test: could not run\n");
    else
        printf("   self-test: %s (%s, largest difference %.1e of the largest logit)\n",
               check->result.agrees ? "agrees"
                                    : "DISAGREES: do not use this device with this model",
               cubby_precision_text(check->precision), check->result.difference);
}

static void print_text(const struct cubby_device_info *infos, size_t count,
                       const struct choice *choice, const struct check *checks)
{
    for (size_t i = 0; i < count; i++) {
        const struct cubby_device_info *info = &infos[i];
        char version[32];
        format_version(version, info->api_version);
        printf("%zu  %s\n", i, info->name);
        printf("   %s, %.1f GB, Vulkan %s%s%s\n", cubby_device_kind_text(info->kind),
               (double)info->memory_bytes / 1e9, version, info->driver[0] ? ", " : "",
               info->driver);
        if (!info->usable)
            printf("   cannot be used: %s\n", info->missing);
        else if (choice->made && choice->index == i)
            printf("   chosen, with the %s kernels in %s; pictures are %s\n",
                   cubby_kernels_text(choice->kernels), cubby_precision_text(choice->precision),
                   cubby_upload_phrase(choice->upload));
        if (checks && info->usable)
            print_check(&checks[i]);
    }
}

static json_t *to_json(const struct cubby_device_info *info, size_t index,
                       const struct choice *choice, const struct check *check)
{
    char version[32];
    format_version(version, info->api_version);
    bool chosen = choice->made && choice->index == index;
    json_t *object = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:I, s:b, s:b}", "index", (int)index, "name", info->name, "kind",
        cubby_device_kind_text(info->kind), "driver", info->driver, "vulkan", version,
        "memory_bytes", (json_int_t)info->memory_bytes, "usable", info->usable, "chosen", chosen);
    if (!info->usable)
        json_object_set_new(object, "missing", json_string(info->missing));
    if (chosen) {
        json_object_set_new(object, "kernels", json_string(cubby_kernels_text(choice->kernels)));
        json_object_set_new(object, "precision",
                            json_string(cubby_precision_text(choice->precision)));
        json_object_set_new(object, "upload", json_string(cubby_upload_text(choice->upload)));
    }
    if (check && check->ran)
        json_object_set_new(
            object, "self_test",
            json_pack("{s:s, s:b, s:f}", "precision", cubby_precision_text(check->precision),
                      "agrees", check->result.agrees, "difference",
                      isfinite(check->result.difference) ? check->result.difference : 1e300));
    else if (check)
        json_object_set_new(object, "self_test", json_null());
    return object;
}

static void print_json(const struct cubby_device_info *infos, size_t count,
                       const struct choice *choice, const struct check *checks)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            array, to_json(&infos[i], i, choice, checks && infos[i].usable ? &checks[i] : NULL));
    json_dumpf(array, stdout, 0);
    json_decref(array);
    printf("\n");
}

int command_devices(const struct command *command)
{
    struct cubby_device_info *infos = NULL;
    size_t count = 0;
    enum cubby_status status = cubby_gpu_list(&infos, &count, command->log);
    if (status)
        return command_failed(command, status);
    struct choice choice = choose(command, infos, count);
    struct check *checks = NULL;
    bool right = choice.made;
    if (command->options->check)
        status = check_devices(command, infos, count, &checks, &right);
    if (!status && command->options->json)
        print_json(infos, count, &choice, checks);
    else if (!status)
        print_text(infos, count, &choice, checks);
    free(checks);
    free(infos);
    if (status)
        return command_failed(command, status);
    return command_finish_output(command, right ? EXIT_CODE_OK : EXIT_CODE_STOPPED);
}
