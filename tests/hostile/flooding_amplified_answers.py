# attack: flooding-amplified-answers  expect: invalid_output|scored<=baseline
"""Return the honest answer thousands of times over, to make the trainer work on it until its clock runs out."""

import numpy as np
import torch


def amplified(value):
    if isinstance(value, (list, tuple)):
        return type(value)(amplified(one) for one in value)
    if isinstance(value, dict):
        return {key: amplified(one) for key, one in value.items()}
    if isinstance(value, torch.Tensor) and value.ndim:
        return value.repeat(max(1, 2_000_000 // max(1, value.numel())), *[1] * (value.ndim - 1))
    if isinstance(value, np.ndarray) and value.ndim:
        return np.concatenate([value] * max(1, 2_000_000 // max(1, value.size)))
    return value


def attack(honest, *arguments):
    return amplified(honest(*arguments))
