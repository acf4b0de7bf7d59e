"""Draw the learning curves of `multi_annotator_al` on the crowd of scikit-activeml's tutorial: size "tutorial".

    python benchmarks/tutorial_curves.py --repetitions 3 [--library]

Random questions and a majority vote, Annot-Mix that asks whom it expects to be right, and the reference solution spend
the same ten times 64 answers. `tasks/multi_annotator_al/curves.json` receives balanced accuracy on the test half and the
share of right answers after each cycle, `curves.svg` their picture. `--library` adds scikit-activeml's own Annot-Mix.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.nn import functional

from grader.task.spec import load_task

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from notebook_source import definitions

TASK = "multi_annotator_al"
PRIOR_ACCURACY, SAMPLE_DIMENSIONS, PERSON_DIMENSIONS, MIXUP = 0.9, 2, 16, 0.5


class AnnotMix(nn.Module):
    """A net of the classes, and for each picture and person the matrix of how the person answers.

    Herde, Lührs, Huseljic, Sick 2024, "Annot-Mix: Learning with Noisy Class Labels from Multiple Annotators via a
    Mixup Extension", with the settings of scikit-activeml's tutorial.
    """

    def __init__(self, net: Any, people: int, classes: int) -> None:
        super().__init__()
        self.net, self.classes = net, classes
        self.sample_embed = nn.Linear(net.fc.in_features, SAMPLE_DIMENSIONS)
        self.person_embed = nn.Linear(people, PERSON_DIMENSIONS)
        self.head = nn.Linear(SAMPLE_DIMENSIONS + PERSON_DIMENSIONS, classes**2)
        bump = math.log(PRIOR_ACCURACY / (1 - PRIOR_ACCURACY)) + math.log(classes - 1)
        self.head.bias = nn.Parameter(bump * torch.eye(classes).flatten())

    def forward(self, images: torch.Tensor, people: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return log-probabilities of the class (B, K), of the answer (B, K) and of a right answer (B,).

        images: (B, 1, S, S); people: (B, A), one-hot or mixed.
        """
        features = functional.max_pool2d(functional.relu(self.net.conv(images)), 2).flatten(1)  # (B, D)
        classes = functional.log_softmax(self.net.fc(features), dim=1)  # (B, K)
        pairs = torch.cat([self.sample_embed(features.detach()), self.person_embed(people)], dim=1)
        matrices = self.head(pairs).view(-1, self.classes, self.classes)  # (B, K, K)
        confusion = functional.log_softmax(matrices, dim=2)
        answers = torch.logsumexp(classes[:, :, None] + confusion, dim=1)
        right = torch.logsumexp(classes + confusion.diagonal(dim1=1, dim2=2), dim=1)
        return classes, answers, right


def mixed_pairs(images: torch.Tensor, z: torch.Tensor, classes: int) -> tuple[torch.Tensor, ...]:
    """Return images, people and answers of all answered pairs of a batch, each mixed with another pair."""
    samples, people = (z >= 0).nonzero(as_tuple=True)  # (P,) each
    parts = [images[samples], torch.eye(z.shape[1])[people], torch.eye(classes)[z[samples, people]]]
    share = torch.distributions.Beta(MIXUP, MIXUP).sample((len(samples),))
    other = torch.randperm(len(samples))
    mixed = []
    for part in parts:
        weight = share.view(-1, *[1] * (part.dim() - 1))
        mixed.append(weight * part + (1 - weight) * part[other])
    return tuple(mixed)


