"""What an experiment's YAML file may say: one class for each section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Callbacks",
    "Checkpoints",
    "Component",
    "Config",
    "Data",
    "EarlyStopping",
    "Evaluation",
    "Group",
    "Initial",
    "Model",
    "Optimizer",
    "Penalty",
    "Schedule",
    "Split",
    "Standardize",
    "Training",
]

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Component(BaseModel):
    """A class by its name with its arguments: ``{type: StepLR, step_size: 10}``, or ``StepLR`` alone."""

    model_config = ConfigDict(extra="allow")
    type: str

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @property
    def arguments(self) -> dict[str, Any]:
        """All keys but the ones that have a meaning here."""
        return dict(self.model_extra or {})


class Split(Section):
    """How many training samples are held out for validation (a count, or a share below 1), drawn by which seed."""

    valid: NotNegative = 0.1
    seed: Seed | None = None


class Standardize(Section):
    """Subtract ``mean`` and divide by ``std``; what is left out is measured on the training set."""

    mean: float | None = None
    std: Positive | None = None


class Data(Section):
    """Which data, how it is prepared, and in which batches."""

    set: str
    arguments: dict[str, Any] = {}
    root: str | None = None
    split: Split = Split()
    standardize: bool | Standardize = False
    target_scale: Positive | None = None
    transforms: list[Component] = []
    exclude: str | list[int] | None = None
    limit: Count | None = None
    batch_size: Count | Literal["full"] = 128
    shuffle: bool = True
    drop_last: bool = False


class Layer(Component):
    """A layer by its name under ``nn``; ``name`` is what it is called in the state dict."""

    name: str | None = None


class Model(Section):
    """A network: sizes with an activation, a list of layers, or a class in a Python file."""

    layers: list[int] | list[Layer] | None = None
    activation: str | Component = "ReLU"
    output_activation: str | Component | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    batch_norm: bool = False
    bias: bool = True
    module: str | None = None
    arguments: dict[str, Any] = {}


class Initial(Component):
    """Initial values: a function of ``nn.init`` for the parameters that match a pattern."""

    parameters: str = "*"


class Group(BaseModel):
    """Optimizer options for the parameters that match a pattern."""

    model_config = ConfigDict(extra="allow")
    parameters: str


class Penalty(Section):
    """``l1 · Σ|w| + l2 · Σw²`` over the parameters that match a pattern, added to the loss."""

    parameters: str = "*"
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0


class Optimizer(Component):
    """An optimizer by its name under ``optim``, with its arguments, groups and penalties."""

    lr: Positive | None = None
    groups: list[Group] = []
    penalties: list[Penalty] = []


class Schedule(Component):
    """A schedule by its name under ``optim.lr_scheduler``, stepped after every epoch or every update."""

    every: Literal["epoch", "step"] = "epoch"


class Training(Section):
    """How long, and how gradients become updates."""

    epochs: Count | None = None
    steps: Count | None = None
    clip_norm: Positive | None = None
    clip_value: Positive | None = None
    accumulate: Count = 1
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    report_every: Count = 1


class EarlyStopping(Section):
    """Stop when ``metric`` has not improved by ``min_delta`` for ``patience`` reports."""

    metric: str = "valid_loss"
    mode: Literal["min", "max"] | None = None
    patience: Count = 10
    min_delta: NotNegative = 0.0


class Checkpoints(Section):
    """Which states are kept: every k epochs, the best by a metric, the last."""

    every: Count | None = None
    best: str | None = None
    mode: Literal["min", "max"] | None = None
    last_every: Count = 1


class Callbacks(Section):
    """What happens beside the training."""

    early_stopping: EarlyStopping | None = None
    checkpoints: Checkpoints = Checkpoints()
    tensorboard: bool = False
    ledger_every: Count | None = None
    statistics: bool = True
    snapshots: Count | None = None


class Evaluation(Section):
    """Which checkpoint is measured in the end."""

    checkpoint: Literal["best", "last"] = "best"


class Config(Section):
    """One experiment."""

    title: str | dict[str, str] = ""
    description: str | dict[str, str] = ""
    reported: dict[str, float | str] = {}
    seed: Seed = 0
    dtype: Literal["float32", "float64"] = "float32"
    threads: Count | None = None
    data: Data
    model: Model
    initial_weights: str | list[Initial] | None = None
    freeze: list[str] = []
    loss: Component = Component(type="CrossEntropyLoss")
    optimizer: Optimizer
    schedule: Schedule | None = None
    training: Training
    callbacks: Callbacks = Callbacks()
    metrics: list[Component] | None = None
    evaluation: Evaluation = Evaluation()
