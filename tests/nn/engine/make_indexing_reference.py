"""Operators that read and write where indices or positions say, with torch's results and gradients.

`python make_indexing_reference.py > indexing_reference.json` (torch 2) writes what indexing_reference_test.cc reads:
nodes of ONNX with inputs, the result y, and the gradients of <cotangent, y>.
"""

import itertools
import json

import torch
import torch.nn.functional as functional

torch.manual_seed(5)
CASES = []


def numbers(x):
    return [float(f"{value:.9g}") for value in x.detach().flatten().tolist()]


def typed(x):
    if x.is_floating_point():
        return {"shape": list(x.shape), "values": numbers(x), "type": "float"}
    return {"shape": list(x.shape), "values": x.flatten().tolist(), "type": "int64"}


def add(name, op, attributes, opset, inputs, function):
    """`inputs`: tensors, of which those of floats are differentiated; `function`: of them, torch's y."""
    leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    y = function(*leaves)
    cotangent = torch.randn(y.shape)
    (y * cotangent).sum().backward()
    CASES.append({
        "name": name, "op": op, "opset": opset, "attributes": attributes,
        "inputs": [typed(x) for x in leaves], "cotangent": numbers(cotangent), "y": numbers(y),
        "gradients": [numbers(x.grad) if x.is_floating_point() else None for x in leaves],
    })


def indexing():
    x = torch.randn(3, 4, 5)
    for dim in range(3):
        shape = [2, 3, 4]
        indices = torch.randint(0, x.shape[dim], shape)
        add(f"GatherElements{dim}", "GatherElements", {"axis": dim}, 13, [x, indices],
            lambda x, i, dim=dim: x.gather(dim, i))
        updates = torch.randn(shape)
        distinct = torch.stack([torch.randperm(x.shape[dim])[:shape[dim]] for _ in range(24 // shape[dim])])
        distinct = distinct.reshape([s for a, s in enumerate(shape) if a != dim] + [shape[dim]]).movedim(-1, dim)
        add(f"ScatterElements{dim}", "ScatterElements", {"axis": dim}, 18, [x, distinct.contiguous(), updates],
            lambda x, i, u, dim=dim: x.scatter(dim, i, u))
        add(f"ScatterElementsAdd{dim}", "ScatterElements", {"axis": dim, "reduction": "add"}, 18,
            [x, indices, updates], lambda x, i, u, dim=dim: x.scatter_add(dim, i, u))
    pairs = torch.tensor([[0, 1], [2, 3], [1, 1]])
    add("GatherND", "GatherND", {}, 13, [x, pairs], lambda x, i: x[i[:, 0], i[:, 1]])
    updates = torch.randn(3, 5)
    add("ScatterND", "ScatterND", {}, 18, [x, pairs, updates],
        lambda x, i, u: x.index_put((i[:, 0], i[:, 1]), u))
    twice = torch.tensor([[0, 1], [2, 3], [0, 1]])
    add("ScatterNDAdd", "ScatterND", {"reduction": "add"}, 18, [x, twice, updates],
        lambda x, i, u: x.index_put((i[:, 0], i[:, 1]), u, accumulate=True))


def sampling():
    x = torch.randn(2, 3, 4, 5)
    modes = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
    for mode, padding, align in itertools.product(modes, ("zeros", "border", "reflection"), (0, 1)):
        grid = torch.rand(2, 3, 3, 2) * 3.6 - 1.8
        attributes = {"mode": mode, "padding_mode": padding, "align_corners": align}
        add(f"GridSample_{mode}_{padding}_{align}", "GridSample", attributes, 20, [x, grid],
            lambda x, g, m=mode, p=padding, a=align: functional.grid_sample(x, g, modes[m], p, bool(a)))
    volume, grid = torch.randn(2, 2, 3, 4, 2), torch.rand(2, 2, 2, 3, 3) * 2.4 - 1.2
    add("GridSample_volume", "GridSample", {"mode": "linear"}, 20, [volume, grid],
        lambda x, g: functional.grid_sample(x, g, "bilinear", "zeros", False))


indexing()
sampling()
print("[\n" + ",\n".join(json.dumps(case) for case in CASES) + "\n]")
