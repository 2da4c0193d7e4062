/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A model's weights to and from files. */
#include "small_run.h"

static void expect_parameters(const tn_model *a, const tn_model *b, bool equal)
{
    for (size_t i = 0; i < tn_model_parameter_count(a); i++) {
        const char *name = tn_model_parameter_name(a, i);
        const tn_tensor *x, *y;
        if (strstr(name, "weight") == NULL)
            continue; /* biases start as zeros */
        ck_ok(tn_model_parameter(a, name, &x));
        ck_ok(tn_model_parameter(b, name, &y));
        ck_assert_uint_eq(tn_tensor_bytes(x), tn_tensor_bytes(y));
        int order = memcmp(tn_tensor_const_data(x), tn_tensor_const_data(y), tn_tensor_bytes(x));
        ck_assert_msg((order == 0) == equal, "%s", name);
    }
}

START_TEST(test_round_trip)
{
    tn_model *saved = small_model(3, 1), *loaded = small_model(3, 2);
    ck_ok(tn_model_save(saved, scratch("weights.st")));
    expect_parameters(saved, loaded, false);
    ck_ok(tn_model_load(loaded, scratch("weights.st"), false));
    expect_parameters(saved, loaded, true);
    tn_model_destroy(&saved);
    tn_model_destroy(&loaded);
}
END_TEST

START_TEST(test_by_name)
{
    tn_model *model = small_model(3, 1), *other = small_model(3, 2), *untouched = small_model(3, 1);
    static const char *const names[] = {"something.else", "dense_1.weight"};
    const tn_tensor *tensors[2], *now;
    ck_ok(tn_model_parameter(other, "conv2d_1.weight", &tensors[0]));
    ck_ok(tn_model_parameter(other, "dense_1.weight", &tensors[1]));
    ck_ok(tn_safetensors_save(scratch("some"), 2, names, tensors, NULL, 0));
    ck_fails(tn_model_load(model, scratch("some"), false), TN_NOT_FOUND, "some: has no tensor conv2d_1.weight");
    expect_parameters(model, untouched, true);
    ck_ok(tn_model_load(model, scratch("some"), true));
    ck_ok(tn_model_parameter(model, "dense_1.weight", &now));
    ck_assert_mem_eq(tn_tensor_const_data(now), tn_tensor_const_data(tensors[1]), tn_tensor_bytes(now));
    ck_ok(tn_safetensors_save(scratch("none"), 1, names, tensors, NULL, 0));
    ck_fails(tn_model_load(model, scratch("none"), true), TN_NOT_FOUND, "none: has no tensor of the model's");
    tn_model_destroy(&model);
    tn_model_destroy(&other);
    tn_model_destroy(&untouched);
}
END_TEST

/* A file of somebody else's with one tensor of 16 zero bytes. */
static const char *write_other(const char *dtype, const char *shape)
{
    unsigned char file[256] = {0};
    int length =
        snprintf((char *)file + 8, sizeof file - 24,
                 "{\"conv2d_1.bias\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[0,16]}}", dtype, shape);
    file[0] = (unsigned char)length;
    return write_bytes("other", file, 8 + (size_t)length + 16);
}

START_TEST(test_other_kinds)
{
    tn_model *model = small_model(3, 1), *untouched = small_model(3, 1);
    ck_fails(tn_model_load(model, write_other("F64", "2"), true), TN_ERR_TYPE,
             "conv2d_1.bias is F64, model expects F32");
    ck_fails(tn_model_load(model, write_other("F32", "1,1,1,1,1,1,1,1,4"), true), TN_ERR_UNSUPPORTED, "9 dimensions");
    ck_fails(tn_model_load(model, write_other("F32", "4"), true), TN_ERR_SHAPE,
             "conv2d_1.bias is [4], model expects [2]");
    expect_parameters(model, untouched, true);
    tn_model_destroy(&model);
    tn_model_destroy(&untouched);
}
END_TEST

/* A model without parameters has an empty file, in which a part of it is not to be found. */
START_TEST(test_no_parameters)
{
    tn_model *model = NULL;
    ck_ok(tn_model_create(tn_flatten(), TN_OPTIONS(tn_model_options, .input_shape = {2, 2, 1}), &model));
    ck_ok(tn_model_save(model, scratch("empty")));
    ck_ok(tn_model_load(model, scratch("empty"), false));
    ck_fails(tn_model_load(model, scratch("empty"), true), TN_NOT_FOUND, "has no tensor of the model's");
    tn_model_destroy(&model);
}
END_TEST

START_TEST(test_mismatch)
{
    tn_model *three = small_model(3, 1), *five = small_model(5, 2), *untouched = small_model(5, 2);
    tn_tensor *integers = NULL;
    static const char *const name = "conv2d_1.bias";
    ck_ok(tn_model_save(three, scratch("weights.st")));
    ck_fails(tn_model_load(five, scratch("weights.st"), false), TN_ERR_SHAPE,
             "weights.st: tensor conv2d_1.weight is [3,3,1,2], model expects [5,5,1,2]");
    ck_fails(tn_model_load(five, scratch("weights.st"), true), TN_ERR_SHAPE, "conv2d_1.weight");
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){2}, &integers));
    ck_ok(tn_safetensors_save(scratch("integers"), 1, &name, (const tn_tensor *const[]){integers}, NULL, 0));
    ck_fails(tn_model_load(five, scratch("integers"), true), TN_ERR_TYPE, "conv2d_1.bias is I32, model expects F32");
    expect_parameters(five, untouched, true);
    tn_tensor_destroy(&integers);
    tn_model_destroy(&three);
    tn_model_destroy(&five);
    tn_model_destroy(&untouched);
}
END_TEST

START_TEST(test_arguments)
{
    tn_model *model = small_model(3, 1);
    ck_fails(tn_model_save(NULL, "x"), TN_ERR_INVALID, "model");
    ck_fails(tn_model_save(model, NULL), TN_ERR_INVALID, "path");
    ck_fails(tn_model_load(NULL, "x", false), TN_ERR_INVALID, "model");
    ck_fails(tn_model_load(model, NULL, false), TN_ERR_INVALID, "path");
    ck_fails(tn_model_load(model, scratch("missing"), false), TN_ERR_IO, "No such file");
    ck_fails(tn_model_save(model, scratch("missing/x")), TN_ERR_IO, "No such file");
    tn_model_destroy(&model);
}
END_TEST

static tn_model *target, *untouched;
static bool partial;

static tn_status load_damaged(const tn_allocator *allocator, const char *path)
{
    (void)allocator;
    tn_status status = tn_model_load(target, path, partial);
    expect_parameters(target, untouched, true);
    return status;
}

/* A damaged file of ours changes nothing, also where a part of it would do. */
START_TEST(test_damage)
{
    tn_model *saved = small_model(3, 1);
    size_t size;
    ck_ok(tn_model_save(saved, scratch("weights.st")));
    unsigned char *file = read_bytes(scratch("weights.st"), &size);
    target = small_model(3, 2), untouched = small_model(3, 2), partial = _i == 1;
    damage_truncate(load_damaged, file, size);
    damage_flip(load_damaged, file, size, false);
    free(file);
    tn_model_destroy(&saved);
    tn_model_destroy(&target);
    tn_model_destroy(&untouched);
}
END_TEST

TN_SUITE("weights", {test_round_trip}, {test_by_name}, {test_mismatch}, {test_other_kinds}, {test_no_parameters},
         {test_arguments}, TN_LOOPED(test_damage, 2))
