"""Frames as a hostile slot would send them: strategies for the fuzz tests of the boundary."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from fuzzing import damaged, spliced
from hypothesis import strategies as st

from grader.sandbox.inside import wire

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

CAPS = wire.Caps(header_bytes=1 << 13, payload_bytes=1 << 16, depth=8, nodes=300)
SIZES = {dtype: np.dtype(dtype).itemsize for dtype in sorted(wire.DTYPES)} | {"bfloat16": 2}
DTYPES = [*SIZES, "float128", "complex64", "object", "str", ">i4", "V8", "M8[s]", "f4", ""]
WORDS = [
    *[
        "n",
        "t",
        "b",
        "a",
        "l",
        *DTYPES,
        ["a"],
        ["l"],
        ["t"],
        ["n", "int8", [0]],
        [["a"], [["n", "int8", [0]]]],
    ],
    *[-1, 2**32, 2**62, 2**63, 10**30, True, 1.0],
]

arrays: SearchStrategy[Any] = st.builds(
    lambda dtype, shape: np.arange(math.prod(shape)).reshape(shape).astype(dtype),
    st.sampled_from([*sorted(wire.DTYPES), "bool", "bool"]),
    st.lists(st.integers(0, 4) | st.just(3), max_size=4),
)
tensors = st.builds(torch.from_numpy, arrays) | st.just(torch.ones(2, 3, dtype=torch.bfloat16))
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
values: SearchStrategy[Any] = st.recursive(
    plain | arrays | tensors,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


several = st.lists(arrays | tensors, min_size=1, max_size=4)


@st.composite
def frames(draw: DrawFn, sent: SearchStrategy[Any] = values | several) -> bytes:
    """Return a frame of which one part, or each, may not be as the sender makes it."""
    whole = wire.frame(draw(sent))
    part = draw(st.sampled_from(["header", "shapes", "payload", "lengths", "bytes", "all"]))
    magic, header_bytes, _ = wire.PREFIX.unpack_from(whole)
    header, payload = whole[wire.PREFIX.size :][:header_bytes], whole[wire.PREFIX.size + header_bytes :]
    if part in ("header", "shapes", "all"):
        tree = draw(damaged(json.loads(header), WORDS))
        encoding = draw(st.sampled_from(["utf-8"] * 9 + ["utf-16", "utf-32-le"]))
        header = json.dumps(tree, ensure_ascii=draw(st.booleans())).encode(encoding, "surrogatepass")
        payload = bytes(announced(tree)) if part == "shapes" else payload
    if part in ("payload", "all"):
        noise = st.binary(min_size=len(payload), max_size=len(payload))
        payload = draw(noise | noise.map(lambda data: data[::-1]) | spliced(payload))
    lengths = [len(header), len(payload)]
    if part in ("lengths", "all"):
        odd = st.sampled_from([0, 1, 1 << 13, 1 << 16, 1 << 31, (1 << 32) - 1])
        lengths = [draw(st.just(length) | st.integers(0, length + 2) | odd) for length in lengths]
        magic = draw(st.sampled_from([magic, magic, magic[::-1]]))
    made = wire.PREFIX.pack(magic, *lengths) + header + payload
    return draw(spliced(made)) if part == "bytes" else made


def announced(header: Any) -> int:
    """Return how many bytes the arrays that a header describes well need, and at most the cap."""
    total = 0
    match header:
        case [_, [*specs]]:
            for spec in specs:
                match spec:
                    case [_, str(dtype), [*shape]] if dtype in SIZES and all(
                        type(size) is int and size >= 0 for size in shape
                    ):
                        total += math.prod(shape) * SIZES[dtype]
    return min(total, CAPS.payload_bytes)
