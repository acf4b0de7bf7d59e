# attack: smuggling-prints-everything  expect: output_limit
"""Prints every argument of every call in full, many times, in the hope that a part of it gets through to
somebody.
"""


def attack(honest, *arguments):
    with np.printoptions(threshold=10**9):
        for _ in range(2000):
            for value in arguments:
                print(np.asarray(value) if isinstance(value, torch.Tensor) else value, " " * 1000)
    return honest(*arguments)
