/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Every struct of options whose size was never set is refused by its name, every allocator that can take memory but
 * not give it back too; and numbers of enumerations that they have not, ranks and sizes at the edge of what fits. */
#include "bad_input.h"

#include <math.h>

#define UNSET(type) (&(const type){.struct_size = 1})
#define unset(call, type) ck_fails(call, TN_ERR_INVALID, #type)
#define no_layer(call, text)                                                                                           \
    do {                                                                                                               \
        no_handle(call);                                                                                               \
        ck_assert_msg(strstr(tn_last_error(), text) != NULL, "%s: \"%s\" lacks \"%s\"", #call, tn_last_error(), text); \
    } while (0)

static void *no_memory(void *context, size_t size, size_t alignment)
{
    (void)context;
    (void)size;
    (void)alignment;
    return NULL;
}

static const tn_allocator half = {no_memory, NULL, NULL};

/* The first of all: a net that is NULL because a layer was refused is told as that. */
START_TEST(test_no_net)
{
    tn_model *model = UNTOUCHED(tn_model);
    ck_fails(tn_model_create(NULL, &flat, &model), TN_ERR_INVALID, "net is NULL");
    ck_assert_ptr_eq(model, UNTOUCHED(tn_model));
}
END_TEST

START_TEST(test_unset_sizes)
{
    tn_model *model = NULL;
    tn_session *session = UNTOUCHED(tn_session);
    tn_dataset *dataset = NULL;
    tn_loader *loader = UNTOUCHED(tn_loader);
    tn_plan *plan = UNTOUCHED(tn_plan);
    tn_tensor *x = floats(2, 2);
    double error;
    no_layer(tn_conv2d_create(UNSET(tn_conv2d_options)), "tn_conv2d_options");
    no_layer(tn_max_pool2d_create(UNSET(tn_pool2d_options)), "tn_pool2d_options");
    no_layer(tn_avg_pool2d_create(UNSET(tn_pool2d_options)), "tn_pool2d_options");
    no_layer(tn_dense_create(UNSET(tn_dense_options)), "tn_dense_options");
    no_layer(tn_dropout_create(UNSET(tn_dropout_options)), "tn_dropout_options");
    no_layer(tn_flatten_create(UNSET(tn_layer_options)), "tn_layer_options");
    no_layer(tn_activation_create(UNSET(tn_activation_options)), "tn_activation_options");
    no_layer(tn_sequential_create(UNSET(tn_layer_options), (tn_layer *[]){tn_flatten()}, 1), "tn_layer_options");
    no_layer(tn_mse_create(UNSET(tn_loss_options)), "tn_loss_options");
    no_layer(tn_sgd_create(UNSET(tn_sgd_options)), "tn_sgd_options");
    no_layer(tn_adam_create(UNSET(tn_adam_options)), "tn_adam_options");
    unset(tn_gradient_check(tn_flatten(), UNSET(tn_gradient_check_options), &error), tn_gradient_check_options);
    unset(tn_model_create(tn_flatten(), UNSET(tn_model_options), &model), tn_model_options);
    ck_fails(tn_model_create(tn_dense(.units = INT64_MAX / 2), &flat, &model), TN_ERR_OVERFLOW, "dense_1");
    ck_ok(tn_model_create(tn_dense(.units = 1), &flat, &model));
    unset(tn_session_create(model, UNSET(tn_session_options), &session), tn_session_options);
    unset(tn_model_plan(tn_model_layer(model), &flat, UNSET(tn_session_options), &plan), tn_session_options);
    ck_ok(tn_dataset_from_tensors(NULL, x, x, &dataset));
    unset(tn_loader_create(dataset, UNSET(tn_loader_options), &loader), tn_loader_options);
    ck_fails(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 1, .resize_height = -1), &loader),
             TN_ERR_INVALID, "resize");
    ck_fails(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 1, .resize_width = -1), &loader),
             TN_ERR_INVALID, "resize");
    ck_assert(session == UNTOUCHED(tn_session) && loader == UNTOUCHED(tn_loader) && plan == UNTOUCHED(tn_plan));
    tn_dataset_destroy(&dataset);
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
}
END_TEST

