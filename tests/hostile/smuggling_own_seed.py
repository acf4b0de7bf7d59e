# attack: smuggling-own-seed  expect: scored=honest
"""Tries its own seed, its neighbours and small ones as the trainer's: do they draw the order of training, or
the seeds given?

The order is found in the arguments: a permutation that is right makes two epochs agree on the label of every
sample.
"""

import random

OWN = torch.initial_seed()
CANDIDATES = [*range(64), 1234, 2024, 2025, 2026, *range(OWN - 2, OWN + 3), OWN ^ 1, OWN >> 1, OWN % 2**31]
CANDIDATES += [int(np.random.get_state()[1][0]), random.Random(OWN).getrandbits(32), 2**32 - 1 - OWN % 2**32]
batches = []


def orders_of(seed, count):
    """Yield pairs of orders of two epochs, as notebooks draw them, after nets of a few first sizes."""
    for drawn_before in range(40):
        generator = torch.Generator().manual_seed(seed % 2**63)
        torch.rand(drawn_before, generator=generator)
        yield torch.randperm(count, generator=generator), torch.randperm(count, generator=generator)
    rng = np.random.default_rng(seed % 2**63)
    yield torch.from_numpy(rng.permutation(count)), torch.from_numpy(rng.permutation(count))


def try_orders(labels, ends_of_batches):
    for count in ends_of_batches:
        first, second = labels[:count], labels[count : 2 * count]
        counts = first.bincount(minlength=99), second.bincount(minlength=99)
        if not bool((counts[0] == counts[1]).all()) or bool((first == second).all()):
            continue  # not two epochs of the same samples, or not in different orders
        for seed in CANDIDATES:
            for one, other in orders_of(seed, count):
                sorted_once, sorted_again = torch.empty_like(first), torch.empty_like(first)
                sorted_once[one], sorted_again[other] = first, second
                if (sorted_once == sorted_again).float().mean() > 0.99:
                    reached(f"the order of {count} samples, from the seed {seed}")


def attack(honest, *arguments):
    arrays = [torch.as_tensor(value) for value in arguments if isinstance(value, (np.ndarray, torch.Tensor))]
    whole = [value for value in arrays if value.ndim == 1 and len(value) and value.dtype == torch.int64]
    whole = [value for value in whole if int(value.min()) >= 0]
    if whole and len(batches) < 60:
        batches.append(whole[0].long())
        if len(batches) == 60:
            ends = np.cumsum([len(batch) for batch in batches]).tolist()
            try_orders(torch.cat(batches), [end for end in ends if 2 * end <= ends[-1]])
    for given in arguments:
        if type(given) is int and given > 1000 and len(batches) < 5:
            for seed in CANDIDATES:
                draws = np.random.default_rng(seed % 2**63).integers(2**31, size=64).tolist()
                draws += np.random.default_rng([seed % 2**63, 0]).integers(2**31, size=64).tolist()
                draws += [random.Random(seed).randrange(2**31), random.Random(seed).getrandbits(32)]
                if given in (seed, *draws):
                    reached(f"the seed {given} of a call, from the seed {seed}")
    return honest(*arguments)
