"""The image without an engine: the Dockerfile's own steps, replayed in order in a clean folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Step(NamedTuple):
    """One instruction of the Dockerfile."""

    verb: str
    rest: str


def steps() -> Iterator[Step]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip() and not line.startswith("#"):
            verb, _, rest = line.strip().partition(" ")
            yield Step(verb, rest)


def context() -> list[Path]:
    """Return the files that .dockerignore lets into a build."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    refused = [line.removeprefix("**/") for line in lines if not line.startswith("!") and line != "*"]
    found = []
    for path in (file for name in allowed for file in [ROOT / name, *(ROOT / name).rglob("*")] if file.is_file()):
        parts = path.relative_to(ROOT).parts
        if not any(fnmatch(part, pattern) for part in parts for pattern in refused):
            found.append(path)
    return found


class Image:
    """What the steps leave: a root folder of its own, the environment, the command line."""

    def __init__(self, root: Path, python: str) -> None:
        self.root = root
        self.environ: dict[str, str] = {}
        self.entrypoint: list[str] = []
        self._folder = root
        self._bin = root / "usr" / "local" / "bin"
        self._bin.mkdir(parents=True)
        (self._bin / "python").symlink_to(python)

    def build(self) -> None:
        """Run every step; a step that fails raises with what it said."""
        handlers = {
            "FROM": self._from,
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "RUN": self._run,
            "ENV": self._env,
            "ENTRYPOINT": self._entrypoint,
        }
        for step in steps():
            if step.verb in handlers:
                handlers[step.verb](step.rest)

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def mapped(self, text: str) -> str:
        """Return `text` with the image's absolute paths moved below our root."""
        return re.sub(r"(?<![\w./:-])/(?=(?:opt|var|build|usr/local)\b)", f"{self.root}/", text)

    def _from(self, rest: str) -> None:
        del rest
        self._folder = self.root

    def _workdir(self, rest: str) -> None:
        self._folder = self.path(rest)
        self._folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        if words[0].startswith("--from="):
            return  # both stages share our one root
        *sources, target = words
        allowed = context()
        for name in sources:
            source = ROOT / name
            chosen = [path for path in allowed if path == source or source in path.parents]
            assert chosen, f"COPY {name}: .dockerignore keeps it out"
            for path in chosen:
                below = path.relative_to(source) if source.is_dir() else Path(path.name)
                into = self._folder / target / below
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, into)

    def _run(self, rest: str) -> None:
        path = f"{self._bin}:{os.environ['PATH']}"
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("WATCHDESK_", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            ["/bin/sh", "-ec", self.mapped(rest)],
            cwd=self._folder,
            env={**environ, **self.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            self.environ[name] = (
                self.mapped(value) if name != "PATH" else self.mapped(value.replace(":", " ")).replace(" ", ":")
            )

    def _entrypoint(self, rest: str) -> None:
        self.entrypoint = json.loads(rest)
