"""The settings of a recorded call are read again, whatever version wrote them."""

from __future__ import annotations

import json

import pytest

from grader.gradebook.run_settings import RunSettings

# What `grade` of version 0.1.0 recorded, and what a gradebook holds of commands that record less.
OF_0_1_0 = {
    "repeats": 2, "time_limit": 60.0, "device": "cpu", "source": "embedded", "size": "large", "unsafe": True, "cold": True,
    "secret_file": "/s", "wall_seconds": 60.0, "backend": "plain", "task": "toy_task", "task_version": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "settings"),
    [
        (
            OF_0_1_0,
            RunSettings(
                "cpu", 60.0, "plain", 2, "embedded", "large", cold=True, secret_file="/s", seed_version=1
            ),
        ),
        (
            {"device": "cpu", "wall_seconds": 9, "backend": "bubblewrap"},
            RunSettings("cpu", 9, "any", seed_version=1),
        ),
        ({"task": "t", "score": {"floor": 0.5}}, RunSettings(seed_version=1)),
        ({"seed_version": 2, "from a later version": [1]}, RunSettings()),
    ],
    ids=["all", "some", "none", "more"],
)
def test_unknown_keys_are_passed_over_and_missing_ones_have_their_defaults(
    record: dict[str, object], settings: RunSettings
) -> None:
    assert RunSettings.from_json(record) == settings


def test_settings_come_back_from_their_json() -> None:
    settings = RunSettings("cuda", 12.5, "plain", 3, source="npz:/d.npz", size="large", cold=True)
    assert RunSettings.from_json(json.loads(json.dumps(settings.as_json()))) == settings
