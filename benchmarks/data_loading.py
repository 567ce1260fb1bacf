"""How fast batches come: data in memory beside PyTorch, and images with and without workers.

Run it alone on an idle machine: ``OMP_NUM_THREADS=1 python benchmarks/data_loading.py``
"""

import io
import time

import numpy as np
from PIL import Image

from tapegrad import from_numpy
from tapegrad.utils.data import DataLoader, Dataset, TensorDataset
from tapegrad.vision import transforms as T


def seconds(loader, repeats=5):
    """The fastest of some passes."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in loader:
            pass
        times.append(time.perf_counter() - start)
    return min(times)


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


class Crops(Dataset):
    """10,000 images of 28 × 28 bytes, cut at random places: the time goes into Python."""

    transform = T.Compose([T.RandomCrop(28, padding=2), T.ToTensor()])

    def __init__(self):
        self.images = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28), dtype=np.uint8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index]))


def main():
    images, labels = np.random.default_rng(0).random((60_000, 1, 28, 28), np.float32), np.zeros(60_000, np.int64)
    ours = seconds(DataLoader(TensorDataset(from_numpy(images), from_numpy(labels)), 128, shuffle=True))
    print(f"60,000 images in memory, batches of 128, shuffled: {ours * 1e3:.0f} ms")
    try:
        import torch
    except ImportError:
        pass
    else:
        data = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
        theirs = seconds(torch.utils.data.DataLoader(data, 128, shuffle=True))
        print(f"  PyTorch {torch.__version__}: {theirs * 1e3:.0f} ms")
    for name, data in (("JPEG 500 × 400, RandomResizedCrop(224)", Pictures()), ("28 × 28, RandomCrop", Crops())):
        for workers in (0, 2):
            rate = len(data) / seconds(DataLoader(data, 32, num_workers=workers), 3)
            print(f"{name}, {workers} workers: {rate:,.0f} images a second")


if __name__ == "__main__":
    main()
