"""Constructor and inputs of the layers that the database of modules lacks or touches too lightly.

Both are written as calls: ``x(2, 3)`` is a drawn input, ``i(5, 4)`` four (…) indices below five, ``p(…)`` positive values.
"""

from __future__ import annotations

import torch

# Layers whose training output is drawn.
DRAWN = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout", "RReLU"}
DRAWN |= {"FractionalMaxPool2d", "FractionalMaxPool3d"}


def make(call, dtype):
    """The arguments of a call written as text."""

    def x(*shape):
        return torch.randn(shape, dtype=dtype, requires_grad=True)

    def p(*shape):
        return (torch.rand(shape, dtype=dtype) + 0.1).requires_grad_()

    def i(limit, *shape):
        return torch.randint(limit, shape)

    def arguments(*args, **kwargs):
        return args, kwargs

    names = {"x": x, "p": p, "i": i, "arguments": arguments, "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    return eval(f"arguments{call}", names)  # our own text


def dropout(shape):
    return [
        ("()", f"(x{shape},)"),
        ("(0.2)", f"(x{shape},)"),
        ("(p=0.0)", f"(x{shape},)"),
        ("(0.5, True)", f"(x{shape} * 1,)"),
    ]


def lazy_norm(shape, unbatched=None):
    cases = [("()", f"(x{shape},)"), ("(eps=1e-3, momentum=0.3)", f"(x{shape},)"), ("(affine=False)", f"(x{shape},)")]
    return cases + [("(track_running_stats=False)", f"(x{shape},)")]


def unpool(kernel, shape, indices):
    return [(kernel, f"(x{shape}, {indices})")]


OWN = {
    "AdaptiveLogSoftmaxWithLoss": [
        ("(8, 12, [4, 8])", "(x(5, 8), i(12, 5))"),
        ("(8, 12, [4])", "(x(5, 8), i(12, 5))"),
        ("(8, 20, [4, 10, 15], div_value=2.0)", "(x(5, 8), i(20, 5))"),
        ("(8, 12, [4, 8], head_bias=True)", "(x(8), i(12))"),
    ],
    "AlphaDropout": dropout((4, 5)),
    "ChannelShuffle": [("(2)", "(x(1, 4, 3, 3),)"), ("(3)", "(x(2, 6, 5),)"), ("(groups=1)", "(x(2, 6, 5, 2),)")],
    "CosineSimilarity": [
        ("()", "(x(4, 5), x(4, 5))"),
        ("(dim=0)", "(x(4, 5), x(4, 5))"),
        ("(1, 1e-6)", "(x(4, 5, 2), x(4, 5, 2))"),
        ("(dim=-1)", "(x(4, 5), x(1, 5))"),
    ],
    "CrossMapLRN2d": [("(3)", "(x(2, 5, 3, 3),)"), ("(2, 1e-2, 0.6, 2)", "(x(2, 5, 3, 3),)"), ("(size=5)", "(x(1, 7, 2, 3),)")],
    "Dropout": dropout((4, 5)),
    "Dropout1d": dropout((2, 3, 4)),
    "Dropout2d": dropout((2, 3, 4, 4)),
    "Dropout3d": dropout((2, 3, 4, 4, 2)),
    "FeatureAlphaDropout": dropout((2, 3, 4, 4)),
    "Embedding": [
        ("(6, 3)", "(i(6, 4),)"),
        ("(6, 3, padding_idx=2)", "(i(6, 4, 5),)"),
        ("(6, 3, -1)", "(i(6, 4, 5),)"),
        ("(6, 3, max_norm=1.0)", "(i(6, 4),)"),
        ("(6, 3, max_norm=1.0, norm_type=1.0)", "(i(6, 4),)"),
        ("(6, 3, scale_grad_by_freq=True)", "(i(6, 9),)"),
    ],
    "EmbeddingBag": [
        ("(6, 3)", "(i(6, 4, 2),)"),
        ("(6, 3, mode='sum')", "(i(6, 4, 2),)"),
        ("(6, 3, mode='max')", "(i(6, 4, 2),)"),
        ("(6, 3, mode='mean')", "(i(6, 8), torch.tensor([0, 3, 3]))"),
        ("(6, 3, mode='sum', padding_idx=1)", "(i(6, 4, 2),)"),
        ("(6, 3, mode='sum')", "(i(6, 4, 2), None, x(4, 2).detach())"),
        ("(6, 3, include_last_offset=True, mode='sum')", "(i(6, 8), torch.tensor([0, 3, 8]))"),
    ],
    "Flatten": [("()", "(x(2, 3, 4),)"), ("(0)", "(x(2, 3, 4),)"), ("(1, 2)", "(x(2, 3, 4, 2),)"), ("(start_dim=-2)", "(x(2, 3, 4, 2),)")],
    "Fold": [
        ("((4, 5), (2, 2))", "(x(2, 12, 12),)"),
        ("((4, 4), 2, stride=2)", "(x(2, 8, 4),)"),
        ("((5, 5), 3, dilation=1, padding=1, stride=2)", "(x(1, 9, 9),)"),
        ("((4, 4), (2, 2), 2, 0, 1)", "(x(1, 9, 1),)"),
    ],
    "Unfold": [
        ("((2, 2))", "(x(2, 3, 4, 5),)"),
        ("(2, stride=2)", "(x(2, 3, 4, 4),)"),
        ("(3, dilation=2, padding=2)", "(x(2, 3, 6, 5),)"),
        ("((2, 3), padding=(1, 0), stride=(1, 2))", "(x(2, 6, 5),)"),
    ],
    "Hardsigmoid": [("()", "(x(4, 5) * 4,)"), ("(True)", "(x(4, 5) * 4,)"), ("()", "(x() * 4,)"), ("(inplace=False)", "(x(2, 0),)")],
    "Identity": [("()", "(x(4, 5),)"), ("(54, unused=3)", "(x(4, 5),)"), ("()", "(x(),)")],
    "LazyLinear": [("(4)", "(x(3, 5),)"), ("(4, bias=False)", "(x(3, 5),)"), ("(out_features=2)", "(x(2, 3, 5),)")],
    "LazyBatchNorm1d": lazy_norm((4, 3, 5)),
    "LazyBatchNorm2d": lazy_norm((4, 3, 5, 2)),
    "LazyBatchNorm3d": lazy_norm((2, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": lazy_norm((4, 3, 5)),
    "LazyInstanceNorm2d": lazy_norm((4, 3, 5, 2)),
    "LazyInstanceNorm3d": lazy_norm((2, 3, 2, 2, 2)),
    "MaxUnpool1d": [
        ("(2)", "(x(1, 2, 3), torch.tensor([[[0, 3, 4], [1, 2, 5]]]))"),
        ("(2, 2)", "(x(2, 3), torch.tensor([[0, 3, 4], [1, 2, 5]]))"),
        ("(2, stride=2)", "(x(1, 2, 3), torch.tensor([[[0, 3, 4], [1, 2, 5]]]), [1, 2, 7])"),
    ],
    "MaxUnpool2d": [
        ("(2)", "(x(1, 1, 2, 2), torch.tensor([[[[0, 3], [8, 14]]]]))"),
        ("(2, stride=2)", "(x(1, 2, 2), torch.tensor([[[0, 3], [8, 14]]]))"),
        ("(2, 2)", "(x(1, 1, 2, 2), torch.tensor([[[[0, 3], [10, 18]]]]), torch.Size([1, 1, 5, 5]))"),
    ],
    "MaxUnpool3d": [
        ("(2)", "(x(1, 1, 2, 1, 1), torch.tensor([[[[[3]], [[12]]]]]))"),
        ("((2, 2, 2), stride=2)", "(x(1, 1, 1, 2), torch.tensor([[[[1, 7]]]]))"),
        ("(2, 2, 0)", "(x(1, 1, 2, 1, 1), torch.tensor([[[[[0]], [[9]]]]]))"),
    ],
    "PairwiseDistance": [
        ("()", "(x(4, 5), x(4, 5))"),
        ("(p=1)", "(x(4, 5), x(4, 5))"),
        ("(3.0, 1e-4, True)", "(x(4, 5), x(4, 5))"),
        ("(keepdim=True)", "(x(5), x(5))"),
    ],
    "PixelShuffle": [("(2)", "(x(1, 8, 3, 2),)"), ("(3)", "(x(9, 2, 2),)"), ("(1)", "(x(2, 1, 2, 2),)")],
    "PixelUnshuffle": [("(2)", "(x(1, 2, 4, 6),)"), ("(3)", "(x(1, 3, 6),)"), ("(1)", "(x(2, 1, 2, 2),)")],
    "RReLU": [("()", "(x(4, 5),)"), ("(0.2, 0.4)", "(x(4, 5),)"), ("(lower=0.1, upper=0.1)", "(x(4, 5),)")],
    "Sequential": [
        ("(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))", "(x(5, 3),)"),
        ("(nn.Flatten(), nn.Linear(6, 2))", "(x(5, 3, 2),)"),
        ("()", "(x(5, 3),)"),
        ("(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2))", "(x(2, 1, 8, 8),)"),
        ("(nn.Sequential(nn.Linear(2, 2)), nn.Tanh())", "(x(2, 2),)"),
    ],
    "Softmax": [("(dim=0)", "(x(4, 5),)"), ("(-1)", "(x(4, 5),)"), ("()", "(x(4, 5),)"), ("()", "(x(4, 5, 2),)")],
    "TransformerDecoder": [
        ("(nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0), 2)", "(x(3, 2, 8), x(4, 2, 8))"),
        ("(nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), 1, nn.LayerNorm(8))", "(x(2, 3, 8), x(2, 4, 8))"),
        (
            "(nn.TransformerDecoderLayer(8, 2, 16, 0.0, norm_first=True), 1)",
            "(x(3, 2, 8), x(4, 2, 8), tgt_mask=nn.Transformer.generate_square_subsequent_mask(3), tgt_is_causal=True)",
        ),
    ],
    "TripletMarginLoss": [
        ("()", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(margin=2.0, p=1)", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(swap=True, reduction='none')", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(reduction='sum', eps=1e-3)", "(x(5), x(5), x(5))"),
    ],
    "TripletMarginWithDistanceLoss": [
        ("()", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(margin=2.0, swap=True)", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(reduction='none')", "(x(4, 5), x(4, 5), x(4, 5))"),
        ("(distance_function=F.pairwise_distance, reduction='sum')", "(x(4, 5), x(4, 5), x(4, 5))"),
    ],
    "Unflatten": [("(1, (2, 3))", "(x(4, 6),)"), ("(-1, (2, -1))", "(x(4, 6),)"), ("(0, torch.Size([2, 2]))", "(x(4, 6),)")],
    "Upsample": [
        ("(scale_factor=2)", "(x(1, 2, 3, 4),)"),
        ("((5, 7), mode='bilinear')", "(x(1, 2, 3, 4),)"),
        ("(scale_factor=2, mode='bilinear', align_corners=True)", "(x(1, 2, 3, 4),)"),
        ("(size=9, mode='linear')", "(x(1, 2, 4),)"),
        ("(scale_factor=(1.5, 2), mode='bicubic')", "(x(1, 2, 4, 4),)"),
        ("(scale_factor=2, mode='trilinear')", "(x(1, 1, 2, 3, 2),)"),
    ],
    "UpsamplingBilinear2d": [("(scale_factor=2)", "(x(1, 2, 3, 4),)"), ("((5, 6))", "(x(1, 2, 3, 4),)"), ("(size=4)", "(x(1, 2, 3, 4),)")],
    "UpsamplingNearest2d": [("(scale_factor=2)", "(x(1, 2, 3, 4),)"), ("((5, 6))", "(x(1, 2, 3, 4),)"), ("(size=4)", "(x(1, 2, 3, 4),)")],
    "NLLLoss2d": [("()", "(x(2, 3, 4, 4), i(3, 2, 4, 4))"), ("(reduction='sum')", "(x(2, 3, 4, 4), i(3, 2, 4, 4))"), ("(ignore_index=1)", "(x(2, 3, 4, 4), i(3, 2, 4, 4))")],
    "LSTM": [
        ("(3, 4)", "(x(5, 2, 3),)"),
        ("(3, 4, 2, batch_first=True, bidirectional=True)", "(x(2, 5, 3), (x(4, 2, 4), x(4, 2, 4)))"),
        ("(3, 4, proj_size=2)", "(x(5, 2, 3),)"),
        ("(3, 4, 2, proj_size=2, bidirectional=True)", "(x(5, 3),)"),
        ("(3, 4, bias=False)", "(nn.utils.rnn.pack_padded_sequence(x(5, 3, 3), [5, 4, 2]),)"),
        ("(3, 4)", "(nn.utils.rnn.pack_padded_sequence(x(5, 3, 3), [2, 5, 3], enforce_sorted=False),)"),
    ],
    "GRU": [
        ("(3, 4)", "(x(5, 2, 3),)"),
        ("(3, 4, 2, batch_first=True, bidirectional=True)", "(x(2, 5, 3), x(4, 2, 4))"),
        ("(3, 4, bias=False)", "(nn.utils.rnn.pack_padded_sequence(x(5, 3, 3), [5, 4, 2]),)"),
    ],
    "RNN": [
        ("(3, 4, nonlinearity='relu')", "(x(5, 2, 3),)"),
        ("(3, 4, 2, batch_first=True, bidirectional=True)", "(x(2, 5, 3), x(4, 2, 4))"),
        ("(3, 4)", "(nn.utils.rnn.pack_padded_sequence(x(5, 3, 3), [5, 4, 2]),)"),
    ],
    "MultiheadAttention": [
        ("(8, 2)", "(x(3, 2, 8), x(4, 2, 8), x(4, 2, 8))"),
        ("(8, 2, batch_first=True)", "(x(2, 3, 8), x(2, 4, 8), x(2, 4, 8), need_weights=False)"),
        ("(8, 2, kdim=5, vdim=6)", "(x(3, 2, 8), x(4, 2, 5), x(4, 2, 6), average_attn_weights=False)"),
        ("(8, 2, add_bias_kv=True, add_zero_attn=True)", "(x(3, 2, 8), x(4, 2, 8), x(4, 2, 8))"),
        ("(8, 2)", "(x(3, 2, 8), x(3, 2, 8), x(3, 2, 8), attn_mask=torch.ones(3, 3, dtype=torch.bool).triu(1))"),
        ("(8, 2)", "(x(3, 2, 8), x(3, 2, 8), x(3, 2, 8), key_padding_mask=torch.tensor([[False, False, True], [False, True, True]]))"),
    ],
}  # fmt: skip
