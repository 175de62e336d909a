# SPDX-License-Identifier: Apache-2.0
"""Trains a two-layer transformer on the digits as sequences of 64 tokens (a pixel is one of 17 grey levels)."""
import torch
from torch.nn import Embedding, LayerNorm, Linear, ModuleList

import digits

WIDTH, HEADS, LAYERS = 32, 4, 2


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_1 = LayerNorm(WIDTH)
        self.query = Linear(WIDTH, WIDTH)
        self.key = Linear(WIDTH, WIDTH)
        self.value = Linear(WIDTH, WIDTH)
        self.out = Linear(WIDTH, WIDTH)
        self.norm_2 = LayerNorm(WIDTH)
        self.up = Linear(WIDTH, 2 * WIDTH)
        self.down = Linear(2 * WIDTH, WIDTH)

    def heads(self, x):
        return x.view(x.shape[0], -1, HEADS, WIDTH // HEADS).transpose(1, 2)

    def forward(self, x):
        y = self.norm_1(x)
        query, key, value = (self.heads(f(y)) for f in (self.query, self.key, self.value))
        weights = torch.softmax(query @ key.transpose(2, 3) / (WIDTH // HEADS) ** 0.5, dim=3)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(x.shape))
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm_2(x))))


class Transformer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token = Embedding(17, WIDTH)
        self.position = Embedding(64, WIDTH)
        self.layers = ModuleList(Layer() for _ in range(LAYERS))
        self.norm = LayerNorm(WIDTH)
        self.classifier = Linear(WIDTH, 10)

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.norm(x).mean(dim=1))


train_x, test_x, train_y, test_y = digits.split(1)
model = Transformer()
digits.train(model, train_x.long(), train_y, epochs=60, rate=0.004)
digits.finish(model, test_x.long(), test_y, "digits-transformer")
