"""Write letters to a town hall from a small grammar, with what six volunteers say that each is about.

    public    train.npz (letters, votes) and val.npz (letters, labels)   given to students
    inputs    train.npz (letters, votes), test.npz (letters)             what a program gets in a final evaluation
    answers   answers.npz (labels)                                       stays with the grader

letters (n,) are texts, votes (n, 6) int64 are topics, and -1 where a volunteer did not read the letter. labels (n,) int64 are the topics
that the complaints are about. Everything random comes from the seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from parts.files import write_arrays

TRAIN, VAL, TEST = 1500, 500, 1000  # letters
TOPICS = ("water", "roads", "waste", "lights", "parks")
SHARES = (0.30, 0.25, 0.20, 0.15, 0.10)  # of the complaints
# The first nouns of a topic are common, and the last ones rare.
NOUNS = {
    "water": "hydrant fountain gutter drain pump pipe well sewer tap culvert cistern sluice",
    "roads": "pavement bollard crossing kerb pothole junction bridge roundabout sign lane cycleway ramp",
    "waste": "bin dumpster container skip landfill compost recycling rubbish bottlebank ashtray litter wastebasket",
    "lights": "lamp streetlight lantern floodlight bulb beacon spotlight headlamp cable switch fuse lightpost",
    "parks": "bench hedge lawn playground swing tree flowerbed slide sandpit bush pergola meadow",
}
ADJECTIVES = "old new big small green red wooden metal second other lower upper narrow wide"
PLACES = "by the school|near the station|behind the church|at the market|in our street|at the corner|opposite the bakery|below the castle"
OPENINGS = "hello|good morning|dear town hall|dear all|hi there|good evening|to whom it may concern|"
CLOSINGS = "best wishes|thank you|yours|regards|please answer|see you|"
COMPLAINTS = (
    "the {} is broken again|the {} has been out of order since monday|please repair the {}|somebody damaged the {}|"
    "there is a problem with the {}|the {} does not work|could you look after the {}|i have to complain about the {}|"
    "nobody takes care of the {}|the {} is a danger to children|we still wait for a repair of the {}|the {} was fine but is broken now"
)
PRAISE = (
    "thanks for repairing the {}|the {} works again|it was good to see the new {}|you did well with the {}|"
    "the {} is no problem any more|nobody complains about the {} now|the {} was broken but is fine now|we are happy about the {}|"
    "the {} looks good since monday|i do not complain about the {}|somebody repaired the {}|the children like the {}"
)
REMARKS = (
    "i live next to the {}|on my way past the {} i saw it|i write from a seat beside the {}|you find me where the {} is|"
    "i often walk to the {}|my house is behind the {}"
)
PRAISING, REMARKING = 0.85, 0.45  # shares of the letters that also have such a clause
VOLUNTEERS = ("careful", "careful", "skimming", "skimming", "skimming", "guessing")
READERS = 2  # volunteers for each letter
CARE, SKIM = (
    0.92,
    0.8,
)  # how often the careful ones name the complaint, and the skimming ones what comes first
PUBLIC, SECRET, REHEARSAL = 1, 2, 3  # streams of random numbers: one seed never draws the same letters twice


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Write the wanted folders and return a manifest of plain JSON values, `{folder: facts}`.

    Raises ValueError for a source that is not there, FileExistsError where a folder already holds data.
    """
    if source != "embedded":
        raise ValueError(f"the data source {source!r} is not one of: embedded")
    manifest: dict[str, Any] = {"source": source, "size": size}
    if public is not None:
        rng = np.random.default_rng([seed, PUBLIC])
        letters, _, votes = draw_letters(TRAIN, rng)
        val, labels, _ = draw_letters(VAL, rng)
        manifest["public"] = {
            "train": save(public / "train.npz", letters=letters, votes=votes),
            "val": save(public / "val.npz", letters=val, labels=labels),
        }
    if inputs is None and answers is None:
        return manifest
    rng = np.random.default_rng([seed, SECRET])
    letters, _, votes = draw_letters(TRAIN, rng)
    test, labels, _ = draw_letters(TEST, rng)
    if inputs is not None:
        manifest["inputs"] = {
            "train": save(inputs / "train.npz", letters=letters, votes=votes),
            "test": save(inputs / "test.npz", letters=test),
        }
    if answers is not None:
        manifest["answers"] = save(answers / "answers.npz", labels=labels)
    return manifest


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build a final evaluation from the public folder alone: the letters of val, in another order, are those to sort.

    Raises ValueError or OSError with a sentence where the public folder is incomplete.
    """
    train, val = load(public / "train.npz", "votes"), load(public / "val.npz", "labels")
    order = np.random.default_rng([seed, REHEARSAL]).permutation(len(val["labels"]))
    facts = {
        "train": save(inputs / "train.npz", letters=train["letters"], votes=train["votes"]),
        "test": save(inputs / "test.npz", letters=val["letters"][order]),
    }
    return {
        "source": "public",
        "inputs": facts,
        "answers": save(answers / "answers.npz", labels=val["labels"][order]),
    }


def draw_letters(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return letters (count,) of texts, the topics of their complaints (count,), and votes (count, 6)."""
    labels = rng.choice(len(TOPICS), count, p=SHARES)
    written = [write_letter(int(label), rng) for label in labels]
    first = np.array([topic for _, topic in written])
    votes = draw_votes(labels, first, rng)
    return np.array([text for text, _ in written]), labels.astype(np.int64), votes