START_TEST(test_half_allocators)
{
    const tn_model_options with_half = {.struct_size = sizeof with_half, .input_shape = {2}, .allocator = &half};
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_dataset *dataset = NULL;
    tn_stop *stop = NULL;
    tn_tensor *x = floats(2, 2);
    no_layer(tn_conv2d(.filters = 1, .kernel_size = 1, .allocator = &half), "release is NULL");
    no_layer(tn_dense(.units = 1, .allocator = &half), "release is NULL");
    no_layer(tn_mse(.allocator = &half), "release is NULL");
    no_layer(tn_sgd(.learning_rate = 1, .allocator = &half), "release is NULL");
    ck_fails(tn_model_create(tn_dense(.units = 1), &with_half, &model), TN_ERR_INVALID, "release is NULL");
    ck_ok(tn_model_create(tn_dense(.units = 1), &flat, &model));
    ck_fails(tn_session_create(model, TN_OPTIONS(tn_session_options, .allocator = &half), &session), TN_ERR_INVALID,
             "release is NULL");
    ck_fails(tn_dataset_from_tensors(&half, x, x, &dataset), TN_ERR_INVALID, "release is NULL");
    ck_fails(tn_stop_create(&half, &stop), TN_ERR_INVALID, "release is NULL");
    ck_assert(session == NULL && dataset == NULL && stop == NULL);
    tn_model_destroy(&model);
    tn_tensor_destroy(&x);
}
END_TEST

