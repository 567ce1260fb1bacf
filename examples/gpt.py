"""A small GPT on characters: 6 layers, 6 heads, 384 wide, context 256.

    python examples/gpt.py path/to/input.txt --steps 500
    python examples/gpt.py path/to/input.txt --steps 20 --compile

It is written with PyTorch's names: with ``import torch`` in the place of ``import tapegrad as torch`` it runs there as it is.
Source of the network: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F  # noqa: N812  (the field's name)


@dataclass
class Config:
    """Sizes of the network; ``tied``: the embedding of characters is also the last layer's weight."""

    characters: int = 65
    context: int = 256
    layers: int = 6
    heads: int = 6
    width: int = 384
    dropout: float = 0.0
    tied: bool = True


class CausalSelfAttention(nn.Module):
    """Every position looks at itself and at those before it, with several heads."""

    def __init__(self, config: Config):
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.project = nn.Linear(config.width, 3 * config.width)
        self.mix = nn.Linear(config.width, config.width)

    def forward(self, x):
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        query, key, value = (part.view(shape).transpose(1, 2) for part in self.project(x).split(width, dim=2))
        dropped = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, key, value, dropout_p=dropped, is_causal=True)
        return self.mix(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and a network of two layers, each added to what it was given."""

    def __init__(self, config: Config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = CausalSelfAttention(config)
        self.norm2 = nn.LayerNorm(config.width)
        self.network = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.network(self.norm2(x))


class GPT(nn.Module):
    """Characters and their places, blocks, and a score for each character that could come next."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.characters = nn.Embedding(config.characters, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.characters, bias=False)
        if config.tied:
            self.head.weight = self.characters.weight
        self.apply(self._initialise)
        for name, parameter in self.named_parameters():
            if name.endswith(("mix.weight", "network.2.weight")):
                # Each block adds twice to the same sum.
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.layers))

    def _initialise(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, numbers, targets=None):
        """Return the scores of the next character at each position, or the loss where targets are given."""
        places = torch.arange(numbers.shape[1])
        x = self.drop(self.characters(numbers) + self.positions(places))
        for block in self.blocks:
            x = block(x)
        scores = self.head(self.norm(x))
        if targets is None:
            return scores
        return F.cross_entropy(scores.view(-1, scores.shape[-1]), targets.view(-1))

    @torch.no_grad()
    def generate(self, numbers, count, temperature=1.0):
        """Return the numbers (batch, length) with ``count`` more, each drawn by its score."""
        for _ in range(count):
            scores = self(numbers[:, -self.config.context :])[:, -1] / temperature
            drawn = torch.multinomial(F.softmax(scores, dim=-1), 1)
            numbers = torch.cat([numbers, drawn], dim=1)
        return numbers


def optimizer_for(model, rate=1e-3, decay=0.1):
    """Return AdamW that lets matrices decay, and neither biases nor normalisations."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def batch_of(data, size, context, generator):
    """Return (size, context) of numbers from random places of a text, and the numbers that follow each of them."""
    starts = torch.randint(len(data) - context, (size,), generator=generator).tolist()
    x = torch.stack([data[i : i + context] for i in starts])
    return x, torch.stack([data[i + 1 : i + 1 + context] for i in starts])


def main() -> None:
    """Train on a text, then write one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="a text file, e.g. tinyshakespeare's input.txt")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--write", type=int, default=200, help="how many characters to write in the end")
    options = parser.parse_args()

    with open(options.text, encoding="utf-8") as file:
        text = file.read()
    alphabet = sorted(set(text))
    number = {character: i for i, character in enumerate(alphabet)}
    data = torch.tensor([number[character] for character in text])
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    config = Config(characters=len(alphabet))
    model = GPT(config)
    optimizer = optimizer_for(model, options.rate)
    print(f"{len(text):,} characters, {sum(p.numel() for p in model.parameters()):,} parameters")

    def step(x, y):
        optimizer.zero_grad()
        loss = model(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    if options.compile:
        step = torch.compile(step)
    start = time.perf_counter()
    for i in range(options.steps):
        loss = step(*batch_of(data, options.batch, config.context, generator))
        if i % 10 == 0 or i == options.steps - 1:
            print(f"step {i}: loss {loss.item():.4f}, {time.perf_counter() - start:.0f} s", flush=True)
    model.eval()
    written = model.generate(torch.zeros(1, 1, dtype=torch.long), options.write)[0].tolist()
    print("".join(alphabet[i] for i in written))


if __name__ == "__main__":
    main()
