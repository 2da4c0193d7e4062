/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The layer table.
 *  Source    LeCun et al., 1998 (LeNet); Krizhevsky et al., 2012 (AlexNet); Simonyan and Zisserman, 2014 (VGG-16); He
 * et al., 2015 (ResNet-18, ResNet-50); Howard et al., 2017 (MobileNet) */
#include "conv_layers.h"

#include <stddef.h>

/* name, size, channels, filters, kernel, stride, pad, groups, apart */
const conv_layer conv_layers[] = {
    /* AlexNet of the example: one channel, images of 224 */
    {"alexnet.conv1", 224, 1, 96, 11, 4, 0, 1, false},
    {"alexnet.conv2", 26, 96, 256, 5, 1, 2, 1, false},
    {"alexnet.conv3", 12, 256, 384, 3, 1, 1, 1, false},
    {"alexnet.conv4", 12, 384, 384, 3, 1, 1, 1, false},
    {"alexnet.conv5", 12, 384, 256, 3, 1, 1, 1, false},
    /* AlexNet as published, on two GPUs: two groups */
    {"alexnet12.conv1", 224, 3, 96, 11, 4, 2, 1, false},
    {"alexnet12.conv2", 27, 96, 256, 5, 1, 2, 2, false},
    {"alexnet12.conv3", 13, 256, 384, 3, 1, 1, 1, false},
    {"alexnet12.conv4", 13, 384, 384, 3, 1, 1, 2, false},
    {"alexnet12.conv5", 13, 384, 256, 3, 1, 1, 2, false},
    {"lenet.conv1", 28, 1, 6, 5, 1, 2, 1, false},
    {"lenet.conv2", 14, 6, 16, 5, 1, 0, 1, false},
    {"vgg.conv1_1", 224, 3, 64, 3, 1, 1, 1, false},
    {"vgg.conv1_2", 224, 64, 64, 3, 1, 1, 1, false},
    {"vgg.conv2_1", 112, 64, 128, 3, 1, 1, 1, false},
    {"vgg.conv2_2", 112, 128, 128, 3, 1, 1, 1, false},
    {"vgg.conv3_1", 56, 128, 256, 3, 1, 1, 1, false},
    {"vgg.conv3_2", 56, 256, 256, 3, 1, 1, 1, false},
    {"vgg.conv4_1", 28, 256, 512, 3, 1, 1, 1, false},
    {"vgg.conv4_2", 28, 512, 512, 3, 1, 1, 1, false},
    {"vgg.conv5", 14, 512, 512, 3, 1, 1, 1, false},
    {"resnet.conv1", 224, 3, 64, 7, 2, 3, 1, false},
    {"resnet18.layer1", 56, 64, 64, 3, 1, 1, 1, false},
    {"resnet18.layer2.0", 56, 64, 128, 3, 2, 1, 1, false},
    {"resnet18.layer2", 28, 128, 128, 3, 1, 1, 1, false},
    {"resnet18.layer3.0", 28, 128, 256, 3, 2, 1, 1, false},
    {"resnet18.layer3", 14, 256, 256, 3, 1, 1, 1, false},
    {"resnet18.layer4.0", 14, 256, 512, 3, 2, 1, 1, false},
    {"resnet18.layer4", 7, 512, 512, 3, 1, 1, 1, false},
    {"resnet18.down2", 56, 64, 128, 1, 2, 0, 1, false},
    {"resnet18.down3", 28, 128, 256, 1, 2, 0, 1, false},
    {"resnet18.down4", 14, 256, 512, 1, 2, 0, 1, false},
    {"resnet50.layer1.in", 56, 64, 64, 1, 1, 0, 1, false},
    {"resnet50.layer1.out", 56, 64, 256, 1, 1, 0, 1, false},
    {"resnet50.layer1.next", 56, 256, 64, 1, 1, 0, 1, false},
    {"resnet50.layer2.in", 56, 256, 128, 1, 1, 0, 1, false},
    {"resnet50.layer2.3x3", 56, 128, 128, 3, 2, 1, 1, false},
    {"resnet50.layer2.out", 28, 128, 512, 1, 1, 0, 1, false},
    {"resnet50.layer2.next", 28, 512, 128, 1, 1, 0, 1, false},
    {"resnet50.layer3.3x3", 28, 256, 256, 3, 2, 1, 1, false},
    {"resnet50.layer3.out", 14, 256, 1024, 1, 1, 0, 1, false},
    {"resnet50.layer3.next", 14, 1024, 256, 1, 1, 0, 1, false},
    {"resnet50.layer4.3x3", 14, 512, 512, 3, 2, 1, 1, false},
    {"resnet50.layer4.out", 7, 512, 2048, 1, 1, 0, 1, false},
    {"resnet50.layer4.next", 7, 2048, 512, 1, 1, 0, 1, false},
    {"resnet50.down2", 56, 256, 512, 1, 2, 0, 1, false},
    {"resnet50.down3", 28, 512, 1024, 1, 2, 0, 1, false},
    {"resnet50.down4", 14, 1024, 2048, 1, 2, 0, 1, false},
    /* numbers that fill no vector */
    {"odd.1x1", 31, 37, 53, 1, 1, 0, 1, false},
    {"odd.3x3", 31, 37, 53, 3, 1, 1, 1, false},
    {"odd.5x5", 31, 37, 53, 5, 1, 2, 1, false},
    {"odd.7x7", 31, 37, 53, 7, 1, 3, 1, false},
    {"odd.3x3.by3", 31, 37, 53, 3, 3, 1, 1, false},
    /* MobileNet: as many groups as channels, which is no product of matrices */
    {"depthwise.112", 112, 32, 32, 3, 1, 1, 32, true},
    {"depthwise.56.by2", 56, 128, 128, 3, 2, 1, 128, true},
    {"depthwise.14", 14, 512, 512, 3, 1, 1, 512, true},
    {.name = NULL},
};

tn_conv_shape conv_layer_shape(const conv_layer *l, int64_t batch)
{
    int64_t out = (l->size + 2 * l->pad - l->kernel) / l->stride + 1;
    return (tn_conv_shape){.n = batch,
                           .h = l->size,
                           .w = l->size,
                           .c = l->channels,
                           .r = l->kernel,
                           .s = l->kernel,
                           .f = l->filters,
                           .oh = out,
                           .ow = out,
                           .stride_h = l->stride,
                           .stride_w = l->stride,
                           .dilation_h = 1,
                           .dilation_w = 1,
                           .pad_top = l->pad,
                           .pad_left = l->pad,
                           .groups = l->groups};
}

double conv_flops(const tn_conv_shape *s)
{
    return 2.0 * (double)(s->n * s->oh * s->ow) * (double)(s->r * s->s * s->f) * (double)(s->c / s->groups);
}
