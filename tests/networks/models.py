"""The networks of the tests: a CIFAR-style ResNet-14, a small MobileNetV2, a small ViT and a thin PP-LCNet, for 28x28
grey images."""

import torch
from torch import nn

NAMES = ("resnet14", "mobilenetv2", "vit", "pplcnet")


class Residual(nn.Module):
    """What residual blocks have in common, the shortcut: the identity, or a 1x1 projection where shapes change."""

    def add_shortcut(self, src_channels, dst_channels, stride):
        self.project = None
        if stride != 1 or src_channels != dst_channels:
            self.project = nn.Conv2d(src_channels, dst_channels, 1, stride, bias=False)
            self.project_bn = nn.BatchNorm2d(dst_channels)

    def shortcut(self, x):
        return x if self.project is None else self.project_bn(self.project(x))


class BasicBlock(Residual):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, src_channels, dst_channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(src_channels, dst_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(dst_channels)
        self.conv2 = nn.Conv2d(dst_channels, dst_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(dst_channels)
        self.add_shortcut(src_channels, dst_channels, stride)

    def forward(self, x):
        shortcut = self.shortcut(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet14(nn.Module):
    """Stem, 3 stages of 2 basic blocks at 28x28, 14x14 and 7x7, average pool, 10 classes."""

    def __init__(self, widths=(32, 64, 128)):
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, 1, 1, bias=False)
        self.stem_bn = nn.BatchNorm2d(widths[0])
        blocks = []
        channels = widths[0]
        for stage, width in enumerate(widths):
            for block in range(2):
                blocks.append(BasicBlock(channels, width, 2 if stage > 0 and block == 0 else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        x = torch.relu(self.stem_bn(self.stem(x)))
        x = self.blocks(x)
        x = nn.functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


class ReLU6(nn.Module):
    """min(max(x, 0), 6). Written as a difference of two ReLUs for training: torch's own has no derivative in bfloat16."""

    def forward(self, x):
        if self.training:
            return torch.relu(x) - torch.relu(x - 6)
        return torch.clamp(x, 0, 6)


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1 projection (Sandler et al. 2018, section 3.3)."""

    def __init__(self, src_channels, dst_channels, stride, expansion):
        super().__init__()
        hidden = src_channels * expansion
        self.expand = None
        if expansion != 1:
            self.expand = nn.Conv2d(src_channels, hidden, 1, bias=False)
            self.expand_bn = nn.BatchNorm2d(hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(hidden)
        self.project = nn.Conv2d(hidden, dst_channels, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(dst_channels)
        self.relu6 = ReLU6()
        self.residual = stride == 1 and src_channels == dst_channels

    def forward(self, x):
        y = x
        if self.expand is not None:
            y = self.relu6(self.expand_bn(self.expand(y)))
        y = self.relu6(self.depthwise_bn(self.depthwise(y)))
        y = self.project_bn(self.project(y))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """Stem, inverted residuals given as (expansion, channels, repeats, stride), head, classifier."""

    def __init__(self, stem, stages, head, stem_stride=1, src_channels=1, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(src_channels, stem, 3, stem_stride, 1, bias=False)
        self.stem_bn = nn.BatchNorm2d(stem)
        blocks = []
        channels = stem
        for expansion, width, repeats, stride in stages:
            for repeat in range(repeats):
                blocks.append(InvertedResidual(channels, width, stride if repeat == 0 else 1, expansion))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(channels, head, 1, bias=False)
        self.head_bn = nn.BatchNorm2d(head)
        self.relu6 = ReLU6()
        self.fc = nn.Linear(head, classes)

    def forward(self, x):
        x = self.relu6(self.stem_bn(self.stem(x)))
        x = self.blocks(x)
        x = self.relu6(self.head_bn(self.head(x)))
        x = nn.functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


class Attention(nn.Module):
    """Multi-head self-attention, written out so that both of its products are matrix products of two activations."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.width = heads, width
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        tokens, size = x.shape[1], self.width // self.heads
        q, k, v = self.qkv(x).reshape(-1, tokens, 3, self.heads, size).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(torch.matmul(q, k.transpose(-2, -1)) * size ** -0.5, dim=-1)
        return self.proj(torch.matmul(weights, v).transpose(1, 2).reshape(-1, tokens, self.width))


class EncoderBlock(nn.Module):
    """Attention and a two-layer perceptron, each after a layer normalization and beside a shortcut."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.expand, self.project = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.project(nn.functional.gelu(self.expand(self.norm2(x))))


class ViT(nn.Module):
    """Vision transformer (Dosovitskiy et al. 2020): square patches, a class token, learned positions, classifier."""

    def __init__(self, patch=4, width=64, depth=4, heads=4, hidden=128, src_channels=1, image=28, classes=10):
        super().__init__()
        tokens = (image // patch) ** 2
        self.patches = nn.Conv2d(src_channels, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, tokens + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads, hidden) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.fc(self.norm(self.blocks(x))[:, 0])


class SqueezeExcite(nn.Module):
    """Channels scaled by what their averages say (Hu et al. 2018)."""

    def __init__(self, channels):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        scale = torch.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(x, 1)))
        return x * nn.functional.hardsigmoid(self.excite(scale))


class DepthwiseSeparable(nn.Module):
    """A depthwise and a pointwise convolution, each with a hard-swish; squeeze-and-excitation between them at the end."""

    def __init__(self, src_channels, dst_channels, kernel, stride, has_scale):
        super().__init__()
        self.depthwise = nn.Conv2d(src_channels, src_channels, kernel, stride, kernel // 2, groups=src_channels,
                                   bias=False)
        self.depthwise_bn = nn.BatchNorm2d(src_channels)
        self.scale = SqueezeExcite(src_channels) if has_scale else None
        self.pointwise = nn.Conv2d(src_channels, dst_channels, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(dst_channels)

    def forward(self, x):
        x = nn.functional.hardswish(self.depthwise_bn(self.depthwise(x)))
        if self.scale is not None:
            x = self.scale(x)
        return nn.functional.hardswish(self.pointwise_bn(self.pointwise(x)))


class PPLCNet(nn.Module):
    """PP-LCNet (Cui et al. 2021, table 2) with its 33 layers and a quarter of its channels, for small images."""

    def __init__(self, head=160, classes=10):
        super().__init__()
        # Kernel, channels, stride.
        blocks = [(3, 16, 1), (3, 32, 1), (3, 32, 1), (3, 32, 1), (3, 32, 1), (3, 64, 2), (5, 64, 1), (5, 64, 1),
                  (5, 64, 1), (5, 64, 1), (5, 64, 1), (5, 128, 2), (5, 128, 1)]
        self.stem = nn.Conv2d(1, 8, 3, 2, 1, bias=False)
        self.stem_bn = nn.BatchNorm2d(8)
        layers, channels = [], 8
        for number, (kernel, width, stride) in enumerate(blocks):
            layers.append(DepthwiseSeparable(channels, width, kernel, stride, number >= len(blocks) - 2))
            channels = width
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, head, 1)
        self.fc = nn.Linear(head, classes)

    def forward(self, x):
        x = self.blocks(nn.functional.hardswish(self.stem_bn(self.stem(x))))
        x = nn.functional.hardswish(self.head(nn.functional.adaptive_avg_pool2d(x, 1)))
        return self.fc(torch.flatten(x, 1))


def make(name):
    """The network of that name, with the initial weights of torch's current seed."""
    if name == "resnet14":
        return ResNet14()
    if name == "mobilenetv2":
        # Few and wide inverted residuals: on a processor depthwise convolutions gain nothing from 8 bits, so that the
        # 1x1 convolutions around them have to carry the gain.
        return MobileNetV2(stem=64, stem_stride=2, stages=[(2, 160, 2, 1), (2, 192, 1, 2)], head=160)
    if name == "vit":
        return ViT()
    if name == "pplcnet":
        return PPLCNet()
    raise ValueError(f"no network is called {name}")
