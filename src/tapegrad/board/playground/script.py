"""A playground's network as a Python script that trains it, step for step the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...lab.yaml import write_yaml
from .spec import ACTIVATIONS, OPTIMIZERS, STEPS, points_of, recipe_of

__all__ = ["python_of"]

# Seeds of test points begin here, so that no training draws them.
_FRESH = 1 << 31

_FRAME = '''"""A network from tapegrad's playground: {title}. It needs tapegrad alone."""

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.utils.data import DataLoader, TensorDataset
from tapegrad.vision import datasets

{data}

tg.manual_seed({seed})
model = nn.Sequential(
{layers}
)
loss_function = nn.CrossEntropyLoss()
optimizer = optim.{optimizer}

loader = DataLoader(TensorDataset(inputs, labels), batch_size={batch}, shuffle=True, generator=tg.Generator().manual_seed({seed}))
step, epoch = 0, 0
while step < {steps}:
    loader.set_epoch(epoch)
    for batch, target in loader:
        loss = loss_function(model(batch), target)
{penalty}        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step == {steps}:
            break
    epoch += 1

model.eval()
with tg.no_grad():
    for name, x, y in (("train", inputs, labels), ("test", test_inputs, test_labels)):
        outputs = model(x)
        accuracy = (outputs.argmax(dim=1) == y).to(tg.float32).mean().item()
        print(f"{{name}}: loss {{loss_function(outputs, y).item():.4f}}, accuracy {{accuracy:.3f}}")
'''

_TABLE = '''"""A network from tapegrad's playground: {title}. It needs tapegrad[lab], and {path} beside it."""

from tapegrad.lab.build import build
from tapegrad.lab.config import parse_config

RECIPE = """
{recipe}"""

assembly = build(parse_config(RECIPE))
model, trainer = assembly.model, assembly.trainer
trainer.fit(assembly.train_loader, steps={steps})
print(trainer.history[-1])
'''


def python_of(spec: Mapping[str, Any], table: Mapping[str, Any] | None = None) -> str:
    """Return the script of a completed specification; ``table`` as for :func:`recipe_of`."""
    recipe = recipe_of(spec, table)
    widths: list[int] = recipe["model"]["layers"]
    title = f"{spec['data'] if table is None else 'a table'}, {'-'.join(map(str, widths))}"
    if table is not None:
        return _TABLE.format(title=title, path=table["path"], recipe=write_yaml(recipe), steps=STEPS)
    return _FRAME.format(
        title=title,
        data=_data(spec),
        seed=spec["seed"],
        layers="\n".join(f"    {line}," for line in _layers(spec, widths)),
        optimizer=_optimizer(spec),
        batch=spec["batch_size"] or "len(inputs)",
        penalty=_penalty(spec),
        steps=STEPS,
    )


def _data(spec: Mapping[str, Any]) -> str:
    if spec["data"] == "digits":
        return (
            "inputs, labels = datasets.Digits(train=True).tensors()\n"
            "test_inputs, test_labels = datasets.Digits(train=False).tensors()"
        )
    classes, train, test = points_of(spec)
    more = f"{classes}, " if spec["data"] == "spiral" else ""
    lines = [
        f"{names} = datasets.{spec['data']}({count}, {more}noise={spec['noise']}, seed={seed})"
        for names, count, seed in (
            ("inputs, labels", train, spec["seed"]),
            ("test_inputs, test_labels", test, spec["seed"] + _FRESH),
        )
    ]
    return "\n".join(lines)


def _layers(spec: Mapping[str, Any], widths: list[int]) -> list[str]:
    lines = ["nn.Flatten()"] if spec["data"] == "digits" else []
    for i in range(len(widths) - 1):
        lines.append(f"nn.Linear({widths[i]}, {widths[i + 1]})")
        if i < len(widths) - 2:
            lines.append(f"nn.{ACTIVATIONS[spec['activation']]}()")
            lines += [f"nn.Dropout({spec['dropout']})"] if spec["dropout"] else []
    return lines


def _optimizer(spec: Mapping[str, Any]) -> str:
    own = OPTIMIZERS[spec["optimizer"]]
    more = "".join(f", {name}={value}" for name, value in own.items() if name != "type")
    return f"{own['type']}(model.parameters(), lr={spec['lr']}{more})"


def _penalty(spec: Mapping[str, Any]) -> str:
    """Return the line that adds the penalties of the weights, not of the biases, to the loss."""
    terms = [f"{spec['l1']} * w.abs().sum()"] if spec["l1"] else []
    terms += [f"{spec['l2']} * (w * w).sum()"] if spec["l2"] else []
    if not terms:
        return ""
    return f"        loss = loss + sum({' + '.join(terms)} for w in model.parameters() if w.ndim > 1)\n"
