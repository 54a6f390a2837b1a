// Written by `npm run generate` from the components' declarations.
import { abc } from "../mixers/abc.ts";
import { attention } from "../mixers/attention.ts";
import { axialAttention } from "../mixers/axial-attention.ts";
import { baseConv } from "../mixers/base-conv.ts";
import { cab } from "../mixers/cab.ts";
import { cfc } from "../mixers/cfc.ts";
import { cfcWired } from "../mixers/cfc-wired.ts";
import { classAttention } from "../mixers/class-attention.ts";
import { collapsedAttention } from "../mixers/collapsed-attention.ts";
import { comba } from "../mixers/comba.ts";
import { convGlu } from "../mixers/conv-glu.ts";
import { conv2d } from "../mixers/conv2d.ts";
import { convnext } from "../mixers/convnext.ts";
import { crossAttention } from "../mixers/cross-attention.ts";
import { deformableConv2d } from "../mixers/deformable-conv2d.ts";
import { deltanet } from "../mixers/deltanet.ts";
import { differentialAttention } from "../mixers/differential-attention.ts";
import { dilatedConv } from "../mixers/dilated-conv.ts";
import { dynamicConv } from "../mixers/dynamic-conv.ts";
import { exponentialSmoothing } from "../mixers/exponential-smoothing.ts";
import { fnet } from "../mixers/fnet.ts";
import { focalModulation } from "../mixers/focal-modulation.ts";
import { forgettingAttention } from "../mixers/forgetting-attention.ts";
import { frequencyAttention } from "../mixers/frequency-attention.ts";
import { fsmn } from "../mixers/fsmn.ts";
import { gatedConvUnit } from "../mixers/gated-conv-unit.ts";
import { gatedDeltanet } from "../mixers/gated-deltanet.ts";
import { gatedDeltanet2 } from "../mixers/gated-deltanet-2.ts";
import { gatedDeltaproduct } from "../mixers/gated-deltaproduct.ts";
import { gateloop } from "../mixers/gateloop.ts";
import { gla } from "../mixers/gla.ts";
import { gmlp } from "../mixers/gmlp.ts";
import { gru } from "../mixers/gru.ts";
import { gsa } from "../mixers/gsa.ts";
import { gss } from "../mixers/gss.ts";
import { h3 } from "../mixers/h3.ts";
import { hgrn } from "../mixers/hgrn.ts";
import { hyena } from "../mixers/hyena.ts";
import { identity } from "../mixers/identity.ts";
import { kda } from "../mixers/kda.ts";
import { kernelizedAttention } from "../mixers/kernelized-attention.ts";
import { lightningAttention } from "../mixers/lightning-attention.ts";
import { linearAttention } from "../mixers/linear-attention.ts";
import { linearCrossAttention } from "../mixers/linear-cross-attention.ts";
import { linformer } from "../mixers/linformer.ts";
import { linformerCross } from "../mixers/linformer-cross.ts";
import { logLinearAttention } from "../mixers/log-linear-attention.ts";
import { longformer } from "../mixers/longformer.ts";
import { lru } from "../mixers/lru.ts";
import { lstm } from "../mixers/lstm.ts";
import { ltc } from "../mixers/ltc.ts";
import { mamba } from "../mixers/mamba.ts";
import { mamba2 } from "../mixers/mamba-2.ts";
import { mega } from "../mixers/mega.ts";
import { megaEma } from "../mixers/mega-ema.ts";
import { mesaNet } from "../mixers/mesa-net.ts";
import { minGru } from "../mixers/min-gru.ts";
import { minLstm } from "../mixers/min-lstm.ts";
import { mixedAttention } from "../mixers/mixed-attention.ts";
import { mla } from "../mixers/mla.ts";
import { mlstm } from "../mixers/mlstm.ts";
import { mlstm7b } from "../mixers/mlstm-7b.ts";
import { moa } from "../mixers/moa.ts";
import { momentumDeltanet } from "../mixers/momentum-deltanet.ts";
import { neuralCde } from "../mixers/neural-cde.ts";
import { nexusAttention } from "../mixers/nexus-attention.ts";
import { nystromAttention } from "../mixers/nystrom-attention.ts";
import { odeRnn } from "../mixers/ode-rnn.ts";
import { performer } from "../mixers/performer.ts";
import { performerCross } from "../mixers/performer-cross.ts";
import { pixelShuffle } from "../mixers/pixel-shuffle.ts";
import { pool2d } from "../mixers/pool2d.ts";
import { pooling } from "../mixers/pooling.ts";
import { premixAttention } from "../mixers/premix-attention.ts";
import { randomMixing } from "../mixers/random-mixing.ts";
import { reformer } from "../mixers/reformer.ts";
import { relativeKernelAttention } from "../mixers/relative-kernel-attention.ts";
import { resnetBlock } from "../mixers/resnet-block.ts";
import { retention } from "../mixers/retention.ts";
import { rgLru } from "../mixers/rg-lru.ts";
import { rnn } from "../mixers/rnn.ts";
import { rwkv4 } from "../mixers/rwkv-4.ts";
import { rwkv5 } from "../mixers/rwkv-5.ts";
import { rwkv6 } from "../mixers/rwkv-6.ts";
import { rwkv7 } from "../mixers/rwkv-7.ts";
import { rwkvChannelMix } from "../mixers/rwkv-channel-mix.ts";
import { s4 } from "../mixers/s4.ts";
import { s4d } from "../mixers/s4d.ts";
import { s5 } from "../mixers/s5.ts";
import { seriesActivation } from "../mixers/series-activation.ts";
import { shortConv } from "../mixers/short-conv.ts";
import { sinkhornAttention } from "../mixers/sinkhorn-attention.ts";
import { slstm } from "../mixers/slstm.ts";
import { spatialTransformer } from "../mixers/spatial-transformer.ts";
import { spectralConv } from "../mixers/spectral-conv.ts";
import { swishRnn } from "../mixers/swish-rnn.ts";
import { switchhead } from "../mixers/switchhead.ts";
import { synthesizer } from "../mixers/synthesizer.ts";
import { tcn } from "../mixers/tcn.ts";
import { tokenLinear } from "../mixers/token-linear.ts";
import { tokenMlp } from "../mixers/token-mlp.ts";
import { transientGlobal } from "../mixers/transient-global.ts";
import { transposedConv2d } from "../mixers/transposed-conv2d.ts";
import { tttLinearMixer } from "../mixers/ttt-linear.ts";
import { windowAttention } from "../mixers/window-attention.ts";
import { xca } from "../mixers/xca.ts";
import { yoso } from "../mixers/yoso.ts";

