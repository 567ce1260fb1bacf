"""What the doctor costs: trainings of the shipped recipes with and without it, in turns.

Run it alone on an idle machine: ``python benchmarks/doctor.py`` (with TAPEGRAD_DATA for MNIST). Both trainings of a pair
note the statistics, as trainings of the lab do, and begin in turns with one and the other; printed are the median of the pairs'
ratios of seconds, the lowest and the highest, and how long the doctor worked by its own clock. Both end with the same weights.
"""

import argparse
import statistics
import time

import numpy as np

from tapegrad.errors import DataError
from tapegrad.explain.doctor.doctor import Doctor
from tapegrad.lab.build import build
from tapegrad.lab.config import load_config
from tapegrad.lab.data import load_sets
from tapegrad.lab.experiment import held_out_of, one_setting
from tapegrad.train import Statistics, hash_model

# Recipe and updates: some seconds each, from updates of a tenth of a millisecond to those of a tenth of a second.
TRAININGS = {
    "spiral/as-reported": 10_000,
    "digits": 1_230,
    "mnist/as-reported": 3_000,
    "mnist": 400,
    "mnist/best-cnn": 60,
}


def train(config, sets, steps, watched):
    """Return the seconds of a training, the doctor's own among them, and the hash of its weights."""
    assembly = build(config, sets)
    callbacks = [Statistics(lambda kind, **values: None)]
    doctor = Doctor(test=held_out_of(sets))
    assembly.trainer.callbacks = [*callbacks, doctor] if watched else callbacks
    epochs = -(-steps // len(assembly.train_loader))
    began = time.perf_counter()
    assembly.trainer.fit(assembly.train_loader, assembly.valid_loader, epochs=epochs, steps=steps)
    return time.perf_counter() - began, doctor.seconds, hash_model(assembly.model)


def compare(recipe, steps, rounds):
    """Return the seconds without, the ratios of all rounds, and the doctor's own share of the time."""
    config = load_config(recipe)
    seconds, ratios, own = [], [], []
    with one_setting(config), np.errstate(all="ignore"):
        sets = load_sets(config)
        train(config, sets, min(steps, 20), True)
        for turn in range(rounds):
            pair = {watched: train(config, sets, steps, watched) for watched in ((turn % 2 == 0), (turn % 2 == 1))}
            assert pair[True][2] == pair[False][2], f"{recipe}: the doctor changed the training"
            seconds.append(pair[False][0])
            ratios.append(pair[True][0] / pair[False][0])
            own.append(pair[True][1] / pair[True][0])
    return statistics.median(seconds), ratios, statistics.median(own)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("recipes", nargs="*", default=list(TRAININGS))
    chosen = parser.parse_args()
    print("| recipe | updates | seconds without | with / without | lowest to highest | by its own clock |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for recipe in chosen.recipes:
        steps = TRAININGS.get(recipe, 500)
        try:
            seconds, ratios, own = compare(recipe, steps, chosen.rounds)
        except DataError as error:
            print(f"| {recipe} | {error} |")
            continue
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"| {recipe} | {steps:,} | {seconds:.2f} | {statistics.median(ratios):.3f} | {spread} | {own:.1%} |")


if __name__ == "__main__":
    main()
