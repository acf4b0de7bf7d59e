"""What a student may rely on, confined or not: their prints, their tracebacks, their state, their seed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sandbox_client import ENTRY, IMPORTS, arguments, converse, eventually, function, play, processes_saying
from sandbox_fixtures import ROOMY, SMALL

from grader.errors import GraderFault
from grader.sandbox import Sandbox, SlotSource, Walls, open_sandbox
from grader.sandbox.inside import wire

pytest_plugins = ["sandbox_fixtures"]
pytestmark = pytest.mark.slow
MARK = f"mark-{uuid4()}"  # the command line of a sandbox holds its imports


def test_arrays_arrive_as_they_were_sent(sandbox: Sandbox) -> None:
    body = "return [str(type(targets)), str(targets.dtype), losses[0].shape, torch.as_tensor(targets)]"
    kind, dtype, shape, tensor = play(sandbox, function(body)).answer
    assert (kind, dtype, shape) == ("<class 'numpy.ndarray'>", "int64", (128,))
    assert tensor.shape == (128,)


def test_keyword_arguments_texts_and_bytes_cross_both_ways(sandbox: Sandbox) -> None:
    slot = f"def {ENTRY}(a, *, text, data=b''):\n    return {{'text': text + a, 'data': data + b'!'}}\n"
    running = sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 0))
    wire.receive(running.socket)
    kwargs = {"text": "\u0142", "data": b"\x00\xff"}
    wire.send(running.socket, {"kind": "call", "number": 1, "entry": ENTRY, "args": ("a",), "kwargs": kwargs})
    assert wire.receive(running.socket)["value"] == {"text": "\u0142a", "data": b"\x00\xff!"}
    running.close()


def test_a_traceback_shows_the_students_own_lines(sandbox: Sandbox) -> None:
    slot = "def halve(x):\n    return x / 0.0 if len(x) else np.zeros(1)[7]\n\n" + function(
        "return halve([])"
    )
    outcome = play(sandbox, slot)
    assert outcome.verdict == "slot_error"
    assert outcome.message == f"{ENTRY} raised IndexError: index 7 is out of bounds for axis 0 with size 1"
    assert outcome.traceback.splitlines() == [
        f"your solution, line 5, in {ENTRY}",
        "    return halve([])",
        "your solution, line 2, in halve",
        "    return x / 0.0 if len(x) else np.zeros(1)[7]",
        "IndexError: index 7 is out of bounds for axis 0 with size 1",
    ]


def test_a_traceback_names_libraries_and_hides_folders(sandbox: Sandbox) -> None:
    outcome = play(sandbox, function("return np.linalg.inv(np.zeros((2, 2)))"))
    assert "_linalg.py, line" in outcome.traceback
    assert "/" not in outcome.traceback.replace("self.a / ", "")


def test_a_cause_is_shown_too(sandbox: Sandbox) -> None:
    outcome = play(
        sandbox,
        function("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('x') from error"),
    )
    assert "KeyError: 'x'\n\nbecause of\n\nyour solution, line 3" in outcome.traceback


def test_a_syntax_error_shows_its_line(sandbox: Sandbox) -> None:
    outcome = play(sandbox, "x = 1\ny = = 2\n")
    assert outcome.verdict == "slot_error"
    assert "your solution, line 2" in outcome.traceback
    assert "y = = 2" in outcome.traceback


def test_a_long_traceback_is_cut(sandbox: Sandbox) -> None:
    outcome = play(sandbox, f"def {ENTRY}(a, b):\n    return {ENTRY}(a, b)\n")
    assert len(outcome.traceback) < 21_000
    assert "more ..." in outcome.traceback


def test_control_characters_reach_nobodys_terminal(sandbox: Sandbox) -> None:
    outcome = play(
        sandbox, function("print('\\x1b[2Jcleared\\x07')\nraise ValueError('\\x1b]0;title\\x07\\u202e')")
    )
    assert not {"\x1b", "\x07", "\u202e"} & set(outcome.output + outcome.message + outcome.traceback)
    assert "cleared" in outcome.output


def test_prints_are_kept_in_order_and_complete_at_each_answer(sandbox: Sandbox) -> None:
    slot = "import sys\nprint('defined')\n" + function(
        "print('called')\nprint('aside', file=sys.stderr)\nreturn 1"
    )
    assert play(sandbox, slot, calls=2).output == "defined\ncalled\naside\ncalled\naside\n"


def test_prints_before_a_time_limit_are_kept(sandbox: Sandbox) -> None:
    slot = function("print('here')\nwhile True: pass")
    running = sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 1))
    try:
        assert wire.receive(running.socket) == {"kind": "ready"}
        wire.send(running.socket, {"kind": "call", "number": 1, "entry": ENTRY, "args": arguments()})
        assert eventually(lambda: running.output() == "here\n")
        assert running.fault(0.1) is None, "it is still busy"
    finally:
        running.close()
    assert running.output() == "here\n"


def test_state_is_kept_across_calls_and_not_across_slots(sandbox: Sandbox) -> None:
    slot = "import numpy\ncalls = []\n" + function(
        "calls.append(1)\nnumpy.mark = getattr(numpy, 'mark', 0) + 1\nreturn len(calls), numpy.mark"
    )
    assert play(sandbox, slot, calls=3).answers == [(1, 1), (2, 2), (3, 3)]
    assert play(sandbox, slot, calls=1).answers == [(1, 1)]


def test_the_seed_decides_random_numpy_torch_and_the_order_of_sets(sandbox: Sandbox) -> None:
    body = (
        "import random\nreturn random.random(), float(np.random.rand()), float(torch.rand(1)), hash('text')"
    )
    first, second, other = (play(sandbox, function(body), seed=seed).answer for seed in (3, 3, 4))
    assert first == second
    assert not set(first[:3]) & set(other[:3])


def test_a_seed_of_64_bits_is_fine(sandbox: Sandbox) -> None:
    assert play(sandbox, function("return 1"), seed=2**64 - 1).answer == 1


def test_dataclasses_and_pickles_of_the_slots_own_classes_work(sandbox: Sandbox) -> None:
    slot = "import dataclasses, pickle\n@dataclasses.dataclass\nclass P:\n    x: int\n"
    assert play(sandbox, slot + function("return pickle.loads(pickle.dumps(P(3))).x")).answer == 3


@pytest.mark.parametrize(
    ("value", "what"),
    [("(x for x in 'ab')", "a generator"), ("{1, 2}", "a set"), ("1j", "a complex"), ("np", "a module"),
     ("np.ones(2, complex)", "an array of dtype complex128"), ("{1: 2}", "a dict with a key that is not a text"),
     ("torch.ones(2, 2).to_sparse()", "a nested, sparse, quantised or empty-shelled tensor"),
     ("np.zeros(1 << 22)", "more than 16 MB of arrays and bytes")],
)  # fmt: skip
def test_a_value_that_cannot_cross_is_named(sandbox: Sandbox, value: str, what: str) -> None:
    outcome = play(sandbox, function(f"return {value}"))
    assert outcome.verdict == "invalid_output"
    assert (
        outcome.message
        == f"{ENTRY} returned {what}; return arrays, numbers, texts, bytes, lists, tuples or dicts"
    )


@pytest.mark.parametrize(
    ("body", "verdict", "message"),
    [
        ("import os; os._exit(3)", "slot_crashed", "your code ended its process with exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "slot_crashed", "the process of your code was ended by signal SIGSEGV"),
        ("raise SystemExit(4)", "slot_crashed", "your code called exit (SystemExit: 4)"),
        ("np.ones(10**12)", "memory_limit", "your code needed more than the 128 MB of memory it may use"),
        ("print('x' * 10**6)", "output_limit", "your code printed more than the 256 KB it may print"),
    ],
    ids=["exit code", "signal", "exit", "memory", "output"],
)  # fmt: skip
def test_a_limit_or_an_end_is_explained_in_a_sentence(
    sandbox: Sandbox, body: str, verdict: str, message: str
) -> None:
    outcome = play(sandbox, function(f"{body}\nreturn 1"))
    assert (outcome.verdict, outcome.message) == (verdict, message)


def test_a_file_that_is_too_large_is_explained(forking: Sandbox) -> None:
    outcome = play(forking, function("open('x', 'wb').write(b'x' * (9 << 20))"))
    assert outcome.verdict == "output_limit"
    assert outcome.message == "your code wrote more than the 8 MB of files it may use"


@pytest.mark.parametrize("path", ["x", "/tmp/x", "/dev/shm/x", "/etc/x"])
def test_a_task_without_files_lets_nobody_write_one(sandbox: Sandbox, path: str) -> None:
    if sandbox.name == "plain process":
        pytest.skip("nothing keeps it from making an empty one")
    outcome = play(sandbox, function(f"open({path!r}, 'wb').write(b'x')"))
    assert outcome.verdict == "slot_error", outcome
    assert play(sandbox, function("return open('/dev/null', 'w').write('x')")).answer == 1


def test_no_fault_is_found_in_a_slot_that_was_closed(sandbox: Sandbox) -> None:
    running = sandbox.start_slot(SlotSource(IMPORTS, function("return 1"), (ENTRY,), 0))
    assert wire.receive(running.socket) == {"kind": "ready"}
    assert running.fault(0.05) is None
    running.close()
    running.close()
    assert running.fault() is None


def test_starting_a_slot_closes_the_one_before(sandbox: Sandbox) -> None:
    first = sandbox.start_slot(SlotSource(IMPORTS, function("return 1"), (ENTRY,), 0))
    sandbox.start_slot(SlotSource(IMPORTS, function("return 1"), (ENTRY,), 0)).close()
    assert first.fault() is None
    assert first.socket.fileno() == -1


ENDS = {
    "answers and is closed": ("return 0", "scored"),
    "raises": ("raise ValueError", "slot_error"),
    "leaves": ("import os\nos._exit(0)", "slot_crashed"),
    "is killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "slot_crashed"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_memory_of_a_slot_is_known_however_it_ends(sandbox: Sandbox, end: str) -> None:
    body, verdict = ENDS[end]
    taken = []
    for megabytes in (0, 80):
        slot = function(f"x = np.ones({megabytes} << 17)\ndel x\n{body}")
        running = sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 1))
        running.socket.settimeout(60)
        try:
            assert running.memory_mb() is None, "it has not ended"
            assert converse(running, 1).verdict == verdict
        finally:
            running.close()
        taken.append(running.memory_mb())
    small, large = taken
    assert small is not None
    assert large is not None
    assert 0 <= small < 40, "imported libraries are not the student's"
    assert 80 <= large < 120
    assert large - small > 60, "nor are the first pages of their code, which a small slot touches as well"


def test_the_memory_of_a_slots_own_processes_counts_too(forking: Sandbox) -> None:
    waited = "import os\npid = os.fork()\nif not pid:\n    x = np.ones(60 << 17)\n    os._exit(0)\nos.waitpid(pid, 0)\nreturn 0"
    left = (
        "import os, time\nr, w = os.pipe()\nif not os.fork():\n    x = np.ones(60 << 17)\n    os.write(w, b'x')\n"
        "    time.sleep(60)\nos.read(r, 1)\nreturn 0"
    )
    for body in (waited, left):
        running = forking.start_slot(SlotSource(IMPORTS, function(body), (ENTRY,), 1))
        assert converse(running, 1).verdict == "scored"
        running.close()
        taken = running.memory_mb()
        assert taken is not None
        assert 59 < taken < 110


@pytest.mark.parametrize("walls", ["namespaces", "landlock", "plain"])
def test_imports_that_fail_are_our_fault(walls: Walls) -> None:
    opened = open_sandbox(SMALL, imports="import there_is_no_such_module", walls=walls)
    with pytest.raises(GraderFault, match="there_is_no_such_module"):
        opened.start_slot(SlotSource("", "", (), 0))
    opened.close()
    opened.close()
    with pytest.raises(GraderFault, match="closed"):
        opened.start_slot(SlotSource("", "", (), 0))


def test_the_plain_back_end_leaves_nothing_running() -> None:
    opened = open_sandbox(ROOMY, imports=f"import os  # {MARK}", walls="plain")
    slot = f"import os, time\nfor _ in range(3):\n    if not os.fork():\n        time.sleep(600)\ndef {ENTRY}(a, b): return 1\n"
    assert play(opened, slot).answer == 1
    assert eventually(lambda: len(processes_saying(MARK)) == 2), (
        "what imports, and the sandbox that it forked"
    )
    opened.close()
    assert processes_saying(MARK) == []


def test_a_slot_whose_calls_may_fail_serves_the_next_one(sandbox: Sandbox) -> None:
    bodies = ["raise ValueError(a)", "return {1}", "return a", "raise SystemExit(3)"]
    body = "\n".join(f"    if a == {number}:\n        {line}" for number, line in enumerate(bodies))
    source = SlotSource(IMPORTS, f"def {ENTRY}(a):\n{body}\n", (ENTRY,), 0, "item")
    running = sandbox.start_slot(source)
    wire.receive(running.socket)
    frames = []
    for number in range(4):
        wire.send(running.socket, {"kind": "call", "number": number, "entry": ENTRY, "args": (number,)})
        frames.append(wire.receive(running.socket))
    assert [frame.get("verdict") for frame in frames] == [
        "slot_error",
        "invalid_output",
        None,
        "slot_crashed",
    ]
    assert [frame["number"] for frame in frames] == [0, 1, 2, 3]
    with pytest.raises(wire.Closed):
        wire.receive(running.socket)
    running.close()


MODEL = """class YourModel:
    def __init__(self, scale):
        self.scale = scale
    def fit(self, x):
        self.mean = x.mean()
        return self
    def predict(self, x):
        return (x - self.mean) * self.scale
