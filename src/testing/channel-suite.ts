import type { Channel, Norm, ParameterDeclaration } from "../blocks/index.ts";
import type { NaiveTokensArguments, NaiveTokensResult, TokensRig } from "./channel-rig.ts";
import { runLaws } from "./law.ts";
import * as laws from "./laws/tokens.ts";
import { testedPart } from "./part.ts";

type Config = Record<string, unknown>;
type Params = Record<string, ParameterDeclaration>;

export interface TokensSuiteOptions<C, D, P> {
  /** Configs to test, each completed by the defaults. */
  configs: readonly Partial<C>[];
  /** The paper's equations as loops over nested arrays, in evaluation mode. */
  naive: (at: NaiveTokensArguments<C, D, P>) => NaiveTokensResult;
  width?: number;
  /** Width of the condition that it is given beside x; absent: none. */
  condition?: (c: C) => number;
}

/** Every law of channel mixers; which of them apply is decided by what is declared. */
const tokensLaws = Object.values(laws);

export function channelRig<C extends Config, D extends Config, P extends Params>(
  channel: Channel<C, D, P>,
  config: Partial<C>,
  { naive, width = 16, condition }: Omit<TokensSuiteOptions<C, D, P>, "configs">,
): TokensRig {
  const { kind, forward, reads, activeParams, capabilities, ...component } = channel as unknown as Channel;
  const part = testedPart({ kind, ...component }, config, (c) => component.dims(c, width));
  return {
    forward,
    reads,
    activeParams: activeParams?.(part.d, part.c),
    part,
    capabilities: typeof capabilities === "function" ? capabilities(part.c) : capabilities,
    naive: naive as unknown as TokensRig["naive"],
    width,
    condition: condition?.(part.c as C),
  };
}

/** Runs every law that the channel mixer's declared capabilities imply, for every config. */
export function channelSuite<C extends Config, D extends Config, P extends Params>(
  channel: Channel<C, D, P>,
  options: TokensSuiteOptions<C, D, P>,
): void {
  const rigs = options.configs.map((config) => ({
    label: JSON.stringify(config),
    rig: channelRig(channel, config, options),
  }));
  runLaws(channel.kind, rigs, tokensLaws);
}

/** A norm over the last axis is a smooth channel mixer that couples nothing. */
export function normSuite<C extends Config, D extends Config, P extends Params>(
  norm: Norm<C, D, P>,
  options: TokensSuiteOptions<C, D, P>,
): void {
  const capabilities = {
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  } as const;
  channelSuite({ ...norm, capabilities }, options);
}
