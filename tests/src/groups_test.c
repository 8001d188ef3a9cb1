#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decode.h"
#include "groups.h"
#include "groups/kind.h"

enum { MOST = 64 };

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// A folder, "|" between names: a photo is followed by its members after ">", "," between them.
// What stands between bars alone has no group. Names in any order.
static const char *const folders[] = {
    // RAW and JPEG; case does not count; two RAWs; DNG leads the RAW it was made from
    "a.jpg>a.CR2",
    "IMG_1.JPG>img_1.cr3,IMG_1.dng",
    "a.dng>a.nef",
    "a.heic>a.cr3",
    "a.jpg>a.arw,a.heic",
    "a.jpg>a.tif",
    "a.png>a.orf",
    "a.arw|b.jpg",
    // each of these stands for itself
    "a.jpg|a.jpeg",
    "a.jpg|a.jpeg|a.cr2|a.xmp",
    "A.jpg|a.JPG|a.cr2|A.jpg.xmp",
    "a.jpg|a.png",
    "a.jpg|a.png|a.xmp",
    "a.jpg>a.cr2,a.xmp|a.png",
    "a.png|a.heic",
    "a.nef|a.cr2",
    "a.jpg|ab.cr2|a b.xmp|a-edited.jpg|a(1).cr2",
    // sidecars by stem and by whole name
    "a.jpg>a.xmp,a.jpg.xmp,a.jpg.pp3,a.jpg.dop,a.jpg.arp",
    "a.jpg>a.nef,a.nef.xmp,a.nef.dop,a.NEF.PP3,a.vrd,a.acr,a.on1",
    "a.jpg>a.jpg.xmp|a.jpg.png|a.png>a.png.xmp",
    "a.jpg>a.jpg.xmp|a.jpg.png>a.jpg.png.xmp",
    "a.jpeg>a.jpeg.xmp|a.jpg>a.jpg.xmp",
    "a.xmp|a.jpg.xmp|b.pp3|b.jpg.json",
    "a.xmp.xmp|b.jpg",
    "a.pp3|a.dop|a.jpg",
    "a.txt|a.jpg|a.xml|a.cos|a.gpx|a",
    // darktable's duplicates, unless the number is a photo's own
    "IMG_1.NEF>IMG_1.NEF.xmp,IMG_1_01.NEF.xmp,IMG_1_12.nef.xmp",
    "IMG_1.NEF|IMG_1_01.NEF>IMG_1_01.NEF.xmp",
    "IMG_1.jpg>IMG_1.nef,IMG_1_01.nef.xmp|IMG_1_1.nef.xmp|IMG_1_01.xmp|IMG_1_01.nef.pp3",
    // Apple
    "IMG_1234.HEIC>IMG_1234.MOV,IMG_1234.AAE,IMG_O1234.AAE|IMG_E1234.JPG>IMG_E1234.MOV",
    "IMG_1234.JPG>IMG_1234.MOV,IMG_1234.aae",
    "IMG_1234.DNG>IMG_1234.MOV",
    "IMG_1234.JPG>IMG_1234.HEIC,IMG_1234.MOV",
    "IMG_E1234.JPG>IMG_O1234.AAE",
    "IMG_1234.PNG>IMG_1234.AAE|IMG_O123.AAE|IMG_123.JPG|XMG_O1234.AAE",
    "IMG_1234.MOV|IMG_1234.AAE",
    "IMG_1.HEIC>IMG_1_HEVC.MOV|IMG_2.JPG|IMG_2_HEVC.MOV",
    "a.png|a.mov|a.xmp",
    // films that are not a photo's, and sidecars that may be the film's
    "holiday.jpg|holiday.mp4",
    "holiday.jpg|holiday.avi|holiday.xmp",
    "MVI_1.MOV|MVI_1.THM|MVI_2.AVI|MVI_2.THM",
    "MVI_1.JPG|MVI_1.MOV|MVI_1.THM",
    "CRW_1.CRW>CRW_1.THM",
    "GOPR0001.MP4|GOPR0001.LRV|GOPR0001.THM",
    "a.mov|a.mov.xmp",
    "a.jpg>a.mov,a.mov.xmp",
    // Pixel, Samsung and what Takeout makes of Live Photos
    "PXL_1.MP.jpg>PXL_1.MP,PXL_1.MP.jpg.json",
    "PXL_1.MP~2.jpg>PXL_1.MP~2|PXL_1.MP",
    "PXL_1.MP.jpg>PXL_1.MP.mp4",
    "MVIMG_1.jpg>MVIMG_1.mp4|MVIMG_2.jpg|VID_2.mp4",
    "a.heic>a.mp4,a.heic.json",
    "a.heic>a.heic.json|a.mp4|a.mp4.json",
    "a.jpg>a.mp4,a.jpg.json",
    "a.jpg>a.jpg.json|a.mp4|a.mp4.json",
    "a.jpg>a.jpg.json|a.mov|a.mov.supplemental-metadata.json",
    "a.jpg>a.jpg.json|a.heic>a.heic.json|a.mov",
    "a(1).heic>a(1).mp4,a.heic(1).json|a.heic>a.mp4,a.heic.json",
    // a camera's voice note, and a song with its cover
    "DSC_0001.JPG>DSC_0001.WAV|song.wav|song.jpg",
    // Takeout's JSON
    "a.jpg>a.jpg.json|metadata.json|print-subscriptions.json",
    "metadata.jpg|metadata.json|metadata(1).json",
    "a.jpg>a.jpg.supplemental-metadata.json",
    "a.jpg>a.jpg.supplemental-me.json,a.jpg.s.json,a.jpg..json|a.jpg.supple2.json",
    "a.jpg>a.json",
    "Peanut Butter.jpg>Peanut Butter.supplemental-metadata.json|Peanut.jpg",
    "P.jpg|P(1).jpg>P.supplemental-metadata(1).json|P.supple.json",
    "a.jpg>a.jpg.json|a(1).jpg>a.jpg(1).json|a.jpg(2).json",
    "a.jpg|a(1).jpg>a.jpg.supplemental-metadata(1).json",
    "N(1).jpg>N(1).jpg.supplemental-metadata.json|"
    "N(1)(1).jpg>N(1).jpg.supplemental-metadata(1).json",
    "a-edited.jpg|a.jpg>a.jpg.json",
    "CLIP(10).AVI|CLIP.AVI.supplemental-metadata(10).json|CLIP(10).jpg",
    "MVIMG_20191230_232926.jpg>MVIMG_20191230_232926.jpg.supplemental-metadat.json",
    "Urlaub in Knaufspesch in der Schneifel (38).JPG>"
    "Urlaub in Knaufspesch in der Schneifel (38).JP.json",
    "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg>"
    "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json",
    "13039_327707840323_537645323_9470255_27214_n(1).jpg>"
    "13039_327707840323_537645323_9470255_27214_n.j(1).json",
    "Backyard_ceremony_wedding_photography_xxxxxxx_m(494).jpg>"
    "Backyard_ceremony_wedding_photography_xxxxxxx_(494).json|"
    "Backyard_ceremony_wedding_photography_xxxxxxx_m(185).jpg",
    // the copy that Takeout forgot does not steal the original's
    "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P.jpg>"
    "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json|"
    "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P(1).jpg",
    // 46 units, not characters and not bytes
    "😀😃😄😁😆😅😂🤣🥲☺️😊😇🙂🙃😉😌😍🥰😘😗😙😚😋"
    "😛"
    "."
    "jpg>"
    "😀😃😄😁😆😅😂🤣🥲☺️😊😇🙂🙃😉😌😍🥰😘😗😙😚😋"
    "."
    "json",
    // cut to the same: nobody's
    "0123456789012345678901234567890123456789012345A.jpg|"
    "0123456789012345678901234567890123456789012345B.jpg|"
    "0123456789012345678901234567890123456789012345.json",
    "0123456789012345678901234567890123456789012345A.jpg>"
    "0123456789012345678901234567890123456789012345A.cr2,"
    "0123456789012345678901234567890123456789012345.json",
    // bytes that are no text; hidden files
    "caf\xe9.jpg>caf\xe9.xmp,caf\xe9.jpg.json|caf\xe8.xmp",
    "a.jpg|._a.jpg|.a.xmp|._a.xmp|.jpg|.xmp",
    "....jpg|..xmp|a.|b..jpg>b..xmp|x.|(1).jpg|(1).json.jpg",
};

