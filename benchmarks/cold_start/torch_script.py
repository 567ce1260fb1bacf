"""From nothing to 97 % on MNIST's test digits with PyTorch, the same way as ``tapegrad_script.py``.

The idx files are read with NumPy: torchvision would take longer to load, and then make each image a PIL image. ``fused`` and
one index per batch (the second argument ``batched``) are PyTorch's fastest settings for this.
"""

import gzip
import os
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

ROOT = pathlib.Path(os.environ["TAPEGRAD_DATA"], "mnist")


def read(name, start):
    with gzip.open(ROOT / f"{name}.gz") as file:
        return np.frombuffer(bytearray(file.read()), np.uint8)[start:]


def dataset(part):
    images = torch.from_numpy(read(f"{part}-images-idx3-ubyte", 16)).reshape(-1, 1, 28, 28).float().div_(255)
    return TensorDataset(images, torch.from_numpy(read(f"{part}-labels-idx1-ubyte", 8)).long())


torch.manual_seed(0)
data, batched = dataset("train"), sys.argv[1:] == ["batched"]
if batched:
    train = DataLoader(data, sampler=BatchSampler(RandomSampler(data), 64, drop_last=False), batch_size=None)
    test = [dataset("t10k")[:]]
else:
    train = DataLoader(data, batch_size=64, shuffle=True)
    test = DataLoader(dataset("t10k"), batch_size=10_000)

model = nn.Sequential(nn.Flatten(), nn.Linear(784, 320), nn.ReLU(), nn.Linear(320, 10))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), fused=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=len(train))


def step(images, labels):
    optimizer.zero_grad()
    loss = loss_function(model(images), labels)
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss


for images, labels in train:
    step(images, labels)
with torch.no_grad():
    accuracy = sum((model(x).argmax(1) == y).sum().item() for x, y in test) / 10_000

print(f"{accuracy:.4f} 1")
sys.exit(accuracy < 0.97)
