import type { Tensor } from "../../tensor/index.ts";
import type { Layer } from "./layer-family.ts";
import type { Sublayer } from "./layer-parts.fixture.ts";

interface Given {
  attend: Sublayer;
  /** A norm by the name of its module. */
  norm: (name: string) => Sublayer;
}

/** x through a layer's two branches, joined as the source joins them. */
export function wire(x: Tensor, layer: Layer, { attend, norm }: Given): Tensor {
  const { norms, channel, wiring = "serial", branch = (t) => t } = layer;
  const maybe = (name: string | undefined): Sublayer => (name === undefined ? (t) => t : norm(name));
  const [attentionIn, attentionOut] = [maybe(norms.attention), maybe(norms.attentionOut)];
  const [channelIn, channelOut] = [maybe(norms.channel), maybe(norms.channelOut)];
  const attended = (t: Tensor) => branch(attentionOut(attend(attentionIn(t))), 1);
  const mixed = (t: Tensor) => branch(channelOut(channel(channelIn(t))), 2);
  const then = (a: Tensor, base: Tensor) => base.add(mixed(a));
  switch (wiring) {
    case "parallel":
      return x.add(attended(x)).add(mixed(x));
    case "serial": {
      const a = x.add(attended(x));
      return then(a, a);
    }
    case "from-norm": {
      const a = attentionIn(x).add(attended(x));
      return then(a, channelIn(a));
    }
    case "post": {
      const a = attentionOut(x.add(attend(x)));
      return channelOut(a.add(channel(a)));
    }
  }
}