static size_t index_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("\"%s\" is not there", name);
    return 0;
}

static void test_folders(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof(folders) / sizeof(*folders); f++) {
        char *text = strdup(folders[f]);
        const char *names[MOST], *of[MOST], *sorted[MOST], *photo = NULL;
        size_t count = 0, *leader;
        char before = '|';
        for (char *p = text; *p || p == text;) {
            size_t length = strcspn(p, "|>,");
            char after = p[length];
            p[length] = '\0';
            photo = before == '|' ? p : photo;
            names[count] = p;
            of[count++] = before == '|' ? NULL : photo;
            before = after;
            p += after ? length + 1 : length;
            if (!after)
                break;
        }
        memcpy(sorted, names, sizeof(names));
        qsort(sorted, count, sizeof(*sorted), compare_names);
        assert_int_equal(groups_find(sorted, count, &leader), CUBBY_OK);
        for (size_t i = 0; i < count; i++) {
            size_t got = leader[index_in(sorted, count, names[i])];
            const char *is = got == GROUPS_ALONE ? "nobody" : sorted[got];
            const char *should = of[i] ? of[i] : "nobody";
            if (strcmp(is, should) != 0)
                print_error("in %s\n  %s goes with %s, not %s\n", folders[f], names[i], is, should);
            assert_string_equal(is, should);
        }
        free(leader);
        free(text);
    }
}

