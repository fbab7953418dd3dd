"""What `watchdesk replay` does: the files through the pipeline, progress on a terminal, a count line at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.process import open_process, prepare_database, replay_files
from app.settings import Settings
from producers.replay import Progress as Stand
from producers.replay import Replayed, ReplayOptions, ShowProgress


async def replay_and_count(settings: Settings, files: Sequence[Path], options: ReplayOptions) -> None:
    """Replay the files and print what they added, as one line on stdout."""
    began = monotonic()
    command = f"replay {' '.join(map(str, files))}"[:200]
    owns_home = settings.stream.kafka is None
    async with open_process(settings, command=command, role="run", owns_home=owns_home) as resources:
        await prepare_database(resources)
        with _progress() as show:
            done = await replay_files(resources, files, options, show)
    sys.stdout.write(count_line(done, monotonic() - began) + "\n")


def count_line(done: Sequence[Replayed], seconds: float) -> str:
    """Return what a replay added, in a line."""
    posts, quarantined = sum(one.posts for one in done), sum(one.quarantined for one in done)
    gaps, empty = sum(one.gaps for one in done), sum(one.empty_lines for one in done)
    rate = f", {posts / seconds:.0f} posts/s" if posts and seconds else ""
    known = sum(not (one.posts or one.quarantined or one.gaps or one.empty_lines) for one in done)
    told = f"; {known} of {len(done)} files added nothing: replayed before" if known else ""
    return f"{posts} posts, {quarantined} quarantined, {gaps} gaps, {empty} empty lines in {seconds:.1f} s{rate}{told}"


@contextmanager
def _progress() -> Iterator[ShowProgress | None]:
    """Show a bar on stderr where that is a terminal."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as bar:
        tasks = {"": bar.add_task("", visible=False)}

        def show(stand: Stand) -> None:
            name = f"{'reading' if stand.scanning else 'replaying'} {stand.path.name}"
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=stand.size)
            bar.update(tasks[name], completed=stand.position, total=stand.size)

        yield show
