/** What tables, diagrams and messages say of a model's layers and parts. */
import { type Channel, type Family, families, type Mixer } from "../blocks/index.ts";
import { channelsOf, countOf, type Layer, partsOf } from "./layer.ts";
import type { LayerReport, PartReport } from "./model.ts";
import { needsOf, type Part, promises } from "./part.ts";
import type { Owners } from "./ties.ts";

/** A part's own parameters by name: none that it shares with an earlier one. */
function ownParameters({ path, storage, parameters }: Part, owners: Owners): Part["parameters"] {
  if (path !== storage) return {};
  const own = Object.entries(parameters).filter(([name]) => owners.get(`${path}.${name}`) === `${path}.${name}`);
  return Object.fromEntries(own);
}

/** Those of a layer's own parameters that do not act on every token. */
export const idleParameters = (layer: Layer, owners: Owners): number =>
  channelsOf(layer).reduce((sum, part) => {
    const own = countOf(ownParameters(part, owners));
    return sum + Math.max(0, own - activeParameters(part));
  }, 0);

function activeParameters({ component, d, c, parameters }: Part<Channel>): number {
  return component.activeParams?.(d, c) ?? countOf(parameters);
}

export function layerReport(layer: Layer, owners: Owners): LayerReport {
  const { path, mixer, cross, channel } = layer;
  const parameters = partsOf(layer).reduce((sum, part) => sum + countOf(ownParameters(part, owners)), 0);
  return {
    path,
    mixer: mixer.part.component.kind,
    ...(cross && { cross: cross.part.component.kind }),
    channel: channel?.part.component.kind ?? "none",
    parameters,
    activeParameters: parameters - idleParameters(layer, owners),
    sparse: channelsOf(layer)
      .filter((part) => activeParameters(part) < countOf(part.parameters))
      .map((part) => ({ path: part.path, activeParameters: activeParameters(part) })),
  };
}

export function partReport(part: Part): PartReport {
  const { component, where } = part;
  const { kind } = component;
  const all = Object.keys(families) as Family[];
  const family = all.find((name) => families[name][kind] === component);
  const { flow, length, state } = promises(part);
  const steps = family !== "mixers" || (state !== "none" && (component as Mixer).step !== undefined);
  const decodes = steps && (flow === "causal" || flow === "both");
  return { family, kind, where, flow, length, decodes, needs: needsOf(part) };
}
