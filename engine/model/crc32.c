#include "model/crc32.h"

void crc32_table_init(struct crc32_table *table)
{
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
        table->slice[0][i] = value;
    }
    // slice[k][i]: the effect of byte i followed by k zero bytes.
    for (uint32_t i = 0; i < 256; ++i) {
        for (int k = 1; k < 8; ++k) {
            uint32_t before = table->slice[k - 1][i];
            table->slice[k][i] = before >> 8 ^ table->slice[0][before & 0xff];
        }
    }
}

uint32_t crc32_of(const struct crc32_table *table, const uint8_t *data, size_t size_bytes)
{
    const uint32_t(*slice)[256] = table->slice;
    uint32_t crc = 0xffffffffu;
    for (; size_bytes >= 8; size_bytes -= 8, data += 8) {
        crc ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
               (uint32_t)data[3] << 24;
        crc = slice[7][crc & 0xff] ^ slice[6][crc >> 8 & 0xff] ^ slice[5][crc >> 16 & 0xff] ^
              slice[4][crc >> 24] ^ slice[3][data[4]] ^ slice[2][data[5]] ^ slice[1][data[6]] ^
              slice[0][data[7]];
    }
    for (; size_bytes > 0; --size_bytes, ++data)
        crc = crc >> 8 ^ slice[0][(crc ^ *data) & 0xff];
    return ~crc;
}
