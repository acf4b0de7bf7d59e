# attack: stopping-torch  expect: time_limit
"""One operation of torch over 10^15 elements that take no memory."""

import torch


def attack(honest, *arguments):
    torch.ones(1).expand(10**15).sum()
    return honest(*arguments)
