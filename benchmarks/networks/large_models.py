"""Well-known topologies for 224x224 colour images and 1,000 classes: ResNet-18 and -50, MobileNetV2, ViT-Tiny."""

import pathlib
import sys

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "networks"))
from models import BasicBlock, MobileNetV2, Residual, ViT  # noqa: E402  of the test networks

NAMES = ("resnet18", "resnet50", "mobilenetv2", "vit_tiny")
IMAGE = (3, 224, 224)
CLASSES = 1000


class Bottleneck(Residual):
    """1x1, strided 3x3 and 1x1 convolutions to four times the width, beside a shortcut."""

    def __init__(self, src_channels, width, stride):
        super().__init__()
        dst_channels = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(src_channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, dst_channels, 1, bias=False), nn.BatchNorm2d(dst_channels)
        self.add_shortcut(src_channels, dst_channels, stride)

    def forward(self, x):
        shortcut = self.shortcut(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """7x7 stem, max pooling, four stages of blocks at 56x56 to 7x7 (He et al. 2015, table 1)."""

    def __init__(self, block, expansion, repeats):
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks, channels = [], 64
        for stage, count in enumerate(repeats):
            for i in range(count):
                blocks.append(block(channels, 64 << stage, 2 if stage > 0 and i == 0 else 1))
                channels = expansion * (64 << stage)
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x):
        x = self.blocks(self.pool(torch.relu(self.stem_bn(self.stem(x)))))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def make(name):
    """The network of that name, with the initial weights of torch's current seed."""
    if name == "resnet18":
        return ResNet(BasicBlock, 1, (2, 2, 2, 2))
    if name == "resnet50":
        return ResNet(Bottleneck, 4, (3, 4, 6, 3))
    if name == "mobilenetv2":
        stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                  (6, 320, 1, 1)]
        return MobileNetV2(32, stages, 1280, stem_stride=2, src_channels=3, classes=CLASSES)
    if name == "vit_tiny":
        return ViT(patch=16, width=192, depth=12, heads=3, hidden=768, src_channels=3, image=224, classes=CLASSES)
    raise ValueError(f"no network is called {name}")
