"""What students may well use inside a slot works there, under the filter of system calls and all other walls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox_client import function, play
from sandbox_fixtures import go_without_walls

from grader.sandbox import Sandbox, find_bwrap, open_sandbox
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform"),
]
USES = {
    "torch": """
import torch
net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(400, 2))
net(torch.randn(8, 1, 12, 12)).sum().backward()
torch.optim.Adam(net.parameters()).step()
torch.save(net.state_dict(), "/tmp/net.pt")
net.load_state_dict(torch.load("/tmp/net.pt"))
torch.linalg.svd(torch.randn(20, 20))
torch.set_num_threads(2)
torch.randn(500, 500) @ torch.randn(500, 500)
""",
    "scikit-learn": """
import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.mixture import GaussianMixture
x = np.random.rand(200, 5)
KMeans(3, n_init=2).fit(x)
GaussianMixture(2).fit(x)
RandomForestClassifier(10, n_jobs=2).fit(x, x[:, 0] > 0.5)
""",
    "scipy": """
import numpy as np
import scipy.optimize, scipy.spatial, scipy.stats
scipy.optimize.minimize(lambda v: (v**2).sum(), np.ones(3))
scipy.stats.norm.fit(np.random.rand(50))
scipy.spatial.cKDTree(np.random.rand(50, 2)).query([[0, 0]])
""",
    "pandas": """
import pandas as pd
pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_csv("/tmp/a.csv")
pd.read_csv("/tmp/a.csv").groupby("b").mean()
""",
    "matplotlib": """
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig("/tmp/figure.png")
""",
    "matplotlib in memory": """
import io
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig(io.BytesIO())
""",
    "threads and processes": """
import asyncio, concurrent.futures, multiprocessing, subprocess, sys
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    assert list(pool.map(abs, [1, -2])) == [1, 2]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [1, -2]) == [1, 2]
queue = multiprocessing.get_context("fork").Queue()
queue.put(1)
assert queue.get() == 1
command = [sys.executable, "-S", "-c", "print(6 * 7)"]
assert subprocess.check_output(command) == b"42\\n"
async def ask():
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    return (await process.communicate())[0]
assert asyncio.run(ask()) == b"42\\n"
""",
    "files": """
import os, pathlib, shutil, sqlite3, tempfile, zipfile
import numpy as np
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "a").write_text("x")
shutil.copy2(folder / "a", folder / "b")
shutil.copytree(folder, "/tmp/copy")
shutil.move("/tmp/copy", "/tmp/moved")
shutil.rmtree("/tmp/moved")
os.utime(folder / "a")
os.link(folder / "a", folder / "c")
os.mkfifo(folder / "pipe")
np.memmap(folder / "map", dtype="f4", mode="w+", shape=(10,)).flush()
with zipfile.ZipFile(folder / "z.zip", "w") as packed:
    packed.write(folder / "a")
with sqlite3.connect(":memory:") as book:
    book.execute("CREATE TABLE t (a)")
""",
    "shared memory": """
import multiprocessing
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=100)
block.close()
block.unlink()
multiprocessing.Value("i", 1)
multiprocessing.Lock()
""",
    "clocks and signals": """
import os, signal, time
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.05)
os.nice(1), os.getloadavg(), os.cpu_count(), os.sched_getaffinity(0), os.times(), os.uname()
""",
    "a progress bar": """
from tqdm.auto import tqdm
assert list(tqdm(range(3))) == [0, 1, 2]
""",
}


NEED_FILES = {"torch", "pandas", "matplotlib", "files", "shared memory"}
NEED_PROCESSES = {"threads and processes"}
WITHOUT = {"processes": 1, "file_mb": 0}


@pytest.fixture(scope="module", params=["namespaces with processes and files", "namespaces", "landlock"])
def roomy(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, set[str]]]:
    """A sandbox, and what cannot be done in it."""
    limits = Limits(memory_mb=4000, threads=64, processes=64, file_mb=64)
    walls, _, more = request.param.partition(" ")
    go_without_walls(walls)
    if not more:
        limits = limits.model_copy(update=WITHOUT)
    opened = open_sandbox(limits, imports="import numpy as np\nimport torch\n", walls=walls)
    yield opened, set() if more else NEED_FILES | NEED_PROCESSES
    opened.close()


@pytest.mark.parametrize("name", USES)
def test_what_students_may_use_works_in_a_slot(roomy: tuple[Sandbox, set[str]], name: str) -> None:
    sandbox, impossible = roomy
    if name in impossible:
        pytest.skip("it takes files or processes")
    outcome = play(sandbox, function(f"{USES[name].strip()}\nreturn 'done'"), seconds=120)
    assert outcome.verdict == "scored", outcome
    assert outcome.answer == "done"
