# SPDX-License-Identifier: Apache-2.0
"""What both training scripts share: the data, its split, and handing weights to the writer."""
import json
import sys

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def split(scale):
    """Pixels (times `scale`) and labels: 1437 records to train on, 360 held out."""
    torch.manual_seed(7)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels * scale, labels, test_size=360, random_state=7, stratify=labels)
    return [torch.from_numpy(part) for part in parts]


def train(model, train_x, train_y, epochs, rate):
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, epochs=epochs, steps_per_epoch=(len(train_x) + 63) // 64)
    for _ in range(epochs):
        order = torch.randperm(len(train_x))
        for batch in order.split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(train_x[batch]), train_y[batch]).backward()
            optimizer.step()
            schedule.step()


def finish(model, test_x, test_y, title):
    """Prints the accuracy and writes the weights, as JSON, to the file named on the command line."""
    model.eval()
    with torch.no_grad():
        accuracy = (model(test_x).argmax(1) == test_y).double().mean().item()
    count = sum(p.numel() for p in model.parameters())
    print(f"{title}: {count} parameters, accuracy {accuracy:.4f} on {len(test_y)} held-out records")
    tensors = [{"name": name, "shape": list(t.shape), "data": t.flatten().tolist()}
               for name, t in model.state_dict().items()]
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump({"title": title, "accuracy": accuracy, "tensors": tensors}, out)
