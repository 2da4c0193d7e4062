/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A source that fails: its status and its words reach whoever asks for that batch, not earlier, and the loader can go
 *  on. Each with and without the thread. */
#include "samples.h"

#define BOTH 2 /* loops: _i is without_thread */

typedef struct failing {
    int64_t at;       /* sample that fails */
    int times;        /* how often it does; -1: always */
    tn_status status; /* with */
    const char *text; /* NULL: says nothing */
} failing;

static tn_status read_or_fail(void *context, int64_t index, void *sample, void *target)
{
    failing *f = context;
    if (index == f->at && f->times != 0) {
        f->times -= f->times > 0;
        return f->text ? tn_fail(f->status, "sample %d: %s", (int)index, f->text) : f->status;
    }
    ((float *)sample)[0] = (float)index;
    ((float *)sample)[1] = (float)index + 0.5f;
    *(int32_t *)target = (int32_t)index;
    return TN_OK;
}

static tn_loader *failing_loader(failing *f, bool without_thread)
{
    const tn_dataset_source source = {.struct_size = sizeof source,
                                      .count = 10,
                                      .sample_rank = 1,
                                      .sample_dims = {2},
                                      .target_dtype = TN_I32,
                                      .read = read_or_fail,
                                      .context = f};
    tn_dataset *dataset = NULL;
    ck_ok(tn_dataset_from_source(NULL, &source, &dataset));
    return loader_over(dataset, (tn_loader_options){.batch_size = 3, .without_thread = without_thread});
}

START_TEST(test_error)
{
    failing f = {.at = 7, .times = -1, .status = TN_ERR_IO, .text = "the camera is unplugged"};
    tn_loader *loader = failing_loader(&f, _i);
    const tn_tensor *x = NULL, *y = NULL;
    for (int batch = 0; batch < 2; batch++) {
        ck_ok(tn_loader_next(loader, &x, &y)); /* sample 7 is being read ahead while the second one is here */
        ck_assert(tn_tensor_const_f32(x)[0] == (float)(3 * batch));
    }
    const tn_tensor *old_x = x, *old_y = y;
    for (int again = 0; again < 3; again++) {
        ck_fails(tn_fail(TN_ERR_INVALID, "something else"), TN_ERR_INVALID, "else");
        ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_IO, "sample 7: the camera is unplugged");
        ck_assert_int_eq(tn_last_status(), TN_ERR_IO);
        ck_assert_ptr_eq(x, old_x);
        ck_assert_ptr_eq(y, old_y);
        ck_assert_int_eq(tn_loader_batch(loader), 2);
    }
    ck_ok(tn_loader_start(loader, 1, 3)); /* past it */
    ck_assert_int_eq(read_rest(loader, NULL), 1);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_passing_error)
{
    failing f = {.at = 4, .times = 1, .status = TN_ERR_NO_MEMORY, .text = "try again"};
    tn_loader *loader = failing_loader(&f, _i);
    const tn_tensor *x = NULL, *y = NULL;
    int32_t order[10];
    ck_ok(tn_loader_next(loader, &x, &y));
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_NO_MEMORY, "try again");
    ck_assert_int_eq(read_rest(loader, order), 7);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(order[i], 3 + i);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_error_without_words)
{
    failing f = {.at = 0, .times = -1, .status = TN_ERR_UNSUPPORTED};
    tn_loader *loader = failing_loader(&f, _i);
    const tn_tensor *x = NULL, *y = NULL;
    ck_fails(tn_fail(TN_ERR_SHAPE, "old news"), TN_ERR_SHAPE, "old news");
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_UNSUPPORTED, "sample 0: its source gave TN_ERR_UNSUPPORTED");
    ck_assert_ptr_null(strstr(tn_last_error(), "old news"));
    ck_assert_ptr_null(x);
    tn_loader_destroy(&loader);
}
END_TEST

/** A second failure without words must not go by the words of the first. */
START_TEST(test_two_errors_without_words)
{
    failing f = {.at = 1, .times = 1, .status = TN_ERR_IO};
    tn_loader *loader = failing_loader(&f, true);
    const tn_tensor *x = NULL, *y = NULL;
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_IO, "sample 1: its source gave TN_ERR_IO");
    ck_ok(tn_loader_next(loader, &x, &y));
    f.at = 4;
    f.times = 1;
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_IO, "sample 4: its source gave TN_ERR_IO");
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_stopped_by_source)
{
    failing f = {.at = 1, .times = -1, .status = TN_STOPPED, .text = "enough"};
    tn_loader *loader = failing_loader(&f, _i);
    const tn_tensor *x = NULL, *y = NULL;
    ck_fails(tn_loader_next(loader, &x, &y), TN_STOPPED, "enough");
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_dropped_error)
{
    /* an error in a batch that nobody asked for is nobody's */
    failing f = {.at = 4, .times = -1, .status = TN_ERR_IO, .text = "never seen"};
    tn_loader *loader = failing_loader(&f, _i);
    const tn_tensor *x = NULL, *y = NULL;
    ck_ok(tn_loader_next(loader, &x, &y));
    ck_ok(tn_loader_start(loader, 0, 2));
    ck_assert_int_eq(read_rest(loader, NULL), 4);
    ck_ok(tn_loader_start(loader, 0, 1));
    tn_loader_destroy(&loader);
}
END_TEST

TN_SUITE("source_errors", TN_LOOPED(test_error, BOTH), TN_LOOPED(test_passing_error, BOTH),
         TN_LOOPED(test_error_without_words, BOTH), {test_two_errors_without_words},
         TN_LOOPED(test_stopped_by_source, BOTH), TN_LOOPED(test_dropped_error, BOTH))