START_TEST(test_layer_numbers)
{
    double error;
    no_layer(tn_dense(.units = 1, .activation = (tn_activation)-1), "activation");
    no_layer(tn_conv2d(.filters = 1, .kernel_size = 1, .padding = (tn_padding)-1), "padding");
    for (int64_t size = 2; size <= 3; size++) {
        ck_assert_ptr_null(tn_conv2d(.filters = 1, .kernel_size = size, .dilation = INT64_MAX));
        ck_assert_int_eq(tn_last_status(), TN_ERR_OVERFLOW);
    }
    no_layer(tn_flatten(.name = "brace{"), "character 0x7b");
    no_layer(tn_flatten(.name = "at@"), "character 0x40");
    no_layer(tn_flatten(.name = "back`"), "character 0x60");
    no_layer(tn_flatten(.name = "colon:"), "character 0x3a");
    no_layer(tn_sgd(.learning_rate = 1, .dampening = 2), "dampening");
    no_layer(tn_sgd(.learning_rate = 1, .schedule = {.kind = TN_SCHEDULE_STEP, .period = 1, .gamma = -1}), "gamma");
    no_layer(tn_softmax_cross_entropy(.class_weights = (const float[]){INFINITY}, .class_count = 1),
             "class_weights[0]");
    no_layer(tn_avg_pool2d(.pool_size = 2, .dilation_width = 2), "dilation");
    no_layer(tn_avg_pool2d(.pool_size = 2, .dilation_height = 2), "dilation");
    no_layer(tn_activation_layer(.activation = TN_SOFTMAX, .axis = -TN_MAX_RANK), "axis");
    no_layer(tn_activation_layer(.activation = TN_SOFTMAX, .axis = TN_MAX_RANK), "axis");
    no_layer(tn_mse(.reduction = (tn_reduction)-1), "reduction");
    no_layer(tn_mse(.class_count = 2), "class_weights");
    no_layer(tn_mse(.class_weights = (const float[]){1, 1}), "class_weights");
    static const tn_gradient_check_options bad[] = {
        {.input_shape = {9, {1}}},
        {.input_shape = {2, {1, 0}}},
        {.input_shape = {2, {1, 1}}, .epsilon = 1.0},
        {.input_shape = {2, {1, 1}}, .epsilon = -0.1},
        {.input_shape = {2, {1, 1}}, .samples = -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tn_gradient_check_options options = bad[i];
        options.struct_size = sizeof options;
        ck_fails(tn_gradient_check(tn_flatten(), &options, &error), TN_ERR_INVALID, "tn_gradient_check");
    }
}
END_TEST

/* --- the caller's own things, which are taken over and given back on failure too */

static int destroyed;

static void count_destroy(void *self)
{
    (void)self;
    destroyed++;
}

static tn_status infer_same(const void *self, const tn_shape *in, tn_shape *out)
{
    (void)self;
    *out = *in;
    return TN_OK;
}

static tn_status forward_nothing(const void *self, const tn_layer_call *call)
{
    (void)self;
    (void)call;
    return TN_OK;
}

static const tn_layer_ops nothing = {.struct_size = sizeof nothing,
                                     .kind = "nothing",
                                     .infer = infer_same,
                                     .forward = forward_nothing,
                                     .destroy = count_destroy};

START_TEST(test_custom_layers)
{
    tn_layer_ops ops = nothing, newer = nothing;
    destroyed = 0;
    no_layer(tn_custom_create(&ops, NULL, UNSET(tn_layer_options)), "tn_layer_options");
    ck_assert_int_eq(destroyed, 1);
    ops.infer = NULL;
    no_layer(tn_custom_create(&ops, NULL, NULL), "infer");
    ck_assert_int_eq(destroyed, 2);
    newer.struct_size = 100000;
    no_layer(tn_custom_create(&newer, NULL, NULL), "tn_layer_ops");
    ck_assert_int_eq(destroyed, 3);
    ops.destroy = NULL;
    no_layer(tn_custom_create(&ops, NULL, NULL), "infer");
    ops.struct_size = 1; /* there is no destroy for all that it says */
    ops.destroy = count_destroy;
    no_layer(tn_custom_create(&ops, NULL, NULL), "tn_layer_ops");
    no_layer(tn_custom_create(NULL, NULL, NULL), "ops is NULL");
    ck_assert_int_eq(destroyed, 3);
    ops = nothing;
    ops.destroy = NULL;
    tn_layer *layer = tn_custom_create(&ops, NULL, NULL);
    ck_assert_ptr_nonnull(layer);
    tn_layer_destroy(&layer);
    tn_layer_destroy(&layer);
    ck_assert_int_eq(destroyed, 3);
}
END_TEST

/* What the functions of a layer say that is not so. */
typedef struct liar {
    tn_shape out;
    tn_parameter_spec spec;
    tn_status forward;
} liar;

static tn_status infer_lie(const void *self, const tn_shape *in, tn_shape *out)
{
    (void)in;
    *out = ((const liar *)self)->out;
    return TN_OK;
}

static tn_status lie_of_parameter(const void *self, const tn_shape *in, int index, tn_parameter_spec *out)
{
    (void)in;
    *out = ((const liar *)self)->spec;
    return index == 0 ? TN_OK : TN_NOT_FOUND;
}

START_TEST(test_lies)
{
    const liar honest = {.out = {2, {1, 2}}, .spec = {"weight", {1, {3}}, 0.5f}};
    liar lies[] = {honest, honest, honest, honest, honest, honest, honest};
    const tn_status expected[] = {TN_OK,          TN_ERR_SHAPE,   TN_ERR_SHAPE, TN_ERR_INVALID,
                                  TN_ERR_INVALID, TN_ERR_INVALID, TN_ERR_SHAPE};
    const tn_layer_ops ops = {.struct_size = sizeof ops,
                              .kind = "liar",
                              .infer = infer_lie,
                              .parameter = lie_of_parameter,
                              .forward = forward_nothing};
    lies[1].out.rank = 0;
    lies[2].spec.shape.rank = -1;
    lies[3].spec.name = NULL;
    lies[4].spec.init_limit = INFINITY;
    lies[5].spec.init_limit = NAN;
    lies[6].spec.shape.dims[0] = 0;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        tn_model *model = NULL;
        tn_status status = tn_model_create(tn_custom_create(&ops, &lies[i], NULL), &flat, &model);
        ck_assert_msg(status == expected[i], "lie %zu: %s, %s", i, tn_status_name(status), tn_last_error());
        ck_assert(status == TN_OK || strstr(tn_last_error(), "liar_1") != NULL);
        tn_model_destroy(&model);
    }
}
END_TEST

static tn_status read_zero(void *context, int64_t index, void *sample, void *target)
{
    if (context != NULL && index == 2)
        return tn_fail(TN_ERR_IO, "sample 2 is not to be had");
    *(float *)sample = 0.0f;
    *(int32_t *)target = 0;
    return TN_OK;
}

static tn_status read_zero_pair(void *context, int64_t index, void *sample, void *target)
{
    ((float *)sample)[1] = 0.0f;
    return read_zero(context, index, sample, target);
}

