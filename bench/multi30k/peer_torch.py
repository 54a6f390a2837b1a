"""The recipe of recipe.ts in PyTorch: reads settings, starting values, the batches of every step and the test sources as JSON,
trains, and writes the answers as JSON. Alike: starting values, batches, model, places of dropout, smoothing, optimizer, schedule.
Other: the random numbers behind dropout, and the engine."""
import json
import math
import sys
import time

import torch
from torch import nn

settings = json.load(open(sys.argv[1]))
torch.manual_seed(settings["seed"])
torch.set_num_threads(settings["threads"])
V, D, H, N, F = (settings[key] for key in ("vocabulary", "width", "heads", "layers", "hidden"))
first_id, end, pad = V - 2, V - 1, V


def sinusoidal(length):
    position = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, D, 2) * (-math.log(10_000.0) / D))
    table = torch.zeros(length, D)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


def start():
    """seqlab's starting values by this model's names: maps are stored transposed here, queries, keys and values as one."""
    given = {path: torch.tensor(values).reshape(shape) for path, (shape, values) in settings["start"].items()}

    def sublayers(path, target, names):
        for norm, name in names.items():
            yield f"{target}.{norm}.weight", given[f"{path}.{name}Norm.gain"]
            yield f"{target}.{norm}.bias", given[f"{path}.{name}Norm.bias"]
        for side, name in (("weight", ""), ("bias", "Bias")):
            turned = (lambda t: t.T) if side == "weight" else (lambda t: t)
            yield f"{target}.self_attn.in_proj_{side}", turned(given[f"{path}.mixer.qkv{name}"])
            yield f"{target}.self_attn.out_proj.{side}", turned(given[f"{path}.mixer.out{name}"])
            yield f"{target}.linear1.{side}", turned(given[f"{path}.channel.up{name}"])
            yield f"{target}.linear2.{side}", turned(given[f"{path}.channel.down{name}"])
            if "norm3" in names:
                both = torch.cat([given[f"{path}.cross.query{name}"], given[f"{path}.cross.keyValue{name}"]], -1)
                yield f"{target}.multihead_attn.in_proj_{side}", turned(both)
                yield f"{target}.multihead_attn.out_proj.{side}", turned(given[f"{path}.cross.out{name}"])

    yield "table.weight", torch.cat([given["embedding.table"], torch.zeros(1, D)])
    for path, target in (("encoder.norm", "stack.encoder.norm"), ("norm", "stack.decoder.norm")):
        yield f"{target}.weight", given[f"{path}.gain"]
        yield f"{target}.bias", given[f"{path}.bias"]
    for i in range(N):
        yield from sublayers(f"encoder.layers.{i}", f"stack.encoder.layers.{i}", {"norm1": "mixer", "norm2": "channel"})
        names = {"norm1": "mixer", "norm2": "cross", "norm3": "channel"}
        yield from sublayers(f"layers.{i}", f"stack.decoder.layers.{i}", names)


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V + 1, D)
        self.register_buffer("positions", sinusoidal(256))
        self.drop = nn.Dropout(settings["dropout"])
        self.stack = nn.Transformer(D, H, N, N, F, settings["dropout"], batch_first=True)
        # The paper drops no hidden activations of the feed-forward layer; nn.Transformer does.
        for layer in [*self.stack.encoder.layers, *self.stack.decoder.layers]:
            layer.dropout.p = 0.0

    def embed(self, ids):
        return self.drop(self.table(ids) * math.sqrt(D) + self.positions[: ids.shape[1]])

    def encode(self, source):
        return self.stack.encoder(self.embed(source), src_key_padding_mask=source == pad)

    def decode(self, target, memory, source):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        y = self.stack.decoder(self.embed(target), memory, tgt_mask=mask, memory_key_padding_mask=source == pad, tgt_is_causal=True)
        return y @ self.table.weight[:V].T


def padded(sequences):
    longest = max(map(len, sequences))
    return torch.tensor([s + [pad] * (longest - len(s)) for s in sequences])


def batch(pairs):
    return padded([s for s, _ in pairs]), padded([[first_id] + t for _, t in pairs]), padded([t + [end] for _, t in pairs])


model = Translator()
model.load_state_dict({"positions": model.positions, **dict(start())})
optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
warmup = settings["warmup"]
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda t: settings["factor"] * D**-0.5 * min((t + 1) ** -0.5, (t + 1) * warmup**-1.5)
)
loss_of = nn.CrossEntropyLoss(ignore_index=pad, label_smoothing=settings["smoothing"])
model.train()
losses, began = [], time.time()
for step, pairs in enumerate(settings["batches"], 1):
    source, inputs, targets = batch(pairs)
    logits = model.decode(inputs, model.encode(source), source)
    loss = loss_of(logits.reshape(-1, V), targets.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())
    if step % 100 == 0:
        recent = sum(losses[-100:]) / len(losses[-100:])
        print(f"step {step} of {settings['steps']}, loss {recent:.3f}", file=sys.stderr, flush=True)
seconds = time.time() - began

model.eval()
answers = []
with torch.no_grad():
    for first in range(0, len(settings["test"]), 64):
        sources = settings["test"][first : first + 64]
        source = padded(sources)
        memory = model.encode(source)
        target = torch.full((len(sources), 1), first_id)
        done = torch.zeros(len(sources), dtype=torch.bool)
        for _ in range(max(map(len, sources)) + 50):
            best = model.decode(target, memory, source)[:, -1].argmax(-1)
            target = torch.cat([target, best.unsqueeze(1)], 1)
            done |= best == end
            if done.all():
                break
        for row in target[:, 1:].tolist():
            answers.append(row[: row.index(end)] if end in row else row)
parameters = sum(p.numel() for name, p in model.named_parameters()) - D
last = sum(losses[-100:]) / len(losses[-100:])
result = {"answers": answers, "parameters": parameters, "lastLoss": last, "trainSeconds": seconds, "torch": torch.__version__}
json.dump(result, sys.stdout)
