"""Which training set explains the MNIST figures of a report: train 0.94, 0.90, 0.86 beside test 0.88, 0.87, 0.83?

Each network is trained until its training accuracy reaches the reported one, on all images, on fewer of them, and with
the gradient divided twice by the batch size; the test accuracy at that moment stands beside the reported one.

    python benchmarks/reported_mnist.py
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tapegrad.lab.build import build
from tapegrad.lab.build import loader_of as whole
from tapegrad.lab.config import load_config

REPORTED = {
    "784-512-512-10": ("[784,512,512,10]", 0.94, 0.88),
    "784-500-150-10": ("[784,500,150,10]", 0.90, 0.87),
    "784-30-10": ("[784,30,10]", 0.86, 0.83),
}
CASES = (
    # training images, learning rate, most epochs
    (60000, 0.1, 10),
    (60000, 0.1 / 128, 20),
    (5000, 0.1, 60),
    (2000, 0.1, 60),
    (1000, 0.1, 100),
)


def until(layers: str, images: int, rate: float, most: int, wanted: float) -> tuple[int, float, float]:
    """Train to the wanted training accuracy; return the epoch and the accuracies of training and test."""
    config = load_config(
        "mnist/as-reported",
        [f"model.layers={layers}", f"data.limit={images}", f"optimizer.lr={rate}", f"training.epochs={most}"],
    )
    assembly = build(config)
    train = test = 0.0
    for epoch in range(1, most + 1):
        assembly.trainer.fit(assembly.train_loader, epochs=epoch)
        train = assembly.trainer.evaluate(whole(assembly.sets.train))["accuracy"]
        if train >= wanted or epoch == most:
            test = assembly.trainer.evaluate(whole(assembly.sets.test))["accuracy"]
            return epoch, train, test
    return most, train, test


def main() -> None:
    print("| network | images | learning rate | epochs | train | test | reported train | reported test |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, (layers, train, test) in REPORTED.items():
        for images, rate, most in CASES:
            epochs, ours, theirs = until(layers, images, rate, most, train)
            print(
                f"| {name} | {images:,} | {rate:.3g} | {epochs} | {ours:.3f} | {theirs:.3f} | {train} | {test} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