"""


def test_instances_of_a_class_stay_in_the_slot_and_keep_their_state(sandbox: Sandbox) -> None:
    methods = {"YourModel": ("fit", "predict")}
    running = sandbox.start_slot(SlotSource(IMPORTS, MODEL, ("YourModel",), 0, methods=methods))
    assert wire.receive(running.socket) == {"kind": "ready"}
    x, answers = np.arange(3.0), []
    calls: list[dict[str, Any]] = [
        {"entry": "YourModel", "args": (1,)},
        {"entry": "YourModel", "args": (10,)},
        {"entry": "YourModel.fit", "args": (x,), "instance": 1},
        {"entry": "YourModel.fit", "args": (x + 1,), "instance": 2},
        {"entry": "YourModel.predict", "args": (x,), "instance": 1},
        {"entry": "YourModel.predict", "args": (x,), "instance": 2},
        {"entry": "YourModel.predict", "args": (x,), "instance": 1, "dropped": [1]},
    ]
    for number, call in enumerate(calls, start=1):
        wire.send(running.socket, {"kind": "call", "number": number} | call)
        answers.append(wire.receive(running.socket))
    assert [answer.get("value") for answer in answers[:4]] == [None] * 4
    assert [answers[4]["value"].tolist(), answers[5]["value"].tolist()] == [[-1, 0, 1], [-20, -10, 0]]
    assert answers[6]["verdict"] == "slot_error", "it was dropped before the call"
    running.close()


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        ("def YourModel(scale): pass", "YourModel is not a class after your solution cell has run"),
        ("class YourModel: pass", "YourModel has no method fit after your solution cell has run"),
        ("", "YourModel is not defined after your solution cell has run"),
    ],
    ids=["a function", "no method", "nothing"],
)
def test_a_class_that_is_not_as_the_task_says_is_named(sandbox: Sandbox, slot: str, message: str) -> None:
    running = sandbox.start_slot(SlotSource("", slot, ("YourModel",), 0, methods={"YourModel": ("fit",)}))
    assert wire.receive(running.socket)["message"] == message
    running.close()


def test_a_call_takes_large_arguments(sandbox: Sandbox) -> None:
    running = sandbox.start_slot(
        SlotSource(IMPORTS, f"def {ENTRY}(a, b): return a[: 1 << 20] + b\n", (ENTRY,), 0)
    )
    wire.receive(running.socket)
    large = np.ones(10 << 20, np.uint8)
    wire.send(running.socket, {"kind": "call", "number": 1, "entry": ENTRY, "args": (large, 1)})
    assert wire.receive(running.socket)["value"].sum() == 2 << 20
    running.close()
