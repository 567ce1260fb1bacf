"""The findings in English: for each fault a title and a message.

Messages name the evidence's numbers in braces; without a format a number reads as three significant digits. {where} and
{since} are always there. "with NAME" is told in the message's place where the evidence has NAME. The Chinese texts have the same faults and the same fields.
"""

from __future__ import annotations

from .during.texts_en import TEXTS as DURING

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    # -- before the training ------------------------------------------------------------------------------------------
    "start-loss": {
        "title": "The loss at the start is far too high",
        "message": (
            "The first batch has a loss of {loss}, where guessing among {classes} classes gives ln {classes} = "
            "{expected}. The network is sure of wrong answers before it has learned: its initial weights or its "
            "inputs are too large."
        ),
    },
    "start-saturated": {
        "title": "An activation is saturated from the start",
        "message": (
            "For the first batch {share:.0%} of what the {kind} gives lies at its ends, as what goes into it reaches from "
            "{low} to {high}. Its derivative is next to 0 there, so next to no gradient comes through: the loss was {loss} at "
            "the first update and is {now} at step {step}. The largest weights multiply the spread of what goes into them by "
            "{gain}, where 1 is right."
        ),
    },
    "double-softmax": {
        "title": "The loss applies softmax to what is a softmax already",
        "message": (
            "The outputs are probabilities (from {low} to {high}, each row adds up to 1), and CrossEntropyLoss "
            "applies softmax to them again. That flattens all differences: with {classes} classes the loss cannot fall below "
            "{floor}, and the gradients are small. Leave the softmax out and give the loss what goes into it."
        ),
    },
    "bounded-scores": {
        "title": "The scores of the classes are squeezed before the loss",
        "message": (
            "CrossEntropyLoss takes scores of any size, and gets those of a {last}, from {low} to {high}. So close "
            "together, no class can become likely, and the loss cannot come near 0. Leave the {last} out."
        ),
    },
    "nll-of-scores": {
        "title": "NLLLoss is given something else than logarithms of probabilities",
        "message": (
            "NLLLoss takes the output of log_softmax, and gets values from {low} to {high} whose exponentials do not "
            "add up to 1. The loss then has no lowest value, and falls without anything being learned."
        ),
    },
    "sigmoid-twice": {
        "title": "The loss applies sigmoid to what is a sigmoid already",
        "message": (
            "BCEWithLogitsLoss applies the sigmoid itself, and gets its outputs. What it makes of them lies between "
            "0.5 and 0.73, whatever the network says. Leave one of the two out."
        ),
    },
    "output-range": {
        "title": "The outputs cannot reach the targets",
        "message": (
            "The last operation is a {last}, whose values lie between {low} and {high}; the targets reach from "
            "{least} to {most}, {share:.0%} of them beyond. No weights can give these targets: leave the {last} out, or scale "
            "the targets into its range."
        ),
    },
    "classes-as-numbers": {
        "title": "Classes are learned as if they were numbers",
        "message": (
            "The targets are {classes} equally spaced values, which look like numbers of classes, and one output "
            "learns them by their distance. To call class 1 class 9 then counts as a larger mistake than to call it "
            "class 2, though classes have no order."
        ),
    },
    "weights-not-finite": {
        "title": "There are weights that are no finite numbers before the training",
        "message": (
            "{count} parameters hold NaN or infinity before the first update, first of all {where}. Whatever goes "
            "through them is lost."
        ),
    },
    "not-in-optimizer": {
        "title": "The optimizer does not have these parameters",
        "message": (
            "{count} of {all} learned parameters are in no group of the optimizer and stay as they are: {names}. Was "
            "it made before the layers, or of another copy of the model?"
        ),
    },
    "no-gradient": {
        "title": "No gradient reaches these parameters",
        "message": (
            "After the first backward pass {count} of {all} parameters have no gradient: {names}. The loss does not "
            "depend on them, or the way is cut: by detach(), no_grad(), .item(), NumPy, or a layer that forward() "
            "does not call."
        ),
        "with unused": (
            "After the first backward pass {count} of {all} parameters have no gradient: {names}. The loss does not depend on "
            "them: {unused} is never called by forward() ({line})."
        ),
        "with line": (
            "After the first backward pass {count} of {all} parameters have no gradient: {names}. The way from them to the "
            "loss is cut at {line}: {code}"
        ),
    },
    "inputs-not-finite": {
        "title": "The inputs hold NaN or infinity",
        "message": (
            "{share:.2%} of the numbers in the first batch are not finite. One of them makes every weight NaN in one "
            "update."
        ),
    },
    "inputs-alike": {
        "title": "All samples of a batch are the same",
        "message": (
            "The {samples} samples of the first batch hold exactly the same numbers (from {low} to {high}), so that "
            "nothing tells their classes apart. Was the data read right?"
        ),
    },
    "inputs-scale": {
        "title": "The inputs are not of a scale to learn from",
        "message": (
            "The inputs of the first batch have mean {mean} and standard deviation {std} (from {low} to {high}). "
            "First weights and learning rates are made for means near 0 and deviations near 1."
        ),
    },
    "inputs-uneven": {
        "title": "The columns of the inputs differ in scale",
        "message": (
            "Column {column} has a standard deviation of {largest}, the middle one of all columns {median}. The rate "
            "that the large one allows is far too low for the others."
        ),
    },
    "labels-range": {
        "title": "There are labels beyond the classes",
        "message": ("The labels reach from {low} to {high}, and {classes} classes are numbered from 0 to {last}."),
    },
    "labels-type": {
        "title": "The labels are of a type that is no class",
        "message": (
            "CrossEntropyLoss takes one whole number for each sample, or a probability for each class; it gets "
            "{dtype} of shape {targets}."
        ),
    },
    "labels-share": {
        "title": "The targets are no probabilities",
        "message": (
            "Targets of cross entropy in the outputs' shape are a probability for each class, so that a sample's add up to 1. "
            "Here the smallest is {low}, and they add up to between {least} and {most}: were they made one-hot correctly?"
        ),
    },
    "target-shape": {
        "title": "Outputs and targets differ in shape",
        "message": (
            "The outputs are {outputs}, the targets {targets}. Broadcasting compares every output with every target, "
            "and the network learns their mean. Make them equal, for instance with unsqueeze(1)."
        ),
        "with line": (
            "At {line} outputs of shape {outputs} meet targets of shape {targets}. Broadcasting compares every output with "
            "every target, and the network learns their mean. Make them equal, for instance with unsqueeze(1)."
        ),
    },
    "one-class": {
        "title": "All training samples are of one class",
        "message": (
            "All {many} training samples that were looked at have label {most}, where the network tells {classes} classes apart. It "
            "learns to say {most}, whatever it sees."
        ),
    },
    "class-missing": {
        "title": "Some classes have no training sample",
        "message": (
            "{missing} of {classes} classes do not occur among the training samples, class {least} for one. What is "
            "never seen is never named."
        ),
    },
    "classes-unbalanced": {
        "title": "Some classes are far rarer than others",
        "message": (
            "Class {most} has {many} training samples ({share:.0%} of all), class {least} has {few}. Who always says "
            "{most} is right that often, and accuracy hides that the rare class is never named."
        ),
    },
    "sorted-batches": {
        "title": "The samples come sorted by class",
        "message": (
            "All {samples} samples of the first batch have label {label}, which {share:.0%} of the training samples "
            "have. In every batch the network unlearns what it learned in the one before."
        ),
    },
    "shared-samples": {
        "title": "The held-out set holds samples that are learned from",
        "message": (
            "{count} of {all} samples ({share:.0%}) of the {part} set are also among the training samples. What is "
            "measured on them is memory."
        ),
    },
    "cannot-overfit": {
        "title": "The network cannot learn even a few samples by heart",
        "message": (
            "In {steps} updates on {samples} samples alone the loss went from {first} to {last}. A network that can "
            "learn comes close to 0 there: look at its layers, the loss and the labels, before there is talk of more "
            "data."
        ),
    },
    "gradient-wrong": {
        "title": "A gradient is wrong",
        "message": (
            "Nudging the weights of {where} changes the loss by {numeric} along the gradient, where the gradient says "
            "{analytic}. The other parameters agree with finite differences. Look at the backward pass of the "
            "operations that use it."
        ),
    },
    # -- during the training ------------------------------------------------------------------------------------------
} | DURING
