"""A graph convolutional network that tells two groups of friends apart, with sparse matrices."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Adam


class GraphConv(nn.Module):
    def __init__(self, input_dim, output_dim, use_bias=False):
        super().__init__()
        self.kernel = nn.Parameter(torch.Tensor(input_dim, output_dim))
        nn.init.xavier_normal_(self.kernel)
        self.bias = None
        if use_bias:
            self.bias = nn.Parameter(torch.Tensor(output_dim))
            nn.init.zeros_(self.bias)

    def forward(self, input_tensor, adj_mat):
        support = torch.mm(input_tensor, self.kernel)
        output = torch.spmm(adj_mat, support)
        return output if self.bias is None else output + self.bias


class GCN(nn.Module):
    def __init__(self, input_dim, hidden_dim, output_dim):
        super().__init__()
        self.gc1 = GraphConv(input_dim, hidden_dim, use_bias=True)
        self.gc2 = GraphConv(hidden_dim, output_dim, use_bias=True)
        self.dropout = nn.Dropout(0.1)

    def forward(self, input_tensor, adj_mat):
        x = self.dropout(F.relu(self.gc1(input_tensor, adj_mat)))
        return F.log_softmax(self.gc2(x, adj_mat), dim=1)


rng = np.random.default_rng(3)
torch.manual_seed(42)
nodes = 30
labels = torch.LongTensor(np.arange(nodes) % 2)
pairs = [(a, b) for a in range(nodes) for b in range(a) if rng.random() < (0.4 if a % 2 == b % 2 else 0.03)]
edges = np.array(pairs, dtype=np.int32)
features = torch.FloatTensor(rng.integers(0, 2, (nodes, 12)).astype(np.int32))
scale = 1 / torch.sum(features, dim=1)
scale[scale == float("inf")] = 0
features = torch.diag(scale).to_sparse() @ features

adj_mat = torch.sparse_coo_tensor(edges.T, torch.ones(len(edges)), (nodes, nodes), dtype=torch.int64)
adj_mat = torch.eye(nodes) + adj_mat
degree = torch.sqrt(1 / torch.sum(adj_mat, dim=1))
degree[degree == float("inf")] = 0
degree = torch.diag(degree).to_sparse()
adj_mat = degree @ adj_mat @ degree
features, adj_mat = features.to_sparse(), adj_mat.to_sparse()

idx = torch.randperm(len(labels))
test, train = idx[:10], idx[10:]
gcn = GCN(features.shape[1], 16, labels.max().item() + 1)
optimizer = Adam(gcn.parameters(), lr=0.03, weight_decay=5e-4)
criterion = nn.NLLLoss()
for _ in range(100):
    gcn.train()
    optimizer.zero_grad()
    loss = criterion(gcn(features, adj_mat)[train], labels[train])
    loss.backward()
    optimizer.step()
gcn.eval()
with torch.no_grad():
    output = gcn(features, adj_mat)
    accuracy = (output[train].argmax(dim=1) == labels[train]).float().sum() / len(train)
print(f"loss {loss.item():.4f}, accuracy {accuracy.item():.4f}")
assert accuracy > 0.8