// --- the same rules, slowly: every pair of names is looked at

static char *lower(const char *text)
{
    char *copy = strdup(text);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p += 'a' - 'A';
    return copy;
}

struct slow {
    char *name[MOST], *stem[MOST]; // in lower case
    enum group_kind kind[MOST];
    int leader[MOST]; // -1: alone
    int json_of[MOST];
    bool has_json[MOST];
    int count;
};

static bool media(const struct slow *s, int i)
{
    return group_is_photo(s->kind[i]) || group_is_film(s->kind[i]);
}

// The only file of the name that is known at all; -1.
static int named(const struct slow *s, const char *name)
{
    int found = -1;
    for (int i = 0; i < s->count; i++) {
        if (s->kind[i] == GROUP_NONE || strcmp(s->name[i], name) != 0)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

static int media_named(const struct slow *s, const char *name)
{
    int found = named(s, name);
    return found >= 0 && media(s, found) ? found : -1;
}

static int with(const struct slow *s, int i)
{
    return s->leader[i] >= 0 ? s->leader[i] : group_is_photo(s->kind[i]) ? i : -1;
}

// Splits "stem(2)" into its parts; false: no number.
static bool split_number(const char *text, char *bare, char *number)
{
    size_t length = strlen(text), at = length;
    if (length == 0 || text[length - 1] != ')')
        return false;
    for (at = length - 1; at > 0 && isdigit((unsigned char)text[at - 1]);)
        at--;
    if (at == length - 1 || at < 2 || text[at - 1] != '(')
        return false;
    memcpy(bare, text, at - 1);
    bare[at - 1] = '\0';
    strcpy(number, text + at - 1);
    return true;
}

static const char suffix[] = "supplemental-metadata";

static int slow_whole(const struct slow *s, const char *stem, const char *number)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int m = 0; m < s->count; m++) {
            if (!media(s, m) || media_named(s, s->name[m]) != m)
                continue;
            char base[512], bare[512], own[512];
            strcpy(base, s->name[m]);
            if (*number) {
                if (!split_number(s->stem[m], bare, own)) {
                    // "(1).jpg" is no number, but ".jpg(1)" would give it
                    continue;
                }
                if (strcmp(own, number) != 0)
                    continue;
                snprintf(base, sizeof(base), "%s%s", bare, s->name[m] + strlen(s->stem[m]));
            }
            if (pass == 0 && strcmp(base, stem) == 0)
                return m;
            for (size_t k = 0; pass == 1 && k < sizeof(suffix); k++) {
                char form[1024];
                snprintf(form, sizeof(form), "%s.%.*s", base, (int)k, suffix);
                if (strcmp(form, stem) == 0)
                    return m;
            }
        }
    }
    return -1;
}

