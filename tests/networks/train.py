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


def train(network, images, labels, epochs, batch, peak_rate, seed):
    """SGD with momentum under a one-cycle schedule, without augmentation.

    Layers are computed in bfloat16 where that is safe (torch's autocast), weights and sums kept in float32: half the
    time on a processor with such instructions. Accuracy is measured in float32 afterwards.
    """
    optimizer = torch.optim.SGD(network.parameters(), lr=peak_rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
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
    parser.add_argument("network", choices=["resnet14", "mobilenetv2"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    network = models.make(options.network).to(memory_format=torch.channels_last)
    train(network, *data.training(), options.epochs, options.batch, options.rate, options.seed)
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
