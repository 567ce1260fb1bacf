"""Learns the next word of a text, stores the whole network, and reads it again with what it names allowed."""

import argparse
import math

import corpus
import networks
import torch
import torch.nn as nn
import torch.onnx
from torch.nn.modules import Transformer
from torch.serialization import safe_globals

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=str, default="LSTM")
parser.add_argument("--tied", action="store_true")
parser.add_argument("--save", type=str, default="model.pt")
args = parser.parse_args()
torch.manual_seed(1111)
with open("text.txt", "w", encoding="utf8") as file:
    file.writelines("the cat sat on the mat\nthe dog sat on the log\n" for _ in range(40))
text = corpus.Corpus("text.txt")
ntokens, batch, bptt = len(text.numbers), 8, 7


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    return data.narrow(0, 0, nbatch * bsz).view(bsz, -1).t().contiguous()


def repackage_hidden(h):
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)


data = batchify(text.words, batch)
recurrent = args.model != "Transformer"
if recurrent:
    model = networks.RNNModel(args.model, ntokens, 16, 16, 2, tie_weights=args.tied)
else:
    model = networks.TransformerModel(ntokens, 16, 2, 16, 2)
criterion = nn.NLLLoss()


def run(learning):
    model.train(learning)
    hidden = model.init_hidden(batch) if recurrent else None
    losses = []
    for i in range(0, data.size(0) - 1, bptt):
        length = min(bptt, len(data) - 1 - i)
        source, target = data[i : i + length], data[i + 1 : i + 1 + length].view(-1)
        model.zero_grad()
        if recurrent:
            output, hidden = model(source, repackage_hidden(hidden))
        else:
            output = model(source).view(-1, ntokens)
        loss = criterion(output, target)
        if learning:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            for p in model.parameters():
                if p.grad is not None:
                    p.data.add_(p.grad, alpha=-1.0)
        losses.append(loss.item())
    return sum(losses) / len(losses)


first = run(learning=True)
for _ in range(4):
    last = run(learning=True)
print(f"loss {first:.3f}, then {last:.3f}, ppl {math.exp(last):.2f}")
assert last < first
before = run(learning=False)
with open(args.save, "wb") as file:
    torch.save(model, file)
if recurrent:
    allowed = [
        model.__class__,
        torch.nn.modules.dropout.Dropout,
        torch.nn.modules.linear.Linear,
        torch.nn.modules.rnn.GRU,
        torch.nn.modules.rnn.LSTM,
        torch.nn.modules.rnn.RNN,
        torch.nn.modules.sparse.Embedding,
    ]
else:
    allowed = [
        Transformer,
        model.__class__,
        model.pos_encoder.__class__,
        torch.nn.modules.activation.MultiheadAttention,
        torch.nn.modules.container.ModuleList,
        torch.nn.modules.dropout.Dropout,
        torch.nn.modules.linear.Linear,
        torch.nn.modules.linear.NonDynamicallyQuantizableLinear,
        torch.nn.modules.normalization.LayerNorm,
        torch.nn.modules.sparse.Embedding,
        torch.nn.modules.transformer.TransformerEncoder,
        torch.nn.modules.transformer.TransformerEncoderLayer,
        torch.nn.modules.transformer.TransformerDecoder,
        torch.nn.modules.transformer.TransformerDecoderLayer,
        torch.nn.functional.relu,
    ]
with open(args.save, "rb") as file, safe_globals(allowed):
    model = torch.load(file)
    if recurrent:
        model.rnn.flatten_parameters()
assert abs(run(learning=False) - before) < 1e-6
