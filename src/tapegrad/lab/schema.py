"""What an experiment's YAML file may say: one class for each section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..errors import MissingExtraError

try:
    from pydantic import (
        BaseModel,
        BeforeValidator,
        ConfigDict,
        Discriminator,
        Field,
        PrivateAttr,
        Tag,
        ValidationError,
        model_validator,
    )
except ImportError:
    raise MissingExtraError("lab", "pydantic", "lab") from None

__all__ = [
    "BaseModel",
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
    "ValidationError",
]

LARGEST = 2**31 - 1


def _whole(value: Any) -> Any:
    """``1e4`` is a float by YAML's rules, and as good as 10000 where a count is wanted."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _form_of_layers(value: Any) -> str:
    sizes = isinstance(value, list) and not any(isinstance(v, (dict, Layer)) for v in value)
    return "(sizes)" if sizes and not all(isinstance(v, str) for v in value) else "(layers)"


Count = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(_whole)]
Seed = Annotated[int, Field(ge=0, le=LARGEST), BeforeValidator(_whole)]
Index = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping whose keys are all known."""

    # Strict: the file's types are those of YAML 1.2, and "yes" or "0.1" in quotes are text.
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Component(BaseModel):
    """A class by its name with its arguments: ``{type: StepLR, step_size: 10}``, or ``StepLR`` alone."""

    model_config = ConfigDict(extra="allow", strict=True, use_attribute_docstrings=True)
    type: str
    """The name of the class or function; its arguments stand beside it."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @property
    def arguments(self) -> dict[str, Any]:
        """All keys but the ones that have a meaning here."""
        return dict(self.model_extra or {})


class Split(Section):
    """How many training samples are held out for validation, drawn by which seed."""

    valid: NotNegative = 0.1
    """A count, or a share below 1; 0 for no validation set."""
    seed: Seed | None = None
    """Seed of the split; left out, the experiment's."""


class Standardize(Section):
    """Subtract ``mean`` and divide by ``std``; what is left out is measured on the training set."""

    mean: Finite | None = None
    """What is subtracted."""
    std: Positive | None = None
    """What is divided by."""


class Data(Section):
    """Which data, how it is prepared, and in which batches."""

    set: str
    """The data set by its name, such as mnist; `csv`, `folder` and `npz` read files of your own."""
    arguments: dict[str, Any] = {}
    """Arguments of the data set, such as {points: 100}."""
    root: str | None = None
    """Folder of the data sets; left out, the environment variable TAPEGRAD_DATA says where."""
    split: Split = Split()
    """Samples that are held out for validation."""
    standardize: bool | Standardize = False
    """Subtract the mean and divide by the standard deviation: true measures them on the training set."""
    target_scale: Positive | None = None
    """Learn class / target_scale as a number with one output, instead of one output for each class."""
    transforms: list[Component] = []
    """Random changes of the training images, by their names under `vision.transforms`."""
    exclude: str | list[Index] | None = None
    """Training samples to leave out: their positions, or a file with one position in each line."""
    limit: Count | None = None
    """Use this many training samples only."""
    batch_size: Count | Literal["full"] = 128
    """Samples in each step; `full` takes the whole training set."""
    shuffle: bool = True
    """Draw a new order for every epoch."""
    drop_last: bool = False
    """Leave out the last batch of an epoch when it is smaller."""


class Layer(Component):
    """A layer by its name under ``nn``; ``name`` is what it is called in the state dict."""

    name: str | None = None
    """What the layer is called; left out, its position."""


class Model(Section):
    """A network: sizes with an activation, a list of layers, or a class in a Python file."""

    layers: (
        Annotated[
            Annotated[list[Count], Tag("(sizes)")] | Annotated[list[Layer], Tag("(layers)")],
            Discriminator(_form_of_layers),
        ]
        | None
    ) = None
    """Sizes, such as [784, 100, 10], or layers, such as [{type: Linear, in_features: 784, out_features: 10}]."""
    activation: str | Component = "ReLU"
    """With sizes: the activation between the layers."""
    output_activation: str | Component | None = None
    """With sizes: an activation after the last layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """With sizes: the share of hidden units that is dropped in each step."""
    batch_norm: bool = False
    """With sizes: batch normalisation before each activation."""
    bias: bool = True
    """With sizes: whether layers have a bias."""
    module: str | None = None
    """A network written in Python, as path.py:Class, relative to this file."""
    arguments: dict[str, Any] = {}
    """With module: arguments of the class."""


class Initial(Component):
    """Initial values: a function of ``nn.init`` for the parameters that match a pattern."""

    parameters: str = "*"
    """Pattern of parameter names, such as "*.weight"."""


class Group(BaseModel):
    """Optimizer options for the parameters that match a pattern."""

    model_config = ConfigDict(extra="allow", strict=True, use_attribute_docstrings=True)
    parameters: str
    """Pattern of parameter names, such as "fc1.*"."""

    @property
    def arguments(self) -> dict[str, Any]:
        """All keys but ``parameters``."""
        return dict(self.model_extra or {})


class Penalty(Section):
    """``l1 · Σ|w| + l2 · Σw²`` over the parameters that match a pattern, added to the loss."""

    parameters: str = "*"
    """Pattern of parameter names, such as "*.weight"."""
    l1: NotNegative = 0.0
    """Factor of the sum of absolute values."""
    l2: NotNegative = 0.0
    """Factor of the sum of squares."""


class Optimizer(Component):
    """An optimizer by its name under ``optim``, with its arguments, groups and penalties."""

    lr: Positive | None = None
    """The learning rate; left out, the optimizer's own default."""
    groups: list[Group] = []
    """Other options for some parameters, such as {parameters: "fc1.*", lr: 0.1}."""
    penalties: list[Penalty] = []
    """L1 and L2 penalties that are added to the loss."""


