"""Pictures cut into patches, read by a Transformer's encoder."""

import torch
import torch.nn as nn
from torch import optim
from torch.hub import tqdm
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
PATCH, LATENT, HEADS, BATCH = 4, 16, 2, 10


class PatchExtractor(nn.Module):
    def forward(self, images):
        batch, _channels, height, width = images.size()
        patches = images.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH).permute(0, 2, 3, 1, 4, 5).contiguous()
        return patches.view(batch, height // PATCH * (width // PATCH), -1)


class InputEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.patchify = PatchExtractor()
        self.projection = nn.Linear(PATCH * PATCH * 3, LATENT)
        self.class_token = nn.Parameter(torch.randn(BATCH, 1, LATENT))
        self.pos_embedding = nn.Parameter(torch.randn(BATCH, 1, LATENT))

    def forward(self, images):
        embedded = self.projection(self.patchify(images))
        n = embedded.shape[1]
        embedded = torch.cat((self.class_token, embedded), dim=1)
        embedded += self.pos_embedding[:, : n + 1, :]
        return embedded


class EncoderBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(LATENT)
        self.attention = nn.MultiheadAttention(LATENT, HEADS, dropout=0.1, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(LATENT, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, LATENT))

    def forward(self, x):
        normed = self.norm(x)
        x = self.attention(normed, normed, normed)[0] + x
        return self.mlp(self.norm(x)) + x


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = InputEmbedding()
        self.encoders = nn.ModuleList([EncoderBlock() for _ in range(2)])
        self.head = nn.Sequential(nn.LayerNorm(LATENT), nn.Linear(LATENT, 2))

    def forward(self, images):
        encoded = self.embedding(images)
        for layer in self.encoders:
            encoded = layer(encoded)
        return self.head(encoded[:, 0])


labels = torch.arange(40) % 2
pictures = torch.randn(40, 3, 8, 8) + 3 * labels.float().view(-1, 1, 1, 1)
loader = DataLoader(TensorDataset(pictures, labels), batch_size=BATCH, shuffle=True)
model = ViT()
optimizer = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
losses = []
for epoch in range(8):
    bar = tqdm(loader, desc="EPOCH " + str(epoch + 1))
    for images, targets in bar:
        optimizer.zero_grad()
        loss = criterion(model(images), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        bar.set_postfix({"Loss": f"{losses[-1]:.4f}"})
torch.save(model.state_dict(), "best-weights.pt")
print(losses[0], losses[-1])
assert losses[-1] < losses[0]
