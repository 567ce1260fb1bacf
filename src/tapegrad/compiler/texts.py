"""What every exported file says in the same words: the functions with which it is used, and the trial of itself."""

STORED = """memory_file = Path(__file__).with_suffix(".npz")
if not memory_file.is_file():
    said = f"{memory_file} is missing: it belongs beside {Path(__file__).name}"
    raise SystemExit(said) if __name__ == "__main__" else FileNotFoundError(said)
stored = dict(np.load(memory_file, allow_pickle=False))"""

RESTORE = '''def restore(moment="initial"):
    """Put the memory where the training began ("initial"), or where it ended ("trained")."""
    known = sorted({{key.partition(".")[0] for key in stored}} & {{"initial", "trained"}})
    if moment not in known:
        raise ValueError(f"restore: there is nothing of {{moment!r}}; known are {{', '.join(known)}}")
    for name, array in memory.items():
        if f"{{moment}}.{{name}}" in stored:
            array[...] = stored[f"{{moment}}.{{name}}"]
{generator}'''

TRAIN_STEP = '''def train_step(*arrays):
    """Make one update with a batch (inputs, target), and return (loss, ..., output)."""
    dtypes = {dtypes}
    arrays = [np.asarray(a).astype(dtypes[i % 2], casting="same_kind", copy=False) for i, a in enumerate(arrays)]
    for step in training_steps.get(tuple(a.shape for a in arrays), []):
        try:
            return step(*arrays)
        except Stale:
            continue
    raise ValueError(f"there is no step for arrays of the shapes {{[a.shape for a in arrays]}} with these settings")'''

PREDICT = '''predict_batch = inference()


def predict(inputs):
    """Return the network's outputs for any number of inputs, {size} at a time.

    The weights are those of now: untrained ones until restore("trained").{prepared}
    """
    inputs = np.asarray(inputs).astype({dtype}, casting="same_kind", copy=False)
    outputs = []
    for begin in range(0, max(len(inputs), 1), {size}):
        part = inputs[begin : begin + {size}]
        count = len(part)
        if count < {size}:
            part = np.concatenate([part, np.zeros(({size} - count, *part.shape[1:]), part.dtype)])
        outputs.append(predict_batch(part)[0][:count].copy())
    return np.concatenate(outputs)'''

PREPARE = '''def prepare(inputs):
    """Return inputs as the network was trained with: less the training data's mean, divided by its standard deviation.

    {inputs}
    """
    inputs = np.asarray(inputs, np.float64)
    return ((inputs - stored["prepare.mean"]) / stored["prepare.std"]).astype({dtype})'''

PREPARED = """    same = np.allclose(prepare(stored["samples.given"]), stored["samples.prepared"], 1e-4, 1e-5)
    differing += not same
    print(f"prepare: {len(stored['samples.given'])} samples", "as in training" if same else "other than in training")
"""

TRIAL = '''def main():
    """Train on the batches that are stored, and compare each loss with the stored one. Return how many differ."""
    restore("initial")
    differing = 0
    for i, expected in enumerate(stored["losses"]):
        follow_schedule(i)
        batch = [stored[f"batch.{{i}}.{{k}}"] for k in range(int(stored["arrays"]))]
        losses = [loss.item() for loss in train_step(*batch)[:{losses}]]
        same = np.array_equal(losses, expected, equal_nan=True)
        differing += not same
        wanted = ", ".join(f"{{value:.9g}}" for value in expected)
        said = "as computed when this file was written" if same else f"but {{wanted}} when this file was written"
        print(f"update {{i + 1}}: loss {{sum(losses) / len(losses):.9g}}", said)
{prepared}    return differing


if __name__ == "__main__":
    raise SystemExit(min(main(), 1))'''