START_TEST(test_sources)
{
    const tn_dataset_source good = {.struct_size = sizeof good,
                                    .count = 3,
                                    .sample_rank = 1,
                                    .sample_dims = {1},
                                    .target_dtype = TN_I32,
                                    .read = read_zero,
                                    .destroy = count_destroy};
    tn_dataset_source bad = good;
    tn_dataset *dataset = NULL;
    destroyed = 0;
    bad.struct_size = 100000;
    unset(tn_dataset_from_source(NULL, &bad, &dataset), tn_dataset_source);
    ck_assert_int_eq(destroyed, 1);
    bad.destroy = NULL;
    unset(tn_dataset_from_source(NULL, &bad, &dataset), tn_dataset_source);
    bad = good;
    bad.struct_size = 1;
    unset(tn_dataset_from_source(NULL, &bad, &dataset), tn_dataset_source);
    ck_assert_int_eq(destroyed, 1);
    bad = good;
    bad.target_rank = TN_MAX_RANK;
    ck_fails(tn_dataset_from_source(NULL, &bad, &dataset), TN_ERR_INVALID, "target");
    ck_assert_int_eq(destroyed, 2);
    bad = good;
    bad.target_dtype = TN_F32;
    bad.target_rank = 2;
    bad.target_dims[0] = bad.target_dims[1] = INT64_MAX / 2;
    ck_fails(tn_dataset_from_source(NULL, &bad, &dataset), TN_ERR_OVERFLOW, "");
    ck_assert_int_eq(destroyed, 3);
    ck_fails(tn_dataset_from_source(&half, &good, &dataset), TN_ERR_INVALID, "release is NULL");
    ck_assert_int_eq(destroyed, 4);
    ck_ok(tn_dataset_from_source(NULL, &good, &dataset));
    tn_dataset_destroy(&dataset);
    ck_assert_int_eq(destroyed, 5);
}
END_TEST

/* --- what a loss may give */

START_TEST(test_loss_results)
{
    tn_loss *classes = tn_softmax_cross_entropy(), *squares = tn_mse();
    tn_tensor *output = floats(2, 3), *gradient = floats(2, 3), *cube = NULL, *labels = NULL, *three = NULL,
              *bytes = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, (const int64_t[]){2, 1, 3}, &cube));
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, (const int64_t[]){2, 3}, &bytes));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){2}, &labels));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){3}, &three));
    const tn_loss_results all = {.struct_size = sizeof all, .gradient = gradient};
    ck_fails(tn_loss_compute(classes, output, labels, UNSET(tn_loss_results)), TN_ERR_INVALID, "tn_loss_results");
    ck_fails(tn_loss_compute(classes, cube, labels, &all), TN_ERR_SHAPE, "[2,1,3]");
    ck_fails(tn_loss_compute(classes, output, three, &all), TN_ERR_SHAPE, "[3]");
    tn_tensor *column = NULL;
    ck_ok(tn_tensor_reshape(labels, 2, (const int64_t[]){2, 1}, &column));
    ck_fails(tn_loss_compute(classes, output, column, &all), TN_ERR_SHAPE, "[2,1]");
    ck_fails(tn_loss_compute(classes, output, labels, TN_OPTIONS(tn_loss_results, .gradient = bytes)), TN_ERR_TYPE,
             "u8");
    ck_fails(tn_loss_compute(squares, output, gradient, TN_OPTIONS(tn_loss_results, .gradient = cube)), TN_ERR_SHAPE,
             "[2,1,3]");
    ck_fails(tn_loss_compute(squares, output, cube, &all), TN_ERR_SHAPE, "the same shape");
    const struct {
        const tn_loss *loss;
        const tn_tensor *target;
        tn_loss_results results;
    } over[] = {
        {squares, gradient, {.gradient = gradient}},
        {squares, gradient, {.values = output}},
        {squares, gradient, {.values = gradient}},
        {squares, cube, {.gradient = gradient, .values = gradient}},
        {classes, labels, {.log_probabilities = output}},
        {classes, labels, {.gradient = gradient, .log_probabilities = gradient}},
    };
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
        tn_loss_results results = over[i].results;
        tn_tensor *target = NULL;
        results.struct_size = sizeof results;
        const tn_tensor *given = over[i].target;
        if (given == cube) { /* memory of its own in the output's shape */
            ck_ok(tn_tensor_reshape(cube, 2, (const int64_t[]){2, 3}, &target));
            given = target;
        }
        ck_fails(tn_loss_compute(over[i].loss, output, given, &results), TN_ERR_INVALID, "overlap");
        tn_tensor_destroy(&target);
    }
    tn_tensor_destroy(&output);
    tn_tensor_destroy(&gradient);
    tn_tensor_destroy(&cube);
    tn_tensor_destroy(&bytes);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&three);
    tn_tensor_destroy(&column);
    tn_loss_destroy(&classes);
    tn_loss_destroy(&squares);
}
END_TEST

