/** jax-js's side of the training-step bench: the whole step under `jit`, on its WebAssembly device. */
import type { ModelSettings } from "../train-step/models.ts";
import { adamW } from "./adamw-rates.ts";
import type { Jax, JaxArray, JaxTree } from "./jax-api.ts";
import { type JaxModel, jaxModel } from "./jax-models.ts";
import { type NodePeer, runPeer, type Trainee } from "./measured-run.ts";
import { loadPeer } from "./peer-packages.ts";
import { endWorkers, provideWorkers } from "./web-worker.ts";

await runPeer(async ({ mode, threads }): Promise<NodePeer> => {
  // The library looks for workers when it is loaded. Node has none under that name: by default it runs on one thread.
  if (mode === "wasm-threads") provideWorkers(threads);
  const { module, version } = loadPeer("@jax-js/jax");
  return { name: () => `jax-js ${version}`, build: async (model) => trainee(module as Jax, model) };
});

function trainee(jax: Jax, model: ModelSettings): Trainee {
  const { family } = model;
  if (family !== "gpt" && family !== "lstm") throw new Error(`jax-js is not benched on ${family}`);
  const { params, loss } = jaxModel(jax, { ...model, family });
  const step = jax.jit(trainStep(jax, loss));
  const zeros = () => jax.tree.map((leaf) => jax.numpy.zeros(leaf.shape), params);
  let s = { params, first: zeros(), second: zeros() };
  let steps = 0;
  return {
    params: jax.tree.leaves(params).reduce((sum, leaf) => sum + leaf.shape.reduce((a, b) => a * b, 1), 0),
    async step({ inputs_BT, targets_BT }) {
      steps++;
      const ids = [inputs_BT, targets_BT].map((values) =>
        jax.numpy.array(values).reshape([model.batch, model.context]),
      );
      const unbias = [adamW.beta1, adamW.beta2].map((beta) => jax.numpy.array(1 / (1 - beta ** steps)));
      const { value, ...next } = step(s.params, s.first, s.second, ids[0]!, ids[1]!, unbias[0]!, unbias[1]!);
      s = next;
      return (await value.data())[0]!;
    },
    close: endWorkers,
  };
}

type Params = JaxModel["params"];

/** Gradients, clipping by global norm and AdamW (Loshchilov and Hutter 2019) as one traced function. */
function trainStep({ numpy: np, tree, valueAndGrad }: Jax, loss: JaxModel["loss"]) {
  const differentiate = valueAndGrad(loss);
  const clip = (gradients: Params) => {
    const squares = tree.leaves(tree.ref(gradients)).map((gradient) => np.square(gradient).sum());
    const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
    const scale = np.minimum(np.array(adamW.clip).div(norm.add(1e-6)), 1);
    const clipped = tree.map((gradient) => gradient.mul(scale.ref), gradients);
    scale.dispose();
    return clipped;
  };
  const average = (old: JaxArray, now: JaxArray, beta: number) => old.mul(beta).add(now.mul(1 - beta));
  return (p: Params, m: Params, v: Params, ids: JaxArray, targets: JaxArray, unbias1: JaxArray, unbias2: JaxArray) => {
    const [value, gradients] = differentiate(tree.ref(p), ids, targets);
    const clipped = clip(gradients);
    const first = tree.map((old, now) => average(old, now, adamW.beta1), m, tree.ref(clipped));
    const second = tree.map((old, now) => average(old, np.square(now), adamW.beta2), v, clipped);
    const update = (weight: JaxArray, mean: JaxArray, square: JaxArray) => {
      const change = mean.mul(unbias1.ref).div(np.sqrt(square.mul(unbias2.ref)).add(adamW.epsilon));
      return weight.mul(1 - adamW.learning * adamW.decay).sub(change.mul(adamW.learning));
    };
    const params = tree.map(update, p, tree.ref(first), tree.ref(second));
    for (const spent of [unbias1, unbias2]) spent.dispose();
    return { value, params, first, second } satisfies JaxTree;
  };
}