export const mixers = {
  abc,
  attention,
  "axial-attention": axialAttention,
  "base-conv": baseConv,
  cab,
  cfc,
  "cfc-wired": cfcWired,
  "class-attention": classAttention,
  "collapsed-attention": collapsedAttention,
  comba,
  "conv-glu": convGlu,
  conv2d,
  convnext,
  "cross-attention": crossAttention,
  "deformable-conv2d": deformableConv2d,
  deltanet,
  "differential-attention": differentialAttention,
  "dilated-conv": dilatedConv,
  "dynamic-conv": dynamicConv,
  "exponential-smoothing": exponentialSmoothing,
  fnet,
  "focal-modulation": focalModulation,
  "forgetting-attention": forgettingAttention,
  "frequency-attention": frequencyAttention,
  fsmn,
  "gated-conv-unit": gatedConvUnit,
  "gated-deltanet": gatedDeltanet,
  "gated-deltanet-2": gatedDeltanet2,
  "gated-deltaproduct": gatedDeltaproduct,
  gateloop,
  gla,
  gmlp,
  gru,
  gsa,
  gss,
  h3,
  hgrn,
  hyena,
  identity,
  kda,
  "kernelized-attention": kernelizedAttention,
  "lightning-attention": lightningAttention,
  "linear-attention": linearAttention,
  "linear-cross-attention": linearCrossAttention,
  linformer,
  "linformer-cross": linformerCross,
  "log-linear-attention": logLinearAttention,
  longformer,
  lru,
  lstm,
  ltc,
  mamba,
  "mamba-2": mamba2,
  mega,
  "mega-ema": megaEma,
  "mesa-net": mesaNet,
  "min-gru": minGru,
  "min-lstm": minLstm,
  "mixed-attention": mixedAttention,
  mla,
  mlstm,
  "mlstm-7b": mlstm7b,
  moa,
  "momentum-deltanet": momentumDeltanet,
  "neural-cde": neuralCde,
  "nexus-attention": nexusAttention,
  "nystrom-attention": nystromAttention,
  "ode-rnn": odeRnn,
  performer,
  "performer-cross": performerCross,
  "pixel-shuffle": pixelShuffle,
  pool2d,
  pooling,
  "premix-attention": premixAttention,
  "random-mixing": randomMixing,
  reformer,
  "relative-kernel-attention": relativeKernelAttention,
  "resnet-block": resnetBlock,
  retention,
  "rg-lru": rgLru,
  rnn,
  "rwkv-4": rwkv4,
  "rwkv-5": rwkv5,
  "rwkv-6": rwkv6,
  "rwkv-7": rwkv7,
  "rwkv-channel-mix": rwkvChannelMix,
  s4,
  s4d,
  s5,
  "series-activation": seriesActivation,
  "short-conv": shortConv,
  "sinkhorn-attention": sinkhornAttention,
  slstm,
  "spatial-transformer": spatialTransformer,
  "spectral-conv": spectralConv,
  "swish-rnn": swishRnn,
  switchhead,
  synthesizer,
  tcn,
  "token-linear": tokenLinear,
  "token-mlp": tokenMlp,
  "transient-global": transientGlobal,
  "transposed-conv2d": transposedConv2d,
  "ttt-linear": tttLinearMixer,
  "window-attention": windowAttention,
  xca,
  yoso,
} as const;
