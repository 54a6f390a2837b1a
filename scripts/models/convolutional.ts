import type { PublishedModel } from "./published-model.ts";

/** Convolutional nets over images among the published specs. */
export const convolutional: Readonly<Record<string, PublishedModel>> = {
  "resnet-20": {
    model: "ResNet-20 (CIFAR-10)",
    source: "https://arxiv.org/abs/1512.03385",
    tokens: 1,
    parameters: 269_722,
    figure: { text: "0.27M", value: 0.27e6 },
    formula: {
      "first convolution of 3 colours, and its norm": "9·3·16 + 2·16",
      "stage of 16 features: 6 convolutions, each with its norm": "6·(9·16·16 + 2·16)",
      "stage of 32 features: the first convolution from 16, then 5": "9·16·32 + 5·9·32·32 + 6·2·32",
      "stage of 64 features: the first convolution from 32, then 5": "9·32·64 + 5·9·64·64 + 6·2·64",
      "map to 10 classes": "64·10 + 10",
    },
    note: "shortcuts are the paper's option A, without parameters",
  },
  convnext: {
    model: "ConvNeXt-T",
    source: "https://huggingface.co/timm/convnext_tiny.fb_in1k",
    tokens: 1,
    parameters: 28_589_128,
    checkpoint: 28_589_128,
    note: "the last norm stands before the mean over the image here, behind it there",
  },
};