/* --- a run whose parts do not fit */

START_TEST(test_fit_parts)
{
    tn_tensor *x = floats(8, 2), *labels = NULL, *wide = floats(8, 5);
    tn_dataset *data = NULL, *other = NULL;
    tn_loader *train = NULL, *test = NULL;
    tn_model *model = NULL;
    tn_session *session = NULL;
    tn_loss *loss = tn_softmax_cross_entropy();
    tn_optimizer *optimizer = tn_sgd(.learning_rate = 0.1);
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, (const int64_t[]){8}, &labels));
    ck_ok(tn_dataset_from_tensors(NULL, x, labels, &data));
    ck_ok(tn_dataset_from_tensors(NULL, wide, labels, &other));
    ck_ok(tn_loader_create(data, TN_OPTIONS(tn_loader_options, .batch_size = 4), &train));
    ck_ok(tn_loader_create(other, TN_OPTIONS(tn_loader_options, .batch_size = 4), &test));
    ck_ok(tn_model_create(tn_dense(.units = 3), &flat, &model));
    ck_ok(tn_session_create(model, TN_OPTIONS(tn_session_options, .batch_size = 4, .training = true), &session));
    unset(tn_fit(session, loss, optimizer, train, UNSET(tn_fit_options)), tn_fit_options);
    ck_fails(tn_fit(session, loss, optimizer, train, TN_OPTIONS(tn_fit_options, .epochs = 1, .test = train)),
             TN_ERR_INVALID, "same loader");
    ck_fails(tn_fit(session, loss, optimizer, train, TN_OPTIONS(tn_fit_options, .epochs = 1, .test = test)),
             TN_ERR_SHAPE, "test");
    ck_assert_int_eq(tn_optimizer_step_count(optimizer), 0);
    /* what turns up on the way */
    tn_metrics metrics = {.count = -7};
    tn_loader_destroy(&train);
    ((int32_t *)tn_tensor_data(labels))[2] = 5;
    ck_ok(tn_loader_create(data, TN_OPTIONS(tn_loader_options, .batch_size = 4), &train));
    ck_fails(tn_fit(session, loss, optimizer, train, TN_OPTIONS(tn_fit_options, .epochs = 1)), TN_ERR_INVALID, "5");
    ck_fails(tn_evaluate(session, loss, train, NULL, &metrics), TN_ERR_INVALID, "5");
    tn_loader_destroy(&train);
    tn_dataset_destroy(&data);
    const tn_dataset_source broken = {.struct_size = sizeof broken,
                                      .count = 3,
                                      .sample_rank = 1,
                                      .sample_dims = {2},
                                      .target_dtype = TN_I32,
                                      .read = read_zero_pair,
                                      .context = &metrics};
    ck_ok(tn_dataset_from_source(NULL, &broken, &data));
    ck_ok(tn_loader_create(data, TN_OPTIONS(tn_loader_options, .batch_size = 1), &train));
    ck_fails(tn_fit(session, loss, optimizer, train, TN_OPTIONS(tn_fit_options, .epochs = 1)), TN_ERR_IO, "sample 2");
    ck_fails(tn_evaluate(session, loss, train, NULL, &metrics), TN_ERR_IO, "sample 2");
    ck_assert_int_eq(metrics.count, -7);
    tn_session_destroy(&session);
    tn_model_destroy(&model);
    tn_loader_destroy(&train);
    tn_loader_destroy(&test);
    tn_dataset_destroy(&data);
    tn_dataset_destroy(&other);
    tn_loss_destroy(&loss);
    tn_optimizer_destroy(&optimizer);
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&wide);
}
END_TEST

TN_SUITE("bad options", {test_no_net}, {test_unset_sizes}, {test_half_allocators}, {test_layer_numbers},
         {test_custom_layers}, {test_lies}, {test_sources}, {test_loss_results}, {test_fit_parts})
