"""The recipe of recipe.ts in PyTorch: reads ids and settings as JSON, trains, and writes the answers of the test sources as JSON."""
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
start, end, pad = V - 2, V - 1, V


def sinusoidal(length):
    position = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, D, 2) * (-math.log(10_000.0) / D))
    table = torch.zeros(length, D)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V + 1, D)
        nn.init.normal_(self.table.weight, std=D**-0.5)
        self.register_buffer("positions", sinusoidal(256))
        self.drop = nn.Dropout(settings["dropout"])
        self.stack = nn.Transformer(D, H, N, N, F, settings["dropout"], batch_first=True)
        for name, p in self.stack.named_parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

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


def batches(pairs, generator):
    """Examples of like length together, at most `tokens` on each side, padding included; the batches in random order."""
    order = torch.randperm(len(pairs), generator=generator).tolist()
    order.sort(key=lambda i: max(len(pairs[i][0]), len(pairs[i][1]) + 1))
    groups, group, longest = [], [], 0
    for i in order:
        size = max(len(pairs[i][0]), len(pairs[i][1]) + 1)
        if group and (len(group) + 1) * max(longest, size) > settings["tokens"]:
            groups.append(group)
            group, longest = [], 0
        group.append(i)
        longest = max(longest, size)
    groups.append(group)
    for index in torch.randperm(len(groups), generator=generator).tolist():
        chosen = [pairs[i] for i in groups[index]]
        yield padded([s for s, _ in chosen]), padded([[start] + t for _, t in chosen]), padded([t + [end] for _, t in chosen])


model = Translator()
optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
warmup = settings["warmup"]
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda t: settings["factor"] * D**-0.5 * min((t + 1) ** -0.5, (t + 1) * warmup**-1.5)
)
loss_of = nn.CrossEntropyLoss(ignore_index=pad, label_smoothing=settings["smoothing"])
generator = torch.Generator().manual_seed(settings["seed"])
step, began = 0, time.time()
while step < settings["steps"]:
    for source, inputs, targets in batches(settings["train"], generator):
        model.train()
        logits = model.decode(inputs, model.encode(source), source)
        loss = loss_of(logits.reshape(-1, V), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f} {time.time() - began:.0f} s", file=sys.stderr, flush=True)
        if step == settings["steps"]:
            break

model.eval()
answers = []
with torch.no_grad():
    for first in range(0, len(settings["test"]), 64):
        sources = settings["test"][first : first + 64]
        source = padded(sources)
        memory = model.encode(source)
        target = torch.full((len(sources), 1), start)
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
json.dump({"answers": answers, "parameters": parameters, "torch": torch.__version__}, sys.stdout)
