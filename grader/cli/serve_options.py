"""What `grader serve` and `grader submit` take, and what the help says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from grader.cli import options


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Serve a contest to browsers: hand in, verdicts, leaderboard.

    A worker grades beside it. Without a certificate or a proxy, only this machine reaches the site.
    """

    contest: Annotated[
        Path | None, typer.Argument(metavar="CONTEST", help="Folder of the contest, or its contest.toml.")
    ] = None
    demo: Annotated[bool, typer.Option("--demo", help="Start a contest to try things out.")] = False
    demo_task: Annotated[str, typer.Option("--demo-task", help="Task of the demo.")] = "noisy_labels"
    host: Annotated[str, typer.Option("--host", help="Address of this machine to serve on.")] = "127.0.0.1"
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to serve on; 0: a free one.")
    ] = 8000
    url: Annotated[
        str, typer.Option("--url", help="Address that people type, where a proxy stands before.")
    ] = ""
    cert: Annotated[Path | None, typer.Option("--cert", help="Certificate (PEM) for https.")] = None
    key: Annotated[Path | None, typer.Option("--key", help="Key of the certificate (PEM).")] = None
    insecure_lan: Annotated[
        bool, typer.Option("--insecure-lan", help="Serve plain http to other machines, with a banner.")
    ] = False
    jobs: Annotated[
        int,
        typer.Option("--jobs", min=0, max=1024, help="Submissions to grade at a time; 0 starts no worker."),
    ] = 1
    device: options.Device = "auto"
    allow_gpu: options.AllowGpu = False
    engine: options.EngineName = "local"
    ray_address: options.RayAddress = None
    shared: options.Shared = None


@dataclass(frozen=True, kw_only=True)
class SubmitOptions:
    """Hand in a notebook, or a file of predictions, to a contest.

    The token is on the page of the task. It is read from GRADER_TOKEN, or asked for.
    """

    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The notebook, or the file of predictions, to hand in.")
    ]
    to: Annotated[str, typer.Option("--to", help="Address of the contest.")]
    task_name: Annotated[str, typer.Option("--task", help="The task's id.")]
    token: Annotated[
        str | None, typer.Option("--token", help="The token.", show_default="GRADER_TOKEN, or asked for")
    ] = None
    as_json: options.AsJson = False
