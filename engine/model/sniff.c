// What a file is that cubby cannot read, and what its owner can do about it.
#include <ctype.h>
#include <string.h>

#include "model/container.h"

struct kind {
    size_t offset;
    const char *bytes;
    size_t count;
    enum cubby_status status;
    const char *message;
};

#define AT(offset, text) offset, text, sizeof(text) - 1

static const struct kind kinds[] = {
    {AT(0, "PK\5\6"), CUBBY_BAD_DATA, "the file is an empty zip archive"},
    {AT(0, "\x89HDF\r\n\x1a\n"), CUBBY_UNSUPPORTED,
     "the file is HDF5, as Keras saves models; cubby reads PyTorch and safetensors files"},
    {AT(0, "version https://git-lfs"), CUBBY_UNSUPPORTED,
     "the file is only a Git LFS pointer to the model; run 'git lfs pull' to fetch the model"},
    {AT(0, "GGUF"), CUBBY_UNSUPPORTED, "the file is GGUF, a format for language models"},
    {AT(4, "TFL3"), CUBBY_UNSUPPORTED,
     "the file is TensorFlow Lite; cubby reads PyTorch and safetensors files"},
    {AT(0, "\x93NUMPY"), CUBBY_UNSUPPORTED, "the file is a NumPy array, not a model"},
    {AT(0, "\x1f\x8b"), CUBBY_UNSUPPORTED, "the file is compressed with gzip; unpack it first"},
    {AT(0, "BZh"), CUBBY_UNSUPPORTED, "the file is compressed with bzip2; unpack it first"},
    {AT(0, "\xfd"
           "7zXZ"),
     CUBBY_UNSUPPORTED, "the file is compressed with xz; unpack it first"},
    {AT(0, "\x28\xb5\x2f\xfd"), CUBBY_UNSUPPORTED,
     "the file is compressed with zstd; unpack it first"},
    {AT(0, "7z\xbc\xaf\x27\x1c"), CUBBY_UNSUPPORTED, "the file is a 7z archive; unpack it first"},
    {AT(0, "\xff\xd8\xff"), CUBBY_UNSUPPORTED, "the file is a JPEG picture, not a model"},
    {AT(0, "\x89PNG"), CUBBY_UNSUPPORTED, "the file is a PNG picture, not a model"},
};

static bool holds(const uint8_t *data, size_t size_bytes, size_t offset, const void *bytes,
                  size_t count)
{
    return size_bytes >= count && offset <= size_bytes - count &&
           memcmp(data + offset, bytes, count) == 0;
}

static bool begins_with_word(const uint8_t *data, size_t size_bytes, const char *word)
{
    size_t at = holds(data, size_bytes, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < size_bytes && at < 256 && isspace(data[at]))
        ++at;
    size_t length = strlen(word);
    if (size_bytes - at < length)
        return false;
    for (size_t i = 0; i < length; ++i) {
        if (tolower(data[at + i]) != word[i])
            return false;
    }
    return true;
}

// ModelProto: field 1 (ir_version, small), then a field that ModelProto has.
static bool is_onnx(const uint8_t *data, size_t size_bytes)
{
    return size_bytes > 3 && data[0] == 0x08 && data[1] > 0 && data[1] < 32 &&
           (data[2] == 0x12 || data[2] == 0x1a || data[2] == 0x22 || data[2] == 0x3a ||
            data[2] == 0x42);
}

static enum cubby_status refuse(const struct cubby_log *log, enum cubby_status status,
                                const char *message)
{
    cubby_log(log, CUBBY_LOG_ERROR, "%s", message);
    return status;
}

enum cubby_status sniff_refuse(const uint8_t *data, size_t size_bytes, const struct cubby_log *log)
{
    if (size_bytes == 0)
        return refuse(log, CUBBY_BAD_DATA, "the file is empty");

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (holds(data, size_bytes, kinds[i].offset, kinds[i].bytes, kinds[i].count))
            return refuse(log, kinds[i].status, kinds[i].message);
    }
    if (size_bytes > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5)
        return refuse(log, CUBBY_UNSUPPORTED,
                      "the file is a plain Python pickle, not something that torch.save wrote; if "
                      "it holds a torch model: load it in Python and save model.state_dict() with "
                      "torch.save");
    if (begins_with_word(data, size_bytes, "<!doc") ||
        begins_with_word(data, size_bytes, "<html") || begins_with_word(data, size_bytes, "<?xml"))
        return refuse(log, CUBBY_UNSUPPORTED,
                      "the file is a web page, not a model: the download went wrong; open the link "
                      "in a browser and see what it says");
    if (begins_with_word(data, size_bytes, "{") || begins_with_word(data, size_bytes, "["))
        return refuse(log, CUBBY_UNSUPPORTED,
                      "the file is JSON, not a model; the weights are in a .safetensors or .pth "
                      "file beside it");
    if (is_onnx(data, size_bytes))
        return refuse(log, CUBBY_UNSUPPORTED,
                      "the file looks like ONNX, which cubby cannot read; give it the PyTorch "
                      "weights that it was exported from");
    return refuse(log, CUBBY_UNSUPPORTED,
                  "the file is of no kind that cubby knows; it reads .safetensors files and what "
                  "torch.save writes from a state dict (.pth, .pt, .bin)");
}
