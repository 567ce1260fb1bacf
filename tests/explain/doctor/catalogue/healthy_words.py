"""Word embeddings, averaged, tell two kinds of sentences apart."""

# fault: none

import ground

import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.words = nn.Embedding(50, wide)
        self.out = nn.Linear(wide, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.words(x)).mean(1))


v = ground.Variant()
y = torch.randint(0, 2, (400,))
x = torch.randint(0, 40, (400, 12))
x[torch.arange(400), torch.randint(0, 12, (400,))] = 40 + 2 * torch.randint(0, 5, (400,)) + y
net = Net(v.wide(16))
optimizer = torch.optim.Adam(net.parameters(), lr=v.lr(0.02))
for _ in range(15):
    net.train()
    for inputs, targets in ground.batches(x, y):
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
