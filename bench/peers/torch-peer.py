"""PyTorch's side of the training-step bench: forward, backward, clipping, AdamW, as a user would write them.

Run by `npm run bench -- train-step`; prints one JSON line (its fields: measurement.ts in bench/train-step).
Needs torch 2 and, for mamba, mamba2 and gated-deltanet, transformers 5, whose CPU path needs none of their CUDA packages.
Axes: B batch, T time, D width, H heads, K width per head, C vocabulary.
"""

import argparse
import json
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F

WARMUP = 3
INIT_STD = 0.02


class GptBlock(nn.Module):
    """Pre-norm attention without biases, then an MLP of ratio 4 with biases."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.mixer_norm = nn.LayerNorm(width)
        self.channel_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x_BTD):
        x_BTD = x_BTD + self.out(self.attend(self.qkv(self.mixer_norm(x_BTD))))
        return x_BTD + self.down(F.gelu(self.up(self.channel_norm(x_BTD))))

    def attend(self, qkv):
        batch, time, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
        split = (batch, time, self.heads, width // self.heads)
        q_BHTK, k_BHTK, v_BHTK = (part.view(split).transpose(1, 2) for part in qkv.split(width, -1))
        mixed = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, time, width)


class Gpt(nn.Module):
    """Learned positions, pre-norm blocks, final LayerNorm, head tied to the embedding."""

    def __init__(self, settings):
        super().__init__()
        width = settings["width"]
        self.embedding = small_embedding(settings["vocabulary"], width)
        self.positions = nn.Parameter(INIT_STD * torch.randn(settings["context"], width))
        self.blocks = nn.ModuleList(GptBlock(width, settings["heads"]) for _ in range(settings["layers"]))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids_BT):
        x_BTD = self.embedding(ids_BT) + self.positions
        for block in self.blocks:
            x_BTD = block(x_BTD)
        return self.norm(x_BTD) @ self.embedding.weight.T


class Lstm(nn.Module):
    """Stacked LSTM without norms or residuals, head tied to the embedding."""

    def __init__(self, settings):
        super().__init__()
        width = settings["width"]
        self.embedding = small_embedding(settings["vocabulary"], width)
        self.layers = nn.LSTM(width, width, settings["layers"], batch_first=True)

    def forward(self, ids_BT):
        return self.layers(self.embedding(ids_BT))[0] @ self.embedding.weight.T


class LogitsOf(nn.Module):
    """A transformers model as ids → logits; decoding caches are off, as in training."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids_BT):
        return self.model(ids_BT, use_cache=False).logits


def small_embedding(entries, width):
    embedding = nn.Embedding(entries, width)
    nn.init.normal_(embedding.weight, std=INIT_STD)
    return embedding


def mamba(settings):
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(
        vocab_size=settings["vocabulary"],
        hidden_size=settings["width"],
        num_hidden_layers=settings["layers"],
        state_size=16,
        expand=2,
        conv_kernel=4,
        initializer_range=INIT_STD,
        tie_word_embeddings=True,
    )
    return LogitsOf(MambaForCausalLM(config))


def mamba2(settings):
    from transformers import Mamba2Config, Mamba2ForCausalLM

    config = Mamba2Config(
        vocab_size=settings["vocabulary"],
        hidden_size=settings["width"],
        num_hidden_layers=settings["layers"],
        num_heads=settings["heads"],
        head_dim=64,
        state_size=64,
        n_groups=1,
        chunk_size=64,
        initializer_range=INIT_STD,
        tie_word_embeddings=True,
    )
    return LogitsOf(Mamba2ForCausalLM(config))


def gated_deltanet(settings):
    """Qwen3-Next with every layer linear and every feed-forward dense: gated delta rule, then SwiGLU."""
    from transformers import Qwen3NextConfig, Qwen3NextForCausalLM

    layers, heads = settings["layers"], settings["heads"]
    config = Qwen3NextConfig(
        vocab_size=settings["vocabulary"],
        hidden_size=settings["width"],
        num_hidden_layers=layers,
        layer_types=["linear_attention"] * layers,
        linear_num_key_heads=heads,
        linear_num_value_heads=heads,
        linear_key_head_dim=64,
        linear_value_head_dim=64,
        linear_conv_kernel_dim=4,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=64,
        num_experts=0,
        mlp_only_layers=list(range(layers)),
        intermediate_size=2 * settings["width"],
        tie_word_embeddings=True,
    )
    return LogitsOf(Qwen3NextForCausalLM(config))


FAMILIES = {"gpt": Gpt, "lstm": Lstm, "mamba": mamba, "mamba2": mamba2, "gated-deltanet": gated_deltanet}


def random_stream(settings):
    """The tokens that every peer trains on: 16 high bits of a linear congruential generator, modulo the vocabulary."""
    value, tokens = 1, []
    for _ in range((settings["batch"] + 1) * settings["context"] + 1):
        value = (1664525 * value + 1013904223) % 2**32
        tokens.append((value >> 16) % settings["vocabulary"])
    return torch.tensor(tokens)


def batches(settings):
    """Every step reads nearly the whole stream as B rows, from a start that moves."""
    shape = (settings["batch"], settings["context"])
    stream, size, start = random_stream(settings), shape[0] * shape[1], 0
    while True:
        start = (start + 7919) % (settings["context"] + 1)
        # Copies: compiled code is specialised on the alignment of what it is given.
        inputs_BT, targets_BT = (stream[i : i + size].clone().view(shape) for i in (start, start + 1))
        yield inputs_BT, targets_BT


def train_step(model, forward, optimizer, batch):
    inputs_BT, targets_BT = batch
    logits_BTC = forward(inputs_BT)
    loss = F.cross_entropy(logits_BTC.reshape(-1, logits_BTC.shape[-1]), targets_BT.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def measure(step, source, steps, budget_seconds):
    """Times `steps` steps after the warm-up, fewer (but at least 3) when they exceed the budget."""
    losses, seconds = [], []
    while len(seconds) < steps and not (len(seconds) >= 3 and sum(seconds) > budget_seconds):
        batch = next(source)
        start = time.perf_counter()
        losses.append(step(batch))
        if len(losses) > WARMUP:
            seconds.append(time.perf_counter() - start)
    return losses, seconds


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", required=True, help="file with the settings of every model")
    parser.add_argument("--model", required=True)
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def peak_bytes() -> int:
    """Peak resident bytes of this process; on Linux `ru_maxrss` would count the peak of the process that forked it."""
    try:
        with open("/proc/self/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    with open(arguments.settings, encoding="utf-8") as file:
        settings = json.load(file)[arguments.model]
    model = FAMILIES[settings["family"]](settings)
    forward = torch.compile(model) if arguments.mode == "compile" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, betas=(0.9, 0.999))
    losses, seconds = measure(
        lambda batch: train_step(model, forward, optimizer, batch),
        batches(settings),
        arguments.steps,
        arguments.seconds,
    )
    line = {
        "peer": f"torch {torch.__version__}",
        "model": arguments.model,
        "mode": arguments.mode,
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "tokens": settings["batch"] * settings["context"],
        "seconds": seconds,
        "losses": losses,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(line))


main()
