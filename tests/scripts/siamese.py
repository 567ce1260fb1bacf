"""Do two digits show the same number? Two passes through one ResNet."""

import random

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
import torchvision
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = torchvision.models.resnet18(weights=None)
        self.resnet.conv1 = nn.Conv2d(1, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
        features = self.resnet.fc.in_features
        self.resnet = torch.nn.Sequential(*(list(self.resnet.children())[:-1]))
        self.fc = nn.Sequential(nn.Linear(features * 2, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))
        self.sigmoid = nn.Sigmoid()
        self.fc.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.resnet(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        output = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return self.sigmoid(self.fc(output))


class Pairs(Dataset):
    def __init__(self, root, train, download=False):
        super().__init__()
        self.dataset = datasets.MNIST(root, train=train, download=download)
        self.data = self.dataset.data.unsqueeze(1).clone()
        labels = np.array(self.dataset.targets.clone())
        self.groups = {i: np.where(labels == i)[0] for i in range(10)}

    def __len__(self):
        return 8

    def __getitem__(self, index):
        first = random.randint(0, 9)
        second = first if index % 2 == 0 else (first + random.randint(1, 9)) % 10
        images = [self.data[random.choice(list(self.groups[label]))].clone().float() for label in (first, second)]
        return images[0], images[1], torch.tensor(int(first == second), dtype=torch.float)


random.seed(1)
torch.manual_seed(1)
loader = DataLoader(Pairs("../data", train=True, download=True), batch_size=4)
model = SiameseNetwork()
before = model.resnet[0].weight.clone()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
criterion = nn.BCELoss()
for images_1, images_2, targets in loader:
    optimizer.zero_grad()
    outputs = model(images_1, images_2).squeeze()
    loss = criterion(outputs, targets)
    loss.backward()
    optimizer.step()
    pred = torch.where(outputs > 0.5, 1, 0)
    print(f"loss {loss.item():.4f}, right {pred.eq(targets.view_as(pred)).sum().item()}/{len(targets)}")
assert not torch.equal(model.resnet[0].weight, before)
assert torch.isfinite(loss)
