"""What the detectors of this folder find, in English; see :mod:`..texts_en`."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- losses -------------------------------------------------------------------------------------------------------
    "batch-not-finite": {
        "title": "A batch holds values that are not finite",
        "message": "The batch after step {since} holds nan or infinity: whatever is computed of it is not finite either.",
    },
    "not-finite": {
        "title": "A value that is not finite",
        "with operation": (
            "After step {since}, at a rate of {rate}, the loss is not finite. The first such value comes from the operation "
            "`{operation}` in {where} ({part}): all that went into it was finite."
        ),
        "message": "After step {since}, at a rate of {rate}, the loss is not finite.",
    },
    "rate-too-high": {
        "title": "The learning rate is too high",
        "message": (
            "At a rate of {rate} a single update changes a layer's weights by {ratio:.2g} times their size. The loss began "
            "at {first} and was as high as {worst}: each step lands beyond the valley that it aims at."
        ),
        "with growth": (
            "At a rate of {rate} updates have made the weights {growth} times as large as they were, in {since} steps (one "
            "changes a layer by up to the share {ratio:.2g} of itself). The loss began at {first} and was as high as {worst}: "
            "weights thrown about like this leave units dead or saturated."
        ),
    },
    "oscillation": {
        "title": "The loss goes up and down by turns",
        "message": (
            "From one update to the next the loss swings by {swing:.0%} of its level, up and down by turns: at a rate of "
            "{rate} the steps jump from one side of the valley to the other."
        ),
    },
    "rate-too-low": {
        "title": "The learning rate is too low",
        "message": (
            "At a rate of {rate:.3g} an update changes a layer's weights by {ratio:.1e} of their size; about 1e-3 is "
            "usual. The gradients are there, but the loss only crawls from {first} to {last}."
        ),
    },
    "rate-decayed": {
        "title": "The schedule brought the rate to nothing",
        "message": (
            "Since step {since} the learning rate is below a thousandth of {highest:.3g} (now {rate:.1e}), with the loss still "
            "at {last}, from {first}: what comes after hardly counts."
        ),
    },
    "loss-spike": {
        "title": "The loss jumped in one update",
        "message": (
            "At step {since} the loss jumped to {loss}, from {before} before: a batch with samples far from the others, or "
            "an update that was too large."
        ),
    },
    "constant-loss": {
        "title": "The loss is constant",
        "message": (
            "In {steps} updates the loss stays at {last} (at the start {first}): nothing that is "
            "learned reaches the outputs."
        ),
    },
    "no-progress": {
        "title": "The loss does not get lower",
        "message": (
            "After {steps} updates the loss is {last}, at the start {first}: the network has not learned anything yet."
        ),
    },
    # -- layers -------------------------------------------------------------------------------------------------------
    "dead-units": {
        "title": "Units are dead",
        "message": (
            "Since step {since}, {share:.0%} of the units of {where} are 0 for every sample of the batch (at first {first:.0%}). "
            "No gradient goes through a unit that is 0 everywhere, so it stays so. Mostly updates that are too large, or biases far "
            "below 0, have brought it there."
        ),
        "with bias": (
            "From the start {first:.0%} of the units of {where} are 0 for every sample of the batch, as the biases of {layer} "
            "begin at {bias}: no input lifts what goes into a unit above 0, no gradient comes through, and so it stays so."
        ),
    },
    "saturated": {
        "title": "An activation is saturated",
        "message": (
            "Since step {since}, {share:.0%} of the values of {where} ({kind}) lie at the ends of its range, where it is flat: "
            "next to no gradient goes through."
        ),
    },
    "vanishing-gradient": {
        "title": "The gradient vanishes on its way to the first layers",
        "message": (
            "Relative to its weights, the gradient of {where} is {ratio:.1e} times that of {last}: the first layers hardly learn."
        ),
    },
    "exploding-gradient": {
        "title": "The gradient explodes on its way to the first layers",
        "message": (
            "The gradient of {where} is {size} times the size of its weights, and {ratio:.1e} times as large, relative to "
            "them, in the first layer as in {last}: a step at any usual rate throws the weights far off."
        ),
    },
    "initial-weights-large": {
        "title": "The first weights are too large",
        "message": (
            "The first weights of {where} make values {gain:.3g} times larger (their spread times the root of the number of "
            "inputs; about 0.6 to 1.5 is usual): the network is sure of its answers before it has learned any."
        ),
    },
    "units-alike": {
        "title": "All units of a layer are copies of each other",
        "message": (
            "All units of {where} begin with the same weights and are used alike, so they get the same gradients and remain "
            "copies: the layer is worth a single unit. Layers like this: {layers}."
        ),
    },
    "dropout-strong": {
        "title": "Dropout lets next to nothing through",
        "message": "{where} drops {p:.0%} of what goes through it, and so of each update's gradient: only {kept:.0%} is left.",
    },
    "layer-frozen": {
        "title": "Weights that are never learned",
        "message": (
            "{names} are not to be learned (requires_grad is False), although no weights were loaded: they stay as random as "
            "they were drawn."
        ),
    },
    "weights-decayed": {
        "title": "Weight decay has eaten the weights",
        "message": "With a weight decay of {decay:.3g} only {left:.1%} of the size of {layer}'s weights is left.",
    },
    "statistics-stale": {
        "title": "Running statistics are not those of the batches",
        "message": (
            "The running mean of {where} lies {distance} standard deviations beside the batches' (momentum {momentum}). In "
            "training the batches' own is used, in evaluation the running one."
        ),
        "with evaluated": (
            "The running mean of {where} lies {distance} standard deviations beside the batches' (momentum {momentum}). In "
            "training the batches' own is used, in evaluation the running one: the loss is {loss} in training and "
            "{evaluated} in evaluation."
        ),
    },
    # -- fit ----------------------------------------------------------------------------------------------------------
    "overfitting": {
        "title": "It learns the training data by heart",
        "message": (
            "The validation loss is {last} at the end (best: {best} in epoch {epoch:.0f}), the training loss {train}: what is "
            "learned since step {since} holds for the training data and hardly for other data."
        ),
    },
    "targets-unrelated": {
        "title": "The targets have nothing to do with the inputs",
        "message": (
            "Gradients and updates are as they should be, but the loss stays at {last} (at the start {first}). The five "
            "nearest samples tell a target no better than a guess does ({nearest:.3g} against {guess:.3g}): were inputs and "
            "targets shuffled apart from each other?"
        ),
    },
    "same-answer": {
        "title": "Every sample is put into the same class",
        "message": (
            "The outputs of {where} differ by no more than the share {spread:.1e} of their size between samples. The most "
            "frequent class makes up {share:.0%} of the data: it is all that is said."
        ),
    },
    "same-value": {
        "title": "The outputs are the same for every sample",
        "message": (
            "The outputs of {where} differ by no more than the share {spread:.1e} of their size between samples: whatever "
            "comes in, the same goes out."
        ),
    },
    "underfitting": {
        "title": "The network is too small or too rigid",
        "message": (
            "The loss has stopped falling at {last}. The network ({parameters:,d} parameters) explains {reached:.3g} of the "
            "training data, its five nearest neighbours explain {nearest:.3g}: it lacks units, layers or activations."
        ),
    },
    "targets-scale": {
        "title": "The targets are not scaled",
        "message": (
            "The targets have mean {mean} and spread {std} (from {low} to {high}); a network begins with outputs near 0 and "
            "changes them in small steps."
        ),
    },
    # -- loops --------------------------------------------------------------------------------------------------------
    "batch-of-one": {
        "title": "A batch of one sample meets batch normalisation",
        "message": "{line}: {error}. One sample has no spread to normalise by.",
    },
    "target-kind": {
        "title": "The targets are of the wrong type",
        "message": (
            "{line}: {error}. Targets in the outputs' shape are probabilities and must be floats (they are {given}); labels "
            "are one whole number for each sample."
        ),
    },
    "script-error": {
        "title": "The script ended with an error",
        "message": "{line}: {kind}: {error}",
    },
    "loss-detached": {
        "title": "The loss is cut off from the network",
        "message": (
            "backward() at {line} has nothing to go back through: the loss was computed without a graph (after {after}), for "
            "instance within no_grad(), after detach(), .item() or .numpy(), or from the predicted classes."
        ),
    },
    "optimizer-of-others": {
        "title": "The optimizer holds other tensors than the network's parameters",
        "message": (
            "None of the {held} tensors of the optimizer is a parameter of the network that is trained, so it never changes. Was the "
            "network made or copied anew after the optimizer? Make the optimizer last."
        ),
    },
    "gradients-dropped": {
        "title": "Gradients are thrown away before they are used",
        "message": "In {count} updates there was no gradient although backward() had run: zero_grad() belongs before backward().",
    },
    "no-step": {
        "title": "No update is ever made",
        "message": "backward() ran {backwards} times, and no parameter ever changed: optimizer.step() is missing.",
    },
    "gradients-accumulate": {
        "title": "Gradients of earlier updates are used again",
        "message": (
            "In {count} of {steps} updates backward() added to gradients that an update had used already: zero_grad() is "
            "missing, so each step is made of all batches since the first."
        ),
    },
    "eval-in-training": {
        "title": "The network is trained in evaluation mode",
        "message": "{where} ({kind}) runs in evaluation mode in training: call model.train() before each epoch.",
    },
    "train-in-evaluation": {
        "title": "The network is evaluated in training mode",
        "message": (
            "{where} ({kind}) runs in training mode in evaluation: what is measured is noisy and, with batch normalisation, "
            "also learned from. Call model.eval() before it."
        ),
    },
    "gradient-scale": {
        "title": "The gradients are off by a constant factor",
        "message": (
            "The gradients that are used are {factor:.3g} times those of the loss (1/{times:.4g}; a batch has {batch} samples; "
            "function: {function}). A mean is divided by the batch size already: dividing again makes the rate {times:.3g} "
            "times smaller."
        ),
    },
    "softmax-dimension": {
        "title": "The softmax goes along the wrong dimension",
        "message": (
            "The outputs of {where} sum to 1 over the {rows} samples of the batch instead of over the {classes} classes of "
            "each: use dim=1."
        ),
    },
    "loss-summed": {
        "title": "The loss is a sum over the batch",
        "message": (
            'With reduction="sum" the gradient of a batch of {batch} is {batch} times that of the mean, and so is the rate: '
            "the loss does not get lower."
        ),
    },
    "clipped-away": {
        "title": "Clipping leaves next to nothing of the gradient",
        "message": "The gradient's norm is {norm}, and at most {most:.3g} is let through: a {cut:.1e}th part.",
    },
}
