/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Writes what read_by_others.py reads, into the directory WRITE_TO: a checkpoint, a model, and tensors of every type
 * as safetensors and .npy. The numbers are those of small_advance, and i * i - 7 for element i. */
#include "small_run.h"

static const char *in_directory(const char *name)
{
    static char path[1024];
    const char *directory = getenv("WRITE_TO");
    ck_assert_ptr_nonnull(directory);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

START_TEST(test_run)
{
    small_run run = small_create((small_options){.optimizer = "adam"});
    small_advance(&run);
    tn_checkpoint checkpoint = small_checkpoint(&run);
    const tn_metadata note = {"program.note", "quotes \" and \\ and \n and \xc3\xa9"};
    checkpoint.metadata = &note;
    checkpoint.metadata_count = 1;
    ck_ok(tn_checkpoint_save(in_directory("run.safetensors"), &checkpoint));
    ck_ok(tn_model_save(run.model, in_directory("model.safetensors")));
    small_destroy(&run);
}
END_TEST

START_TEST(test_types)
{
    static const char *const names[] = {"f32", "i32", "i64", "u8"};
    const int64_t dims[] = {2, 3, 1};
    tn_tensor *tensors[4] = {NULL};
    for (int t = 0; t < 4; t++) {
        char name[16];
        ck_ok(tn_tensor_create(NULL, (tn_dtype)t, 3, dims, &tensors[t]));
        for (int i = 0; i < 6; i++) {
            int value = i * i - 7;
            void *data = tn_tensor_data(tensors[t]);
            if (t == TN_F32)
                ((float *)data)[i] = (float)value;
            else if (t == TN_I32)
                ((int32_t *)data)[i] = value;
            else if (t == TN_I64)
                ((int64_t *)data)[i] = value;
            else
                ((uint8_t *)data)[i] = (uint8_t)value;
        }
        snprintf(name, sizeof name, "%s.npy", names[t]);
        ck_ok(tn_npy_save(in_directory(name), tensors[t]));
    }
    ck_ok(tn_safetensors_save(in_directory("types.safetensors"), 4, names, (const tn_tensor *const *)tensors, NULL, 0));
    for (int t = 0; t < 4; t++)
        tn_tensor_destroy(&tensors[t]);
}
END_TEST

TN_SUITE("write_for_python", {test_run}, {test_types})
