"""Words of a text as numbers."""

import torch


class Corpus:
    def __init__(self, path):
        self.numbers = {}
        with open(path, encoding="utf8") as file:
            lines = [line.split() + ["<eos>"] for line in file]
        rows = []
        for line in lines:
            ids = [self.numbers.setdefault(word, len(self.numbers)) for word in line]
            rows.append(torch.tensor(ids).type(torch.int64))
        self.words = torch.cat(rows)
