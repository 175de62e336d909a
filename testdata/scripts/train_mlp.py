# SPDX-License-Identifier: Apache-2.0
"""Trains a 64-32-10 perceptron on the digits that scikit-learn carries."""
import torch

import digits


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(64, 32)
        self.output = torch.nn.Linear(32, 10)

    def forward(self, pixels):
        return self.output(torch.relu(self.hidden(pixels)))


train_x, test_x, train_y, test_y = digits.split(1 / 16)
model = Mlp()
digits.train(model, train_x.float(), train_y, epochs=60, rate=0.01)
digits.finish(model, test_x.float(), test_y, "digits-mlp")