// The test's names are ASCII and two emoji of two units.
static size_t units(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (unsigned char)*text == 0xf0 ? 2 : ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void cut(char *text)
{
    while (units(text) > 46) {
        size_t at = strlen(text) - 1;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at--;
        text[at] = '\0';
    }
}

static void slow_runs(struct slow *s)
{
    for (int r = 0; r < s->count; r++) {
        if (s->kind[r] == GROUP_NONE)
            continue;
        int best = -1;
        bool thumbnail = false, heif = false, raw = false, apart = false, loose = false;
        for (int i = 0; i < s->count; i++) {
            if (s->kind[i] == GROUP_NONE || strcmp(s->stem[i], s->stem[r]) != 0)
                continue;
            thumbnail |= s->kind[i] == GROUP_THM;
            if (group_is_photo(s->kind[i]) && (best < 0 || s->kind[i] < s->kind[best]))
                best = i;
        }
        for (int i = 0; i < s->count && best >= 0; i++)
            if (i != best && s->kind[i] == s->kind[best] && strcmp(s->stem[i], s->stem[r]) == 0)
                best = -2;
        if (best < 0)
            continue;
        enum group_kind top = s->kind[best];
        heif = top == GROUP_HEIF;
        for (int i = 0; i < s->count; i++) {
            enum group_kind k = s->kind[i];
            if (i == best || !group_is_photo(k) || strcmp(s->stem[i], s->stem[r]) != 0)
                continue;
            bool is_raw = k == GROUP_DNG || (k == GROUP_RAW && top != GROUP_RAW);
            bool shape =
                (k == GROUP_HEIF || k == GROUP_TIFF) && top == GROUP_JPEG && !s->has_json[i];
            if (is_raw || shape)
                s->leader[i] = best;
            else
                apart = true;
            raw |= is_raw;
            heif |= shape && k == GROUP_HEIF;
        }
        for (int i = 0; i < s->count; i++) {
            enum group_kind k = s->kind[i];
            if (k != GROUP_MOV && k != GROUP_MP4 && k != GROUP_FILM)
                continue;
            if (strcmp(s->stem[i], s->stem[r]) != 0)
                continue;
            bool ok = !s->has_json[i] && !thumbnail && !(apart && !raw) && k != GROUP_FILM;
            size_t length = strlen(s->stem[i]);
            bool motion = strncmp(s->stem[i], "mvimg_", 6) == 0 && length > 6;
            motion |= length > 3 && strcmp(s->stem[i] + length - 3, ".mp") == 0;
            if (k == GROUP_MOV)
                ok = ok && (heif || top == GROUP_JPEG || top == GROUP_DNG);
            else
                ok = ok && (heif || (top == GROUP_JPEG && (s->has_json[best] || motion)));
            if (ok)
                s->leader[i] = best;
            loose |= !ok;
        }
        if (loose || (apart && !raw))
            continue;
        for (int i = 0; i < s->count; i++) {
            enum group_kind k = s->kind[i];
            if (strcmp(s->stem[i], s->stem[r]) != 0)
                continue;
            size_t length = strlen(s->stem[i]);
            bool four = length >= 4 && strspn(s->stem[i] + length - 4, "0123456789") == 4;
            char bare[512], number[512];
            if (!split_number(s->stem[i], bare, number))
                strcpy(bare, s->stem[i]);
            if (k == GROUP_XMP || k == GROUP_AAE || k == GROUP_THM || k == GROUP_STEM ||
                (k == GROUP_WAV && four) || (k == GROUP_JSON && strcmp(bare, "metadata") != 0))
                s->leader[i] = best;
        }
    }
}

// The photo that a stem's sidecars follow: what an .xmp of it would. -1: none.
static int stem_leader(const struct slow *s, const char *stem)
{
    struct slow probe = *s;
    if (s->count == MOST)
        return -1;
    char name[512], copy[512];
    snprintf(copy, sizeof(copy), "%s", stem);
    snprintf(name, sizeof(name), "%s.acr", stem);
    probe.name[probe.count] = name;
    probe.stem[probe.count] = copy;
    probe.kind[probe.count] = GROUP_STEM;
    probe.has_json[probe.count] = false;
    probe.leader[probe.count++] = -1;
    slow_runs(&probe);
    return probe.leader[s->count];
}

static void slow_odd(struct slow *s)
{
    for (int i = 0; i < s->count; i++) {
        char name[512];
        int photo = -1;
        size_t length = s->stem[i] ? strlen(s->stem[i]) : 0;
        if (s->kind[i] == GROUP_MOTION) {
            snprintf(name, sizeof(name), "%s.jpg", s->name[i]);
            photo = media_named(s, name);
        } else if (s->kind[i] == GROUP_MOV && s->leader[i] < 0 && length > 5 &&
                   strcmp(s->stem[i] + length - 5, "_hevc") == 0) {
            snprintf(name, sizeof(name), "%.*s.heic", (int)length - 5, s->stem[i]);
            photo = media_named(s, name);
        }
        if (photo >= 0)
            s->leader[i] = with(s, photo);
    }
    for (int i = 0; i < s->count; i++) {
        char name[512];
        unsigned number;
        int end = 0, photo;
        if (s->kind[i] == GROUP_XMP || s->kind[i] == GROUP_WHOLE) {
            photo = media_named(s, s->stem[i]);
            const char *dot = strrchr(s->stem[i], '.');
            size_t at = dot ? (size_t)(dot - s->stem[i]) : 0, digits = 0;
            while (digits < at && isdigit((unsigned char)s->stem[i][at - 1 - digits]))
                digits++;
            if (photo < 0 && s->kind[i] == GROUP_XMP && digits >= 2 && digits <= 4 &&
                at - digits >= 2 && s->stem[i][at - digits - 1] == '_') {
                snprintf(name, sizeof(name), "%.*s%s", (int)(at - digits - 1), s->stem[i], dot);
                photo = media_named(s, name);
            }
            if (photo >= 0)
                s->leader[i] = with(s, photo);
        } else if (s->kind[i] == GROUP_AAE && s->leader[i] < 0 &&
                   sscanf(s->stem[i], "img_o%4u%n", &number, &end) == 1 && end == 9 &&
                   strlen(s->stem[i]) == 9) {
            snprintf(name, sizeof(name), "img_%s", s->stem[i] + 5);
            photo = stem_leader(s, name);
            if (photo < 0) {
                snprintf(name, sizeof(name), "img_e%s", s->stem[i] + 5);
                photo = stem_leader(s, name);
            }
            s->leader[i] = photo;
        }
    }
}

static void slow_json(struct slow *s)
{
    for (int j = 0; j < s->count; j++) {
        if (s->kind[j] != GROUP_JSON)
            continue;
        if (s->json_of[j] >= 0) {
            s->leader[j] = with(s, s->json_of[j]);
            continue;
        }
        int claims[2] = {-2, -2}; // sure, less so; -2: none, -1: nobody's
        for (int m = 0; m < s->count && named(s, s->name[j]) == j; m++) {
            char bare[512], number[512], text[1024];
            if (!media(s, m))
                continue;
            bool numbered = split_number(s->stem[m], bare, number);
            for (int form = 0; form <= (int)numbered; form++) {
                const char *ending = s->name[m] + strlen(s->stem[m]);
                snprintf(text, sizeof(text), "%s%s", form ? bare : s->stem[m], ending);
                if (units(text) <= 46)
                    continue;
                cut(text);
                strcat(text, form ? number : "");
                int *claim = &claims[numbered && !form];
                if (strcmp(text, s->stem[j]) == 0)
                    *claim = *claim == -2 || *claim == with(s, m) ? with(s, m) : -1;
            }
        }
        if (claims[0] != -2 || claims[1] != -2) {
            s->leader[j] = claims[0] != -2 ? claims[0] : claims[1];
            continue;
        }
        char bare[512], number[512] = "";
        if (s->leader[j] >= 0)
            continue;
        if (!split_number(s->stem[j], bare, number))
            strcpy(bare, s->stem[j]);
        char *dot = strrchr(bare, '.');
        if (!dot || strncmp(dot + 1, suffix, strlen(dot + 1)) != 0)
            continue;
        if (strcmp(dot + 1, suffix) != 0 && units(bare) != 46)
            continue;
        *dot = '\0';
        strcat(bare, number);
        s->leader[j] = stem_leader(s, bare);
    }
}

static void slow_find(struct slow *s, const char *const *names, size_t count)
{
    memset(s, 0, sizeof(*s));
    s->count = (int)count;
    for (int i = 0; i < s->count; i++) {
        size_t stem = 0;
        s->kind[i] = group_kind(names[i], &stem);
        s->name[i] = lower(names[i]);
        s->stem[i] = lower(names[i]);
        s->stem[i][stem] = '\0';
        s->leader[i] = s->json_of[i] = -1;
    }
    for (int j = 0; j < s->count; j++) {
        char bare[512], number[512];
        if (s->kind[j] != GROUP_JSON)
            continue;
        s->json_of[j] = slow_whole(s, s->stem[j], "");
        if (s->json_of[j] < 0 && split_number(s->stem[j], bare, number))
            s->json_of[j] = slow_whole(s, bare, number);
        if (s->json_of[j] >= 0)
            s->has_json[s->json_of[j]] = true;
    }
    slow_runs(s);
    slow_odd(s);
    slow_json(s);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static const char *pick(uint64_t *state, const char *const *texts, size_t count)
{
    return texts[next_random(state) % count];
}
#define PICK(state, texts) pick(state, texts, sizeof(texts) / sizeof(*(texts)))

// Names of the parts that the rules look at, in any order. Two stems in a folder (`chosen`), so
// that files meet.
static void random_name(uint64_t *state, size_t chosen, char *name, size_t bytes)
{
    static const char *const stems[] = {
        "a",
        "A",
        "IMG_1234",
        "img_1234",
        "IMG_E1234",
        "IMG_O1234",
        "metadata",
        "MVIMG_1",
        "01234567890123456789012345678901234567890123",
        "\xf0\x9f\x98\x80",
        "0123456789012345678901234567890123456789\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"};
    static const char *const middles[] = {"",      "",    "",   "",       "",  "(1)", "(2)", "_01",
                                          "_HEVC", ".MP", "xy", "(1)(1)", ".", "~2",  "b"};
    static const char *const inner[] = {"",     "",      "",     "",     ".jpg",
                                        ".JPG", ".heic", ".cr2", ".mov", ".mp4",
                                        ".jp",  ".j",    ".png", ".nef", ".jpeg"};
    static const char *const forms[] = {"",
                                        "",
                                        "",
                                        ".supplemental-metadata",
                                        ".supple",
                                        ".s",
                                        ".",
                                        ".supplemental-m",
                                        "(1)",
                                        "(2)",
                                        ".supplemental-metadata(1)"};
    static const char *const ends[] = {".jpg", ".JPG",  ".jpeg", ".heic", ".HEIC", ".png", ".tif",
                                       ".cr2", ".dng",  ".nef",  ".mov",  ".MOV",  ".mp4", ".avi",
                                       ".MP",  ".mp~2", ".json", ".json", ".json", ".xmp", ".aae",
                                       ".thm", ".wav",  ".pp3",  ".vrd",  ".txt",  ""};
    bool plain = next_random(state) % 2;
    size_t stem = chosen + next_random(state) % 2 * 7;
    snprintf(name, bytes, "%s%s%s%s%s", stems[stem % (sizeof(stems) / sizeof(*stems))],
             PICK(state, middles), plain ? "" : PICK(state, inner), plain ? "" : PICK(state, forms),
             PICK(state, ends));
}

static void test_against_slow(void **state)
{
    (void)state;
    uint64_t seed = 20260729;
    size_t followers = 0;
    for (int round = 0; round < 20000; round++) {
        static char texts[MOST][256];
        const char *names[MOST];
        size_t wanted = 1 + next_random(&seed) % 40, count = 0, *leader;
        for (size_t i = 0; i < wanted; i++) {
            random_name(&seed, (size_t)round, texts[count], sizeof(texts[0]));
            bool there = false;
            for (size_t k = 0; k < count; k++)
                there |= strcmp(texts[k], texts[count]) == 0;
            if (!there) {
                names[count] = texts[count];
                count++;
            }
        }
        qsort(names, count, sizeof(*names), compare_names);
        struct slow slow;
        slow_find(&slow, names, count);
        assert_int_equal(groups_find(names, count, &leader), CUBBY_OK);
        for (size_t i = 0; i < count; i++) {
            size_t should = slow.leader[i] < 0 ? GROUPS_ALONE : (size_t)slow.leader[i];
            followers += leader[i] != GROUPS_ALONE;
            if (leader[i] == should)
                continue;
            for (size_t k = 0; k < count; k++)
                print_error("  %s\n", names[k]);
            fail_msg("round %d: \"%s\" goes with %s, not %s", round, names[i],
                     leader[i] == GROUPS_ALONE ? "nobody" : names[leader[i]],
                     should == GROUPS_ALONE ? "nobody" : names[should]);
        }
        for (int i = 0; i < slow.count; i++) {
            free(slow.name[i]);
            free(slow.stem[i]);
        }
        free(leader);
    }
    assert_true(followers > 10000);
}

// Leaders are photos and never members, whatever the bytes.
static void assert_sound(const char *const *names, size_t count)
{
    size_t *leader, stem;
    assert_int_equal(groups_find(names, count, &leader), CUBBY_OK);
    for (size_t i = 0; i < count; i++) {
        if (leader[i] == GROUPS_ALONE)
            continue;
        assert_true(leader[i] < count && leader[i] != i);
        assert_true(leader[leader[i]] == GROUPS_ALONE);
        assert_true(group_is_photo(group_kind(names[leader[i]], &stem)));
    }
    free(leader);
}

static void test_random_bytes(void **state)
{
    (void)state;
    static const char likely[] = "..aAjJpPgG(1)_-jsonxmpcr2~\xf0\x9f\x98\x80\xff";
    uint64_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        const char *names[MOST];
        size_t count = next_random(&seed) % MOST;
        for (size_t i = 0; i < count; i++) {
            size_t length =
                next_random(&seed) % 4 ? next_random(&seed) % 14 : next_random(&seed) % 300;
            char *name = malloc(length + 6); // exactly: a step too far is seen
            for (size_t k = 0; k < length; k++)
                name[k] = next_random(&seed) % 8 ? likely[next_random(&seed) % (sizeof(likely) - 1)]
                                                 : (char)(1 + next_random(&seed) % 255);
            static const char *const ends[] = {"", ".jpg", ".json", ".xmp", ".mov"};
            strcpy(name + length, PICK(&seed, ends));
            names[i] = realloc(name, strlen(name) + 1);
        }
        assert_sound(names, count);
        for (size_t i = 0; i + 1 < count; i++)
            free(groups_rename(names[i], names[i + 1], names[(i + 2) % count]));
        for (size_t i = 0; i < count; i++)
            free((char *)(uintptr_t)names[i]);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    char *photo = malloc(70000), *sidecar = malloc(70000);
    for (size_t length = 4000; length < 69000; length += 31) {
        memset(photo, 'x', length);
        memset(sidecar, 'x', length);
        strcpy(photo + length, "(1).jpg");
        strcpy(sidecar + length, ".jpg(1).json");
        const char *names[] = {photo, sidecar};
        assert_sound(names, 2);
    }
    free(photo);
    free(sidecar);
    assert_sound(NULL, 0);
}

// A folder of a million: photos with RAW, sidecar and JSON; a million photos alone; and a million
// names of one stem that differ in case only, which must not cost a million squared.
static void test_million(void **state)
{
    (void)state;
    enum { COUNT = 1000000, BYTES = 48 };
    char *text = malloc((size_t)COUNT * BYTES);
    const char **names = malloc(COUNT * sizeof(*names));
    size_t *leader;
    static const char *const ends[] = {".CR2", ".JPG", ".JPG.supplemental-metadata.json", ".xmp"};
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = text + i * BYTES;
        snprintf(text + i * BYTES, BYTES, "IMG_%07zu%s", i / 4, ends[i % 4]);
    }
    assert_int_equal(groups_find(names, COUNT, &leader), CUBBY_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(leader[i] == (i % 4 == 1 ? GROUPS_ALONE : i / 4 * 4 + 1));
    free(leader);

    for (size_t i = 0; i < COUNT; i++)
        snprintf(text + i * BYTES, BYTES, "IMG_%07zu.jpg", i);
    assert_int_equal(groups_find(names, COUNT, &leader), CUBBY_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(leader[i] == GROUPS_ALONE);
    free(leader);

    static const char *const twenty = "abcdefghijklmnopqrst";
    for (size_t i = 0; i < COUNT; i++) {
        char *name = text + i * BYTES;
        for (size_t k = 0; k < 20; k++)
            name[k] = (char)(i >> k & 1 ? toupper(twenty[k]) : twenty[k]);
        strcpy(name + 20, i == 7 ? ".jpg" : i % 2 ? ".supplemental-metadata.json" : ".jpg.json");
    }
    assert_int_equal(groups_find(names, COUNT, &leader), CUBBY_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(leader[i] == (i == 7 ? GROUPS_ALONE : 7));
    free(leader);
    free(names);
    free(text);
}

// What groups call a photo, decoding must too; and every ending is found.
static void test_endings(void **state)
{
    (void)state;
    static const char *const photos[] = {
        "jpg", "jpeg", "jpe",  "jfif", "png", "bmp",  "dib", "gif",  "tga", "psd", "pnm", "ppm",
        "pgm", "webp", "heic", "heif", "hif", "avif", "tif", "tiff", "dng", "cr2", "cr3", "crw",
        "nef", "nrw",  "arw",  "srf",  "sr2", "orf",  "raf", "rw2",  "pef", "srw", "x3f", "3fr",
        "fff", "iiq",  "rwl",  "erf",  "mef", "mos",  "mrw", "kdc",  "dcr"};
    static const char *const others[] = {"aae",  "acr", "arp", "dop",  "json", "on1", "pp3",
                                         "thm",  "vrd", "wav", "xmp",  "mov",  "mp4", "mp",
                                         "mv",   "3gp", "avi", "lrv",  "m2ts", "m4v", "mkv",
                                         "mpeg", "mpg", "mts", "webm", "wmv"};
    char name[16];
    size_t stem;
    for (size_t i = 0; i < sizeof(photos) / sizeof(*photos); i++) {
        snprintf(name, sizeof(name), "a.%s", photos[i]);
        assert_true(group_is_photo(group_kind(name, &stem)));
        assert_true(decode_name_is_photo(name));
        assert_int_equal(stem, 1);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        snprintf(name, sizeof(name), "a.%s", others[i]);
        assert_true(group_kind(name, &stem) > GROUP_RAW && group_kind(name, &stem) < GROUP_NONE);
        assert_false(decode_name_is_photo(name));
    }
    static const char *const nothing[] = {"a",     "a.",     "",        ".",
                                          ".jpg",  "a.jp",   "a.jpgg",  "a.jpg~2",
                                          "a.mp~", "a.mp~x", "a.jpegs", "a.~2"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
        assert_int_equal(group_kind(nothing[i], &stem), GROUP_NONE);
}

static void test_rename(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        // member, photo, its new name, the member's
        {"a.xmp", "a.jpg", "a (2).jpg", "a (2).xmp"},
        {"a.jpg.xmp", "a.jpg", "a (2).jpg", "a (2).jpg.xmp"},
        {"a.CR2", "a.jpg", "a (2).jpg", "a (2).CR2"},
        {"a.CR2.xmp", "a.jpg", "a (2).jpg", "a (2).CR2.xmp"},
        {"A.XMP", "a.jpg", "a (3).jpg", "a (3).XMP"},
        {"a_01.NEF.xmp", "a.NEF", "a (2).NEF", "a (2)_01.NEF.xmp"},
        {"a.jpg(1).json", "a(1).jpg", "a(1) (2).jpg", "a.jpg(1) (2).json"},
        {"a.jpg.supple(1).json", "a(1).jpg", "a(1) (12).jpg", "a.jpg.supple(1) (12).json"},
        {"IMG_O1234.AAE", "IMG_1234.HEIC", "IMG_1234 (2).HEIC", "IMG_O1234 (2).AAE"},
        {"PXL.MP", "PXL.MP.jpg", "PXL.MP (2).jpg", "PXL.MP (2)"},
        {"a.xmp", "a.jpg", "a.jpg", "a.xmp"},
        {"b (2).json", "a (2).jpg", "a (2).jpg", "b (2).json"},
        {"long na.json", "long name.jpg", "long name (2).jpg", "long na (2).json"},
        {"long na.json", "long name.jpg", "other.jpg", "long na.json"},
        {"a.xmp", "a.jpg", "b_x.jpg", "b_x.xmp"},
        {"caf\xe9.xmp", "caf\xe9.jpg", "caf\xe9 (2).jpg", "caf\xe9 (2).xmp"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *name = groups_rename(cases[i][0], cases[i][1], cases[i][2]);
        assert_string_equal(name, cases[i][3]);
        free(name);
    }
    char photo[300], renamed[300], member[300];
    memset(photo, 'x', 250);
    strcpy(photo + 250, ".jpg");
    snprintf(member, sizeof(member), "%.250s.xmp", photo);
    snprintf(renamed, sizeof(renamed), "%.247s (2).jpg", photo); // cut to fit
    char *name = groups_rename(member, photo, renamed);
    assert_true(strlen(name) <= 255);
    assert_string_equal(name + strlen(name) - 8, " (2).xmp");
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),      cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_million),      cmocka_unit_test(test_endings),
        cmocka_unit_test(test_rename),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
