"""CTC learns where symbols lie in a noisy sequence from the symbols alone, without their places.

Each sample has three to five symbols, drawn out over 20 steps with pauses. A small LSTM sees the noisy steps; the loss
sums over all alignments (A. Graves et al., "Connectionist temporal classification", 2006).
"""

import tapegrad as torch
from tapegrad import nn, optim

SYMBOLS, LENGTH = 5, 20


def sample() -> tuple[torch.Tensor, list[int]]:
    """A noisy sequence of one-hot steps, and the symbols in it."""
    count = int(torch.randint(3, 6, (1,)))
    symbols = torch.randint(1, SYMBOLS + 1, (count,)).tolist()
    steps = torch.zeros(LENGTH, SYMBOLS)
    places = torch.randperm(LENGTH // 4)[:count].sort()[0].tolist()
    for symbol, place in zip(symbols, places, strict=True):
        steps[4 * place : 4 * place + 2 + symbol % 2, symbol - 1] = 1.0
    return steps + 0.2 * torch.randn(LENGTH, SYMBOLS), symbols


class Reader(nn.Module):
    """An LSTM that reads in both directions, and the log-probability of each symbol, or of none (0), at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(SYMBOLS, 24, bidirectional=True)
        self.out = nn.Linear(48, SYMBOLS + 1)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of shape (steps, batch, symbols + 1)."""
        return self.out(self.lstm(steps)[0]).log_softmax(-1)


def decoded(log_probs: torch.Tensor) -> list[list[int]]:
    """The most likely symbol of each step, without repetitions and then without blanks."""
    results = []
    for path in log_probs.argmax(-1).T.tolist():
        changes = [s for s, before in zip(path, [None, *path], strict=False) if s != before]
        results.append([s for s in changes if s != 0])
    return results


def batch(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, list[list[int]]]:
    """Sequences side by side, and the symbols of all one behind the other, with both lengths."""
    pairs = [sample() for _ in range(count)]
    targets = [symbols for _, symbols in pairs]
    joined = torch.tensor([s for symbols in targets for s in symbols])
    lengths = torch.tensor([len(symbols) for symbols in targets])
    return torch.stack([s for s, _ in pairs], 1), joined, torch.full((count,), LENGTH), lengths, targets


def main(steps: int = 150) -> tuple[float, float]:
    """Train; return the loss at the beginning, and the share of new sequences that are read without a mistake."""
    torch.manual_seed(0)
    model, loss_function = Reader(), nn.CTCLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    first = None
    for _ in range(steps):
        inputs, targets, input_lengths, target_lengths, _ = batch(32)
        loss = loss_function(model(inputs), targets, input_lengths, target_lengths)
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    inputs, _, _, _, wanted = batch(200)
    with torch.no_grad():
        read = decoded(model(inputs))
    return first, sum(a == b for a, b in zip(read, wanted, strict=True)) / len(wanted)


if __name__ == "__main__":
    first, right = main()
    print(f"loss at the beginning {first:.2f}; sequences read without a mistake: {right:.2f}")