def write_letter(label: int, rng: np.random.Generator) -> tuple[str, int]:
    """Return a letter that complains about a topic, and the topic that it mentions first."""
    praised, remarked = rng.choice(
        [topic for topic in range(len(TOPICS)) if topic != label], 2, replace=False
    )
    clauses = [(COMPLAINTS, label)]
    if rng.random() < PRAISING:
        clauses.append((PRAISE, int(praised)))
    if rng.random() < REMARKING:
        clauses.append((REMARKS, int(remarked)))
    rng.shuffle(clauses)
    sentences = [write_clause(forms, topic, rng) for forms, topic in clauses]
    parts = [pick(OPENINGS, rng), *sentences, pick(CLOSINGS, rng)]
    return ", ".join(part for part in parts if part), clauses[0][1]


def write_clause(forms: str, topic: int, rng: np.random.Generator) -> str:
    """Return one of the forms with a noun of the topic, which may have an adjective, and a place."""
    noun = misspell(pick_noun(topic, rng), rng)
    if rng.random() < 0.6:
        noun = f"{rng.choice(ADJECTIVES.split())} {noun}"
    clause = pick(forms, rng).format(noun)
    return f"{clause} {pick(PLACES, rng)}" if rng.random() < 0.5 else clause


def pick(forms: str, rng: np.random.Generator) -> str:
    """Return one of the forms between the bars."""
    return str(rng.choice(forms.split("|")))


def pick_noun(topic: int, rng: np.random.Generator) -> str:
    """Return a noun of the topic."""
    nouns = NOUNS[TOPICS[topic]].split()
    return nouns[min(int(rng.exponential(3.0)), len(nouns) - 1)]


def misspell(noun: str, rng: np.random.Generator) -> str:
    """Return the noun in the plural (25 %), with a letter twice (12 %), with a letter missing (10 %), or as it is."""
    chance = rng.random()
    if chance < 0.25:
        return noun + "s"
    place = int(rng.integers(1, len(noun) - 1))
    if chance < 0.37:
        return noun[:place] + noun[place - 1] + noun[place:]
    return noun[:place] + noun[place + 1 :] if chance < 0.47 else noun


def draw_votes(labels: np.ndarray, first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the votes (n, 6): two volunteers read each letter, and -1 stands for the others. Volunteers are in a random order."""
    count = len(labels)
    anything = rng.choice(len(TOPICS), (len(VOLUNTEERS), count), p=SHARES)
    said = {
        "careful": np.where(rng.random((2, count)) < CARE, labels, rng.integers(0, len(TOPICS), (2, count))),
        "skimming": np.where(rng.random((3, count)) < SKIM, first, labels),
        "guessing": anything[:1],
    }
    votes = np.concatenate([said[kind] for kind in dict.fromkeys(VOLUNTEERS)]).T  # (n, 6)
    read = rng.random((count, len(VOLUNTEERS))).argsort(axis=1) < READERS
    return np.where(read, votes, -1)[:, rng.permutation(len(VOLUNTEERS))].astype(np.int64)


def save(path: Path, **arrays: np.ndarray) -> dict[str, Any]:
    """Write the arrays to an npz file; return the number of letters and the hash."""
    if path.exists():
        raise FileExistsError(f"{path} already holds data; remove it or choose another folder")
    content = write_arrays(path, **arrays)
    return {"letters": len(next(iter(arrays.values()))), "sha256": hashlib.sha256(content).hexdigest()}


def load(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file. Raises ValueError with a sentence where the letters or a named array are missing."""
    with np.load(path, allow_pickle=False) as arrays:
        lacking = sorted({"letters", *names} - set(arrays.files))
        if lacking:
            raise ValueError(f"{path} has no array {lacking[0]!r}")
        return dict(arrays)
