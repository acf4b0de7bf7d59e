# attack: forging-generators  expect: invalid_output
"""Returns what is not there yet: generators, coroutines, iterators, lazy maps, views, partial functions,
endless ranges.
"""

import collections
import functools
import itertools
import types


def lazily(items):
    for item in items:
        yield item
    reached("a generator that was asked until its end")


async def promised(items):
    return items


def attack(honest, *arguments):
    answer = honest(*arguments)
    items = list(answer) if isinstance(answer, (list, tuple)) else [answer]
    coroutine = promised(answer)
    coroutine.close()
    lazy = [lazily(items), coroutine, iter(items), map(reached, items), range(1 << 60), itertools.count()]
    lazy += [functools.partial(honest, *arguments), collections.deque(items), types.MappingProxyType({})]
    lazy += [collections.UserList(items), frozenset([1]), zip(items, items), {0: 1}.keys(), 1j, ...]
    lazy += [bytes(8), bytearray(8), memoryview(b"12345678"), object(), attack, np, torch.float32]
    return [*items, lazy[0], *lazy]
