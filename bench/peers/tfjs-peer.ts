/** TensorFlow.js's side of the training-step bench: its WebAssembly backend, which runs on one thread in Node. */
import { dirname } from "node:path";
import type { ModelSettings } from "../train-step/models.ts";
import { adamW } from "./adamw-rates.ts";
import { type NodePeer, runPeer, type Trainee } from "./measured-run.ts";
import { loadPeer } from "./peer-packages.ts";
import type { Tf, TfTensor, TfVariable, TfWasm } from "./tfjs-api.ts";
import { tfModel } from "./tfjs-models.ts";

await runPeer(async (): Promise<NodePeer> => {
  const { module, version } = loadPeer("@tensorflow/tfjs");
  const wasm = loadPeer("@tensorflow/tfjs-backend-wasm");
  const tf = module as Tf;
  (wasm.module as TfWasm).setWasmPaths(`${dirname(wasm.file)}/`);
  await tf.setBackend("wasm");
  return { name: () => `tfjs ${version}`, build: async (model) => trainee(tf, model) };
});

function trainee(tf: Tf, model: ModelSettings): Trainee {
  const { family, batch, context } = model;
  if (family !== "gpt" && family !== "lstm") throw new Error(`TensorFlow.js is not benched on ${family}`);
  const { variables, loss } = tfModel(tf, { ...model, family });
  const optimizer = adamWOf(tf, variables);
  return {
    params: variables.reduce((sum, variable) => sum + variable.size, 0),
    async step({ inputs_BT, targets_BT }) {
      const value = tf.tidy(() => {
        const ids = tf.tensor(inputs_BT, [batch, context]);
        const targets = tf.tensor(targets_BT, [batch, context]);
        return optimizer.step(() => loss(ids, targets));
      });
      const nats = (await value.data())[0]!;
      value.dispose();
      return nats;
    },
  };
}

/** Gradients, clipping by global norm and AdamW (Loshchilov and Hutter 2019); the library itself has Adam only. */
function adamWOf(tf: Tf, variables: TfVariable[]): { step(loss: () => TfTensor): TfTensor } {
  const moments = variables.map((variable) => ({
    first: tf.variable(tf.zerosLike(variable)),
    second: tf.variable(tf.zerosLike(variable)),
  }));
  let steps = 0;
  const update = (variable: TfVariable, gradient: TfTensor, { first, second }: (typeof moments)[number]) => {
    first.assign(first.mul(adamW.beta1).add(gradient.mul(1 - adamW.beta1)));
    second.assign(second.mul(adamW.beta2).add(gradient.square().mul(1 - adamW.beta2)));
    const root = second.mul(1 / (1 - adamW.beta2 ** steps)).sqrt();
    const change = first.mul(adamW.learning / (1 - adamW.beta1 ** steps)).div(root.add(adamW.epsilon));
    variable.assign(variable.mul(1 - adamW.learning * adamW.decay).sub(change));
  };
  const step = (loss: () => TfTensor) => {
    steps++;
    const { value, grads } = tf.variableGrads(loss, variables);
    const gradients = variables.map((variable) => grads[variable.name]!);
    const norm = tf.addN(gradients.map((gradient) => gradient.square().sum())).sqrt();
    const scale = tf.minimum(tf.scalar(adamW.clip).div(norm.add(1e-6)), 1);
    for (const [i, variable] of variables.entries()) update(variable, gradients[i]!.mul(scale), moments[i]!);
    return value;
  };
  return { step };
}