class Schedule(Component):
    """A schedule by its name under ``optim.lr_scheduler``, stepped after every epoch or every update."""

    every: Literal["epoch", "step"] = "epoch"
    """When the schedule goes on: after every epoch, or after every step."""


class Training(Section):
    """How long, and how gradients become updates."""

    epochs: Count | None = None
    """How often to go through the training set."""
    steps: Count | None = None
    """How many updates to make, instead of epochs."""
    clip_norm: Positive | None = None
    """Scale gradients down to this norm."""
    clip_value: Positive | None = None
    """Cut each gradient off at this size."""
    accumulate: Count = 1
    """Batches whose gradients are added up for one update."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Keep a moving average of the weights with this decay, and evaluate it."""
    report_every: Count = 1
    """Epochs from one report to the next."""
    compile: bool = True
    """Run the updates as compiled programs where they can be."""


class EarlyStopping(Section):
    """Stop when ``metric`` has not improved by ``min_delta`` for ``patience`` reports."""

    metric: str = "valid_loss"
    """What has to improve: loss, valid_loss, or a metric such as valid_accuracy."""
    mode: Literal["min", "max"] | None = None
    """Whether less or more is better; left out, the metric's name decides."""
    patience: Count = 10
    """Reports without improvement before the training stops."""
    min_delta: NotNegative = 0.0
    """The least change that counts as an improvement."""


class Checkpoints(Section):
    """Which states are kept: every k epochs, the best by a metric, the last."""

    every: Count | None = None
    """Keep the state of every k-th epoch."""
    best: str | None = None
    """The metric that decides which state is the best; left out, the first metric of the validation set."""
    mode: Literal["min", "max"] | None = None
    """Whether less or more is better; left out, the metric's name decides."""
    last_every: Count = 1
    """Reports from one writing of the last state to the next."""


class Callbacks(Section):
    """What happens beside the training."""

    early_stopping: EarlyStopping | None = None
    """Stop when nothing improves any more."""
    checkpoints: Checkpoints = Checkpoints()
    """Which states are kept."""
    tensorboard: bool = False
    """Write event files for TensorBoard."""
    ledger_every: Count | None = None
    """Steps from one hash of the weights to the next; left out, each epoch has one."""
    statistics: bool = True
    """Note activations and gradients of every layer at each report."""
    doctor: Literal["cheap", "full", False] = "cheap"
    """Say what is wrong with the training: `cheap` takes at most 2 % of the time, `full` looks at everything."""
    snapshots: Count | None = None
    """Keep the weights of every k-th report, for animations."""


class Evaluation(Section):
    """Which checkpoint is measured in the end."""

    checkpoint: Literal["best", "last"] = "best"
    """The best by validation, or the last."""


class Config(Section):
    """One experiment."""

    title: str | dict[str, str] = ""
    """What the experiment is called; {en: ..., zh: ...} for several languages."""
    description: str | dict[str, str] = ""
    """The task in a few sentences; {en: ..., zh: ...} for several languages."""
    reported: dict[str, Finite | str] = {}
    """Figures that others reported, such as {test_accuracy: 0.97}."""
    seed: Seed = 0
    """Seed of the weights, the split and the order of samples."""
    dtype: Literal["float32", "float64"] = "float32"
    """The type of all numbers."""
    threads: Count | None = None
    """Threads of the linear algebra library."""
    data: Data
    """Which data, how it is prepared, and in which batches."""
    model: Model
    """The network."""
    initial_weights: str | list[Initial] | None = None
    """Functions of `nn.init` for parameters by patterns, or a file of weights (.safetensors, .npz)."""
    freeze: list[str] = []
    """Patterns of the parameters that are not trained, such as ["fc1.*"]."""
    loss: Component = Component(type="CrossEntropyLoss")
    """The loss by its name under `nn`."""
    optimizer: Optimizer
    """The optimizer by its name under `optim`, with its arguments."""
    schedule: Schedule | None = None
    """The learning-rate schedule by its name under `optim.lr_scheduler`."""
    training: Training
    """How long, and how gradients become updates."""
    callbacks: Callbacks = Callbacks()
    """Checkpoints, early stopping, and what is written down."""
    metrics: list[Component] | None = None
    """What is measured beside the loss; left out, accuracy or mean absolute error."""
    evaluation: Evaluation = Evaluation()
    """Which checkpoint is measured in the end."""

    _folder: str | None = PrivateAttr(None)

    @property
    def folder(self) -> str | None:
        """The folder of the file that it was read from, which relative paths of data begin at."""
        return self._folder

    def __eq__(self, other: object) -> bool:
        # Where a configuration was read from is no part of what it says.
        return isinstance(other, Config) and self.model_dump() == other.model_dump()
