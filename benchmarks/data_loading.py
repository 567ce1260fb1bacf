"""What a batch costs: data in memory beside PyTorch and bare NumPy, images changed at random, and workers beside training.

Run it alone on an idle machine: ``python benchmarks/data_loading.py``. What is compared takes turns; the medians are printed.
"""

import io
import itertools
import statistics
import time

import numpy as np
from PIL import Image

from tapegrad import from_numpy, nn, optim
from tapegrad.utils.data import DataLoader, Dataset, TensorDataset
from tapegrad.vision import transforms as T
from tapegrad.vision.datasets import ImageArrays

ROUNDS, SAMPLES, BATCH = 9, 60_000, 128
NORMALIZE = T.Normalize((0.1307,), (0.3081,))


class Digits(ImageArrays):
    """As many images as MNIST has, of random bytes. ``one_by_one``: each is read alone."""

    classes = "0123456789"

    def __init__(self, *steps, one_by_one=False):
        super().__init__(None, T.Compose(steps))
        stream = np.random.default_rng(0)
        self.fill(
            stream.integers(0, 256, (SAMPLES, 28, 28), dtype=np.uint8), stream.integers(0, 10, SAMPLES).astype(np.uint8)
        )
        self.one_by_one = one_by_one

    def __getbatch__(self, indices):
        return NotImplemented if self.one_by_one else super().__getbatch__(indices)


class Pictures(Dataset):
    """320 JPEG files of 500 × 400 pixels, in memory."""

    transform = T.Compose(
        [T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.5,) * 3, (0.2,) * 3)]
    )

    def __init__(self):
        blocks = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
        file = io.BytesIO()
        blocks.resize((500, 400)).save(file, "JPEG")
        self.content = file.getvalue()

    def __len__(self):
        return 320

    def __getitem__(self, index):
        return self.transform(Image.open(io.BytesIO(self.content)).convert("RGB"))


def taken(images, labels):
    """The limit: an index for each batch, and the rows that it names."""
    order = np.random.default_rng(0).permutation(SAMPLES)
    for start in range(0, SAMPLES, BATCH):
        rows = order[start : start + BATCH]
        yield images.take(rows, axis=0), labels.take(rows)


def compare(title, readers, batches=None):
    """Print the median microseconds of a batch for each reader; ``batches`` ends a pass early."""
    times = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, reader in readers.items():
            start, count = time.perf_counter(), 0
            for _ in reader():
                count += 1
                if count == batches:
                    break
            times[name].append((time.perf_counter() - start) / count)
    print(title)
    for name, values in times.items():
        print(f"  {name}: {statistics.median(values) * 1e6:,.0f} µs (fastest {min(values) * 1e6:,.0f})")


def torch_readers(images, labels):
    try:
        import torch
        from torch.utils import data
    except ImportError:
        return {}
    rows = data.TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
    order = data.BatchSampler(data.RandomSampler(rows), BATCH, drop_last=False)
    return {
        f"PyTorch {torch.__version__}": lambda: data.DataLoader(rows, BATCH, shuffle=True),
        "PyTorch, batched sampler": lambda: data.DataLoader(rows, sampler=order, batch_size=None),
    }


def training(data, widths, workers):
    """Give one item per step of a network that is trained on the data."""
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(nn.Flatten(), *layers[:-1])
    loss, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters())
    for images, labels in DataLoader(data, BATCH, shuffle=True, num_workers=workers):
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()
        yield


def main():
    stream = np.random.default_rng(0)
    images, labels = stream.random((SAMPLES, 784), np.float32), stream.integers(0, 10, SAMPLES)
    ours = TensorDataset(from_numpy(images), from_numpy(labels))
    compare(
        f"{SAMPLES:,} × 784 float32 in memory, batches of {BATCH}, shuffled, a whole epoch",
        {"take alone": lambda: taken(images, labels), "tapegrad": lambda: DataLoader(ours, BATCH, shuffle=True)}
        | torch_readers(images, labels),
    )
    for steps in (
        (T.ToTensor(), NORMALIZE),
        (T.RandomCrop(28, padding=2), T.RandomHorizontalFlip(), T.ToTensor(), NORMALIZE),
    ):
        loaders = {
            name: DataLoader(Digits(*steps, one_by_one=alone), BATCH, shuffle=True)
            for name, alone in (("by the batch", False), ("one by one", True))
        }
        readers = {name: loader.__iter__ for name, loader in loaders.items()}
        compare(f"28 × 28 bytes in memory, {', '.join(type(s).__name__ for s in steps)}", readers, batches=40)
    digits = Digits(T.ToTensor(), NORMALIZE)
    for widths in ((784, 30, 10), (784, 512, 512, 10)):
        readers = {f"{n} workers": lambda n=n, w=widths: training(digits, w, n) for n in (0, 1)}
        compare(f"reading and training steps of {'-'.join(map(str, widths))}", readers, batches=100)
    readers = {f"{n} workers": lambda n=n: DataLoader(Pictures(), 32, num_workers=n) for n in (0, 2)}
    compare("32 JPEG files of 500 × 400, RandomResizedCrop(224), flip", readers)


if __name__ == "__main__":
    main()
