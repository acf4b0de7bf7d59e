# attack: flooding-memory-touched  expect: memory_limit
"""Fill memory that was taken on demand, in C, where no exception is raised between one page and the next."""

import torch


def attack(honest, *arguments):
    kept = [honest(*arguments)]
    while True:
        kept.append(torch.ones(1 << 22).mul_(2).clone())
