#!/usr/bin/python3
"""Trains one of the test networks on Fashion-MNIST and stores its weights and its float accuracy.

  nice python3 train.py resnet14 --epochs 4 --out /somewhere
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch

import data
import models


def accuracy(network, images, labels):
    """Share of right answers, in inference mode."""
    network.eval()
    right = 0
    with torch.no_grad():
        for begin in range(0, len(images), 500):
            scores = network(torch.from_numpy(images[begin:begin + 500]))
            right += int((scores.argmax(1).numpy() == labels[begin:begin + 500]).sum())
    return right / len(images)


def optimizer_of(name, network, peak_rate):
    """SGD with Nesterov momentum; AdamW for the transformer, with no decay of biases, norms and positions."""
    if name != "vit":
        return torch.optim.SGD(network.parameters(), lr=peak_rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    matrices = [p for n, p in network.named_parameters() if n.endswith("weight") and p.dim() > 1]
    others = [p for n, p in network.named_parameters() if not (n.endswith("weight") and p.dim() > 1)]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                             lr=peak_rate)


def train(network, optimizer, images, labels, epochs, batch, peak_rate, seed):
    """Follows a one-cycle schedule, without augmentation.

    Layers are computed in bfloat16 where that is safe (torch's autocast), weights and sums kept in float32: half the
    time on a processor with such instructions. Accuracy is measured in float32 afterwards.
    """
    steps = len(images) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=epochs * steps, pct_start=0.25)
    generator = np.random.default_rng(seed)
    for epoch in range(epochs):
        network.train()
        order = generator.permutation(len(images))
        started, total = time.time(), 0.0
        for step in range(steps):
            chosen = order[step * batch:(step + 1) * batch]
            src = torch.from_numpy(images[chosen]).to(memory_format=torch.channels_last)
            with torch.cpu.amp.autocast(dtype=torch.bfloat16):
                scores = network(src)
            loss = torch.nn.functional.cross_entropy(scores.float(), torch.from_numpy(labels[chosen]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
            if step % 50 == 0:
                print(f"epoch {epoch} step {step}/{steps} loss {total / (step + 1):.4f} "
                      f"{time.time() - started:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=models.NAMES)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, help="peak learning rate; 0.1, for vit 0.002")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    if options.rate is None:
        options.rate = 0.002 if options.network == "vit" else 0.1

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    network = models.make(options.network).to(memory_format=torch.channels_last)
    optimizer = optimizer_of(options.network, network, options.rate)
    train(network, optimizer, *data.training(), options.epochs, options.batch, options.rate, options.seed)
    images, labels = data.test()
    report = {
        "seed": options.seed,
        "epochs": options.epochs,
        "batch": options.batch,
        "peak_learning_rate": options.rate,
        "parameters": sum(p.numel() for p in network.parameters()),
        "accuracy_10000": accuracy(network, images, labels),
        "accuracy_2000": accuracy(network, images[:2000], labels[:2000]),
        "torch": torch.__version__,
    }
    torch.save(network.state_dict(), options.out / f"{options.network}.pt")
    (options.out / f"{options.network}.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
