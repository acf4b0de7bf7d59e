"""What crosses the boundary arrives as it was sent; what breaks the rules is refused before it costs memory."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_client import cross

from grader.sandbox.inside import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMPY_DTYPES = sorted(wire.DTYPES)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    left.settimeout(10)
    right.settimeout(10)
    with left, right:
        yield left, right


def frame(
    header: Any, payload: bytes = b"", *, announced: int | None = None, magic: bytes = wire.MAGIC
) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (
        wire.PREFIX.pack(magic, len(text), len(payload) if announced is None else announced) + text + payload
    )


def push(sock: socket.socket, data: bytes) -> None:
    """Send what the peer is willing to take."""
    with contextlib.suppress(ConnectionError):
        sock.sendall(data)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
    ),
    max_leaves=30,
)


@given(PLAIN)
@settings(max_examples=60, deadline=None)
def test_plain_values_arrive_as_they_were_sent(value: Any) -> None:
    arrived = cross(value)
    assert arrived == value
    assert repr(arrived) == repr(value)  # tuples stay tuples, 1 does not become 1.0


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4), (1,) * 32], ids=str)
@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_a_numpy_array_arrives_as_it_was_sent(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    arrived = cross(array)
    assert type(arrived) is np.ndarray
    assert arrived.dtype == array.dtype
    assert arrived.shape == shape
    assert arrived.flags.writeable
    assert arrived.flags.c_contiguous
    np.testing.assert_array_equal(arrived, array)


@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64],
    ids=str,
)
def test_a_tensor_arrives_as_a_detached_tensor(dtype: torch.dtype) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    if dtype.is_floating_point:
        tensor.requires_grad_(True)
        tensor = tensor * 2
    arrived = cross([tensor, tensor.T])
    assert [item.dtype for item in arrived] == [dtype, dtype]
    assert torch.equal(arrived[0], tensor.detach())
    assert torch.equal(arrived[1], tensor.detach().T)
    assert arrived[1].is_contiguous()
    assert arrived[0].grad_fn is None


def test_views_and_foreign_byte_orders_arrive_as_their_values() -> None:
    array = np.arange(24).reshape(4, 6)
    values = [array[::2, ::-3], array.T, array.astype(">i4"), np.broadcast_to(np.float32(3), (2, 2))]
    for sent, arrived in zip(values, cross(values), strict=True):
        np.testing.assert_array_equal(arrived, sent)


def test_numpy_scalars_arrive_as_numbers() -> None:
    assert cross([np.int8(3), np.float32(0.5), np.bool_(True), np.uint64(2**64 - 1)]) == [
        3,
        0.5,
        True,
        2**64 - 1,
    ]


def test_what_arrives_shares_no_memory_with_what_was_sent() -> None:
    array = np.zeros(3)
    arrived = cross(array)
    arrived[0] = 1
    assert array[0] == 0


def test_thousands_of_arrays_cross_in_one_frame() -> None:
    arrived = cross([np.full(3, number) for number in range(5000)])
    assert [int(array[0]) for array in arrived] == list(range(5000))


NESTED: list[Any] = []
NESTED.append(NESTED)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (object(), "an object"),
        ({1}, "a set"),
        (memoryview(b"x"), "a memoryview"),
        (1j, "a complex"),
        (np.array([None]), "an array of dtype object"),
        (np.array(["a"]), "an array of dtype str32"),
        (np.zeros(2, "M8[s]"), "an array of dtype datetime64[s]"),
        (np.zeros(2, [("a", "i4")]), "an array of dtype void32"),
        (torch.zeros(2, dtype=torch.complex64), "a tensor of dtype complex64"),
        (torch.zeros(2, 2).to_sparse(), "a nested, sparse, quantised or empty-shelled tensor"),
        (torch.zeros(2, device="meta"), "a nested, sparse, quantised or empty-shelled tensor"),
        ({1: 2}, "a dict with a key that is not a text"),
        (2**64, "an integer of more than 64 bits"),
        ("\ud800", "a text with half a character in it"),
        (NESTED, "a value nested deeper than 32 levels, or inside itself"),
        ([0] * 100_001, "more than 100000 values outside arrays"),
        ("x" * (2 << 20), "more than 1 MB of texts and numbers outside arrays"),
        (np.broadcast_to(np.float64(0), (10**12,)), "more than 64 MB of arrays and bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 80 else "",
)
def test_what_cannot_cross_is_named_and_nothing_is_sent(
    pair: tuple[socket.socket, socket.socket], value: Any, what: str
) -> None:
    with pytest.raises(wire.Unsendable) as raised:
        wire.send(pair[0], value)
    assert raised.value.what == what
    assert str(raised.value) == f"cannot send {what}"
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pair[1].recv(1)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(frame([1, []], magic=b"evil"), id="another magic"),
        pytest.param(wire.PREFIX.pack(wire.MAGIC, 1 << 31, 0), id="a huge header"),
        pytest.param(wire.PREFIX.pack(wire.MAGIC, 10, 1 << 60), id="a huge payload"),
        pytest.param(frame(b"{"), id="not JSON"),
        pytest.param(frame(b"\xff\xfe\x00"), id="not text"),
        pytest.param(frame(b"[" * 500_000), id="brackets without end"),
        pytest.param(frame(b'[{"a":1,"a":2},[]]'), id="a key twice"),
        pytest.param(frame(b"[" + b"9" * 5000 + b",[]]"), id="a number of 5000 digits"),
        pytest.param(frame([2**64, []]), id="a number of 65 bits"),
        pytest.param(frame([3]), id="no list of arrays"),
        pytest.param(frame({"value": 3}), id="not a pair"),
        pytest.param(frame([["x", 1], []]), id="an unknown tag"),
        pytest.param(frame([[], []]), id="no tag"),
        pytest.param(frame([[["l"]], []]), id="a list as tag"),
        pytest.param(frame([["a"], []]), id="an array that is not there"),
        pytest.param(frame([1, [["n", "uint8", [1]]]], b"x"), id="an array that is not used"),
        pytest.param(frame([["a"], [["n", "uint8", [2]]]], b"x"), id="a payload too short"),
        pytest.param(frame([["a"], [["n", "uint8", [2]]]], b"xxx"), id="a payload too long"),
        pytest.param(frame([["a"], [["n", "uint8", [-1]]]]), id="a negative size"),
        pytest.param(frame([["a"], [["n", "uint8", [True]]]], b"x"), id="a bool as size"),
        pytest.param(frame([["a"], [["n", "uint8", [1.0]]]], b"x"), id="a float as size"),
        pytest.param(frame([["a"], [["n", "uint8", [0, 1 << 62]]]]), id="an empty array of huge shape"),
        pytest.param(frame([["a"], [["n", "uint8", [1 << 32, 1 << 32]]]]), id="a size that overflows"),
        pytest.param(frame([["a"], [["n", "uint8", [1] * 33]]], b"x"), id="too many dimensions"),
        pytest.param(frame([["a"], [["n", "object", [1]]]], b"x" * 8), id="an array of objects"),
        pytest.param(frame([["a"], [["n", "bfloat16", [1]]]], b"xx"), id="a numpy bfloat16"),
        pytest.param(frame([["a"], [["p", "uint8", [1]]]], b"x"), id="an unknown kind"),
        pytest.param(frame([["a"], [["b", "int8", [1]]]], b"x"), id="bytes of another dtype"),
        pytest.param(frame([["a"], [["b", "uint8", [1, 1]]]], b"x"), id="bytes of two dimensions"),
        pytest.param(frame([["a"], [["b", "uint8", []]]], b"x"), id="bytes of no dimension"),
        pytest.param(
            frame([["a"], [["b", "uint8", [1 << 40]]]], announced=1 << 40), id="a terabyte of bytes"
        ),
        pytest.param(frame([["a"], [["b", "uint8", [1 << 40]]]]), id="bytes longer than the payload"),
        pytest.param(frame([{"b": ["b", 5]}, []]), id="bytes in the header"),
        pytest.param(frame([["a"], [["n", ["uint8"], [1]]]], b"x"), id="a list as dtype"),
        pytest.param(frame([["a"], [["n", "uint8"]]]), id="an array without shape"),
        pytest.param(frame([["a"], [7]]), id="a number as array"),
        pytest.param(frame([["a"], [["n", "bool", [1]]]], b"\x07"), id="a bool of seven"),
        pytest.param(frame(["\ud800", []]), id="half a character"),
        pytest.param(frame([json.loads('["l",' * 40 + "1" + "]" * 40), []]), id="too deep"),
        pytest.param(frame([["l", *[0] * 100_001], []]), id="too many values"),
    ],
)
@pytest.mark.parametrize("receive", [wire.receive, wire.receive_outline], ids=["whole", "outline"])
def test_a_hostile_frame_is_refused_before_it_costs_memory(
    receive: Callable[[socket.socket], Any], sent: bytes
) -> None:
    if receive is wire.receive_outline and sent.endswith(b"\x07"):
        return  # what is in an array is not looked at
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=push, args=(left, sent))
        sender.start()
        tracemalloc.start()
        with pytest.raises(wire.WireError) as raised:
            receive(right)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert not isinstance(raised.value, wire.Closed)
        assert most < 40 << 20
        right.close()
        sender.join()


def outline_of(sent: bytes) -> Any:
    """Return what arrives of `sent`, from a peer that leaves afterwards."""
    left, right = socket.socketpair()

    def send_and_leave() -> None:
        with left:
            push(left, sent)

    sender = threading.Thread(target=send_and_leave)
    sender.start()
    try:
        with right:
            return wire.receive_outline(right)
    finally:
        sender.join()


def test_an_outline_has_none_in_the_place_of_each_array() -> None:
    value = {"a": [torch.ones(3), np.zeros((1000, 3000))], "b": (1, np.float64(2.5)), "c": None}
    assert outline_of(wire.frame(value)) == {"a": [None, None], "b": (1, 2.5), "c": None}


def test_a_frame_is_what_is_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    value = [np.arange(6).reshape(2, 3), "text", {"k": torch.zeros(2)}]
    wire.send(pair[0], value)
    assert pair[1].recv(1 << 16) == wire.frame(value)


@pytest.mark.parametrize("count", [0, 5, 16, 20], ids=lambda count: f"after {count} bytes")
def test_a_peer_that_leaves_in_a_frame_is_closed(count: int) -> None:
    left, right = socket.socketpair()
    with right:
        with left:
            left.sendall(frame([["a"], [["n", "uint8", [5]]]], b"12345")[:count])
        with pytest.raises(wire.Closed):
            wire.receive(right)


def test_sending_to_a_peer_that_left_is_closed() -> None:
    left, right = socket.socketpair()
    right.close()
    with left, pytest.raises(wire.Closed):
        wire.send(left, [np.zeros(1 << 20)])


def test_bytes_arrive_as_bytes_beside_text_and_arrays() -> None:
    value = {
        "image": b"\x89PNG\x00",
        "none": b"",
        "text": "za\u017c\u00f3\u0142\u0107",
        "array": np.arange(3),
    }
    arrived = cross(value)
    assert (arrived["image"], arrived["none"], arrived["text"]) == (b"\x89PNG\x00", b"", value["text"])
    assert type(arrived["image"]) is bytes
    assert type(cross(bytearray(b"x"))) is bytes


def test_a_text_takes_the_bytes_of_its_utf_8() -> None:
    caps = wire.Crossing().arguments
    letters = "\u0142" * (500 << 10)  # two bytes each
    assert cross(letters, caps) == letters
    with pytest.raises(wire.Unsendable) as raised:
        wire.frame(letters * 2, caps)
    assert raised.value.cap == "header_bytes"


@pytest.mark.parametrize(
    ("value", "cap"),
    [
        (bytes(2 << 20), "payload_bytes"),
        ([bytes(1 << 19)] * 3, "payload_bytes"),
        ([0] * 2000, "nodes"),
        ("x" * (3 << 20), "header_bytes"),
        ({1}, ""),
    ],
    ids=["bytes", "bytes together", "values", "text", "no cap"],
)
def test_a_value_that_cannot_cross_names_its_cap(value: Any, cap: str) -> None:
    crossing = wire.Crossing(argument_mb=1, text_mb=2, values=1000)
    with pytest.raises(wire.Unsendable) as raised:
        wire.frame(value, crossing.arguments)
    assert raised.value.cap == cap
    larger = wire.Crossing(argument_mb=4, text_mb=4, values=3000).arguments
    assert not cap or wire.frame(cross(value, larger), larger)


def test_caps_are_the_callers_choice(pair: tuple[socket.socket, socket.socket]) -> None:
    small = wire.Caps(payload_bytes=100)
    with pytest.raises(wire.Unsendable, match="arrays"):
        wire.send(pair[0], np.zeros(100), small)
    wire.send(pair[0], np.zeros(100))
    with pytest.raises(wire.WireError, match="arrays and bytes are larger"):
        wire.receive(pair[1], small)


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_a_frame_may_be_as_large_as_the_cap_and_no_byte_larger(
    pair: tuple[socket.socket, socket.socket], bytes_over: int
) -> None:
    wire.send(pair[0], np.zeros(100 + bytes_over, dtype=np.uint8))
    small = wire.Caps(payload_bytes=100)
    if bytes_over:
        with pytest.raises(wire.WireError, match="arrays and bytes are larger"):
            wire.receive(pair[1], small)
    else:
        assert wire.receive(pair[1], small).shape == (100,)
