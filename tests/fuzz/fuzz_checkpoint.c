/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Checkpoints into a run that is there: refused and nothing changed, or loaded. The checksum is made right first, as
 * no fuzzer guesses it. */
#include "formats/checksum.h"
#include "fuzz.h"
#include "suite.h"

/* What tests/formats makes runs with asserts by Check, which does nothing good outside its runner. */
#undef ck_assert_msg
#define ck_assert_msg(expression, ...)                                                                                 \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)
#undef ck_ok
#define ck_ok(call) require((call) == TN_OK)

#include "small_run.h"

#define LENGTH_BYTES 8

static const char checksum_key[] = "\"tinynet.checksum\":\"";

static void mend_checksum(uint8_t *file, size_t size)
{
    char digits[TN_CHECKSUM_DIGITS + 1];
    for (size_t at = 0; at + sizeof checksum_key - 1 + TN_CHECKSUM_DIGITS <= size; at++) {
        uint8_t *place = file + at + sizeof checksum_key - 1;
        if (memcmp(file + at, checksum_key, sizeof checksum_key - 1) != 0)
            continue;
        memset(place, '0', TN_CHECKSUM_DIGITS);
        snprintf(digits, sizeof digits, "%08x", (unsigned)tn_checksum_add(0, file, size));
        memcpy(place, digits, TN_CHECKSUM_DIGITS);
        return;
    }
}

/* What the last input left; made anew when one was loaded. */
static struct {
    bool made;
    small_run run;
    unsigned char *before;
    size_t size;
} target;

static void renew(void)
{
    if (target.made) {
        free(target.before);
        small_destroy(&target.run);
    }
    target.run = small_create((small_options){.weights_seed = 9});
    target.before = small_bytes(&target.run, &target.size);
    target.made = true;
}

static void require_unchanged(void)
{
    size_t size;
    unsigned char *now = small_bytes(&target.run, &size);
    require(size == target.size && memcmp(now, target.before, size) == 0);
    free(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(size + 1);
    require(file != NULL);
    if (size > 0)
        memcpy(file, data, size);
    mend_checksum(file, size);
    const char *path = fuzz_file(file, size);
    free(file);
    if (!target.made)
        renew();
    tn_checkpoint checkpoint = small_checkpoint(&target.run);
    checkpoint.force = size > LENGTH_BYTES && data[size - 1] % 2 != 0;
    tn_status status = tn_checkpoint_load(path, &checkpoint);
    if (status != TN_OK) {
        require_refusal(status, path);
        require_unchanged();
        status = tn_model_load(target.run.model, path, true);
        if (status != TN_OK)
            require_unchanged();
    }
    if (status == TN_OK)
        renew();
    return 0;
}

/* The run lives as long as the process; what it holds is no leak. */
static void __attribute__((destructor)) end(void)
{
    if (target.made) {
        free(target.before);
        small_destroy(&target.run);
    }
}
