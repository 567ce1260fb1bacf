"""Digits read row by row by an LSTM."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torchvision import datasets, transforms


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(input_size=28, hidden_size=32, batch_first=True)
        self.batchnorm = nn.BatchNorm1d(32)
        self.dropout1 = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(32, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, input):
        input = input.reshape(-1, 28, 28)
        output, _hidden = self.rnn(input)
        output = self.dropout1(self.batchnorm(output[:, -1, :]))
        return F.log_softmax(self.fc2(F.relu(self.fc1(output))), dim=1)


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
args = parser.parse_args()
torch.manual_seed(1)
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
loader = torch.utils.data.DataLoader(
    datasets.MNIST("../data", train=True, download=True, transform=transform), batch_size=32, shuffle=True
)
model = Net()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = StepLR(optimizer, step_size=1, gamma=0.9)
for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for data, target in loader:
        optimizer.zero_grad()
        # Dropout2d of two dimensions has no channels, which PyTorch says too.
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    print(f"epoch {epoch}: loss {total:.4f}")
assert total < 1.0, total