def fit_annot_mix(names: Any, z: np.ndarray, seed: int) -> AnnotMix:
    """Train on the answers `z` (N, A); -1 is none."""
    torch.manual_seed(seed)
    model = AnnotMix(names.new_net(), z.shape[1], len(names.DIGITS))
    used = torch.from_numpy(np.flatnonzero((z >= 0).any(axis=1)))
    optimizer = torch.optim.RAdam(model.parameters(), lr=names.knobs["learning_rate"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, names.knobs["epochs"])
    answers, size = torch.from_numpy(z), names.knobs["batch_size"]
    for _ in range(names.knobs["epochs"]):
        order = used[torch.randperm(len(used))]
        for batch in order[: len(order) // size * size].split(size):
            images, people, targets = mixed_pairs(names.pool["images"][batch], answers[batch], model.classes)
            optimizer.zero_grad()
            loss = functional.kl_div(model(images, people)[1], targets, reduction="batchmean")
            loss.backward()
            optimizer.step()
        schedule.step()
    return model


@torch.no_grad()
def expected_accuracy(model: AnnotMix, images: torch.Tensor, people: int) -> np.ndarray:
    """Return how probably each person is right about each picture, (N, A)."""
    columns = [model(images, row.expand(len(images), -1))[2].exp() for row in torch.eye(people)]
    return torch.stack(columns, dim=1).numpy()


def annot_mix_cycles(names: Any, *, library: bool) -> list[dict[str, Any]]:
    """Ask about random pictures whoever is expected to be right, as the tutorial does."""
    rng = np.random.default_rng(names.SEED)
    z, expected, history = np.full((names.N, names.A), -1), None, []
    for cycle in range(names.knobs["cycles"]):
        left = np.flatnonzero((z < 0).any(axis=1))
        samples = rng.choice(left, names.knobs["n_queries"], replace=False)
        score = rng.random(z.shape) if expected is None else expected
        people = np.where(z[samples] < 0, score[samples], -1).argmax(axis=1)
        z[samples, people] = names.pool["annotations"][samples, people]
        if library:
            predictions, expected = fit_library(names, z, 100 * names.SEED + cycle)
        else:
            model = fit_annot_mix(names, z, 100 * names.SEED + cycle)
            predictions = names.predict(model.net, names.val_set["images"]).argmax(axis=1)
            expected = expected_accuracy(model, names.pool["images"], names.A)
        right = (z == names.pool["labels"][:, None]).sum(axis=0)
        bac = balanced_accuracy_score(names.val_set["labels"], predictions)
        history.append({"asked": (z >= 0).sum(axis=0), "right": right, "bac": bac})
    return history


def fit_library(names: Any, z: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return test predictions and expected accuracies (N, A) of scikit-activeml's classifier."""
    from skactiveml.classifier.multiannotator import AnnotMixClassifier  # noqa: PLC0415 -- an extra
    from skorch.callbacks import LRScheduler  # noqa: PLC0415 -- an extra

    epochs = names.knobs["epochs"]
    rate = LRScheduler(policy=torch.optim.lr_scheduler.CosineAnnealingLR, T_max=epochs)
    parameters = {
        "max_epochs": epochs, "optimizer": torch.optim.RAdam, "optimizer__lr": names.knobs["learning_rate"],
        "iterator_train__shuffle": True, "iterator_train__drop_last": True, "train_split": None,
        "iterator_train__batch_size": names.knobs["batch_size"], "callbacks": [("rate", rate)], "verbose": 0,
    }  # fmt: skip
    classifier = AnnotMixClassifier(
        clf_module=embedding_net(names), sample_embed_dim=SAMPLE_DIMENSIONS, n_annotators=names.A,
        random_state=seed, classes=names.DIGITS, missing_label=-1, neural_net_param_dict=parameters,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(names.pool["images"].numpy(), z)
        _, expected = classifier.predict_proba(names.pool["images"].numpy(), extra_outputs=["annotator_perf"])
        return classifier.predict(names.val_set["images"].numpy()), expected


def embedding_net(names: Any) -> type[nn.Module]:
    """Return the notebook's net as a class that gives logits and features."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = names.new_net()

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = functional.max_pool2d(functional.relu(self.inner.conv(images)), 2).flatten(1)
            return self.inner.fc(features), features

    return Net


def load_names(folder: Path, repetition: int) -> Any:
    """Return the notebook's functions over tutorial data of their own: the solution's, with its pool loaded."""
    load_task(TASK).builder().make_data(folder, None, None, repetition, size="tutorial")
    names = definitions(TASK, solution=True)
    names.device, names.SEED = torch.device("cpu"), repetition
    names.setting = json.loads((folder / "setting.json").read_text(encoding="utf-8"))
    names.knobs = names.KNOBS["tutorial"]
    names.pool = names.load_arrays(folder / "train" / "pool.npz")
    names.val_set = names.load_arrays(folder / "val" / "images.npz")
    names.N, names.A = names.pool["annotations"].shape
    return names


def summary(histories: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Return both curves, one row for each repetition, with the area under the first and its end."""
    bac = np.array([[record["bac"] for record in history] for history in histories])
    right = np.array([[r["right"].sum() / r["asked"].sum() for r in history] for history in histories])
    return {
        "area": round(float(bac.mean()), 4),
        "final": round(float(bac[:, -1].mean()), 4),
        "right_answers": round(float(right[:, -1].mean()), 4),
        "balanced_accuracy": bac.round(4).tolist(),
        "right": right.round(4).tolist(),
    }


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw both curves with one standard deviation."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 -- after the curves are measured

    plt.rcParams.update({"svg.hashsalt": TASK, "svg.fonttype": "none"})
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for name, curves in record["curves"].items():
        for axis, key in zip(axes, ("balanced_accuracy", "right"), strict=True):
            values = np.array(curves[key])
            answers = 64 * np.arange(1, values.shape[1] + 1)
            label = f"{name}: {curves['area']:.3f}" if key == "balanced_accuracy" else name
            axis.errorbar(answers, values.mean(axis=0), yerr=values.std(axis=0), capsize=2, label=label)
    axes[0].set(xlabel="answers", ylabel="balanced accuracy on the test half")
    axes[1].set(xlabel="answers", ylabel="share of right answers")
    axes[0].legend(title="mean over the cycles", loc="lower right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--library", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[list[dict[str, Any]]]] = {}
    for repetition in range(given.repetitions):
        with tempfile.TemporaryDirectory() as scratch:
            names = load_names(Path(scratch), repetition)
            runs = {
                "random + majority vote": lambda n: n.run_cycles(
                    lambda z, _, count, seed: n.random_pairs(z, count, seed),
                    lambda z, _: n.majority_vote(z),
                )[1],
                "Annot-Mix": lambda n: annot_mix_cycles(n, library=False),
                "reference": lambda n: n.run_cycles(n.query_pairs, n.aggregate_labels)[1],
            }
            if given.library:
                runs["scikit-activeml's Annot-Mix"] = lambda n: annot_mix_cycles(n, library=True)
            for name, run in runs.items():
                found.setdefault(name, []).append(run(names))
                print(f"{name}: {found[name][-1][-1]['bac']:.3f}")
    curves = {name: summary(histories) for name, histories in found.items()}
    record = {"repetitions": given.repetitions, "machine": machine(), "curves": curves}
    folder = load_task(TASK).folder
    (folder / "curves.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(record, folder / "curves.svg")


if __name__ == "__main__":
    main()
