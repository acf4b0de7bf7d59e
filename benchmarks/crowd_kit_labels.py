"""Record the labels that crowd-kit's Dawid-Skene finds in simulated crowds, for the crosschecks of two tasks.

    pip install crowd-kit
    python benchmarks/crowd_kit_labels.py

crowd-kit is no dependency of the tests, for it brings 0.3 GB of language models' tools; its answers are a file instead.
Each is kept with the digest of the votes that it answers.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "tasks" / "crowd_kit_labels.json"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "tasks"), str(ROOT / "benchmarks")]


def digest(votes: Any) -> str:
    """Return the digest of votes (n, A), -1 where one is silent."""
    return hashlib.sha256(np.ascontiguousarray(votes, dtype=np.int64).tobytes()).hexdigest()


def labels(votes: Any) -> str:
    """Return the label of each sample as a digit, "-" where nobody voted."""
    samples, people = np.nonzero(votes >= 0)
    table = pd.DataFrame({"task": samples, "worker": people, "label": votes[samples, people]})
    found = DawidSkene(n_iter=100).fit_predict(table)
    return "".join(str(found[sample]) if sample in found.index else "-" for sample in range(len(votes)))


def crowds() -> dict[str, Any]:
    """Return the votes of each crowd that the crosschecks look at."""
    from test_crowd_hpo_crosscheck import CROWDS, simulate  # noqa: PLC0415 -- found by the path above
    from test_multi_annotator_al_crosscheck import ANSWERED, pool_votes  # noqa: PLC0415 -- likewise
    from tutorial_curves import load_names  # noqa: PLC0415 -- likewise

    votes = {f"crowd_hpo: {name}": simulate(*crowd) for name, crowd in CROWDS.items()}
    with tempfile.TemporaryDirectory() as folder:
        names = load_names(Path(folder), 0)
        votes |= {f"multi_annotator_al: {answered}": pool_votes(names, answered) for answered in ANSWERED}
    return votes


if __name__ == "__main__":
    version = importlib.metadata.version("crowd-kit")
    recorded = {name: {"votes": digest(votes), "labels": labels(votes)} for name, votes in crowds().items()}
    FILE.write_text(
        json.dumps({"by": f"crowd-kit {version}, DawidSkene(n_iter=100)", "crowds": recorded}, indent=1)
        + "\n",
        encoding="utf-8",
    )
