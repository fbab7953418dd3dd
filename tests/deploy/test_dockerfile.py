"""The image: small things read from its file, and, in the long suite, all of it built by its own steps and started."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.root import COMMANDS
from app.settings import VARIABLES
from tests.deploy.image import Image, context, steps
from tests.deploy.read_only import confined, mounts_of, not_permitted, status_of
from tests.parts.child import free_port

USER = 10001
ROLES = (["run"], ["produce"], ["consume"], ["consume", "tag"], ["consume", "desk"], ["consume", "notify"], ["api"])


def test_it_runs_as_nobody_and_writes_in_its_home_only() -> None:
    said = {step.verb: step.rest for step in steps()}

    assert said["USER"] == f"{USER}:{USER}"
    assert said["VOLUME"] == said["WORKDIR"] == "/var/lib/watchdesk"
    assert said["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(said["ENTRYPOINT"]) == ["watchdesk"]
    assert json.loads(said["CMD"])[0] in COMMANDS


def test_its_settings_exist() -> None:
    names = {word.partition("=")[0] for step in steps() if step.verb == "ENV" for word in step.rest.split()}
    known = {variable.name for variable in VARIABLES}

    assert {name for name in names if name.startswith("WATCHDESK_")} <= known


def test_its_context_holds_the_code_and_no_secrets() -> None:
    names = {str(path.relative_to(Path(__file__).resolve().parents[2])) for path in context()}

    assert {"app/__main__.py", "app/cli/demo_data/idlib.jsonl", "alembic/env.py", "requirements.lock"} <= names
    assert not [name for name in names if name.startswith(("var/", "tests/", ".git", "watchdesk.toml", ".env"))]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, built; readable by everybody, as in a container."""
    root = Path(tempfile.mkdtemp(prefix="watchdesk-image-", dir="/var/tmp"))  # /tmp is covered where a role is confined
    root.chmod(0o755)
    try:
        built = Image(root, readable_python())
        built.build()
        yield built
    finally:
        shutil.rmtree(root, ignore_errors=True)


def readable_python() -> str:
    """Return a Python that another user may run, the one of the tests where possible."""
    for candidate in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        path = Path(candidate).resolve()
        new_enough = subprocess.run(
            [path, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False, capture_output=True
        )
        if new_enough.returncode == 0 and all(parent.stat().st_mode & 0o005 == 0o005 for parent in path.parents):
            return str(path)
    pytest.skip("there is no Python here that another user may run")


class Role:
    """A role of the image, started as the image's user; what it says goes to a file. `confine`: with a read-only root."""

    def __init__(self, image: Image, *arguments: str, confine: bool = False) -> None:
        self.port = free_port()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        home = image.path("/var/lib/watchdesk")
        loopback = {"WATCHDESK_HOST": "127.0.0.1", "WATCHDESK_OPS_HOST": "127.0.0.1"}
        ports = {"WATCHDESK_PORT": "0", "WATCHDESK_OPS_PORT": str(self.port)}
        as_root = os.geteuid() == 0
        if as_root:
            give_away(home)
        program = [str(image.path("/opt/watchdesk/bin") / image.entrypoint[0]), *arguments]
        user = USER if as_root and not confine else None
        self.process = subprocess.Popen(
            confined(home, USER, program) if confine else program,
            env={**image.environ, **loopback, **ports},
            cwd=home,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    def answers(self, path: str = "/healthz") -> bool:
        """Wait until `path` answers with 200, as the image's own health check asks it; False where the role ends before."""
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                time.sleep(0.1)
        return False

    def said(self) -> str:
        self._said.seek(0)
        return self._said.read().decode()

    def stop(self) -> None:
        """End it, if it did not end by itself."""
        self.process.kill()
        self.process.wait()
        self._said.close()


def give_away(home: Path) -> None:
    """Make the image's user the owner of its home, as the image does."""
    for path in [home, *home.rglob("*")]:
        os.chown(path, USER, USER)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_every_role_starts_from_the_image_and_stops_when_told(image: Image) -> None:
    migrate = Role(image, "migrate")
    assert migrate.process.wait(60) == 0, migrate.said()
    migrate.stop()

    for arguments in ROLES:
        role = Role(image, *arguments)
        try:
            assert role.answers(), f"{arguments}: {role.said()}"
            role.process.send_signal(signal.SIGTERM)
            assert role.process.wait(10) == 0, f"{arguments}: {role.said()}"
        finally:
            role.stop()


@pytest.fixture
def confinable(image: Image) -> Image:
    """The image, on a machine where a role can be given a read-only root."""
    why = not_permitted(image.path("/var/lib/watchdesk"), USER)
    if why:
        pytest.skip(why)
    return image


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("arguments", ROLES, ids=" ".join)
def test_every_role_gets_ready_with_a_read_only_root_and_no_power(confinable: Image, arguments: list[str]) -> None:
    migrate = Role(confinable, "migrate", confine=True)
    assert migrate.process.wait(60) == 0, migrate.said()
    migrate.stop()

    role = Role(confinable, *arguments, confine=True)
    try:
        assert role.answers("/readyz"), role.said()
        mounts = mounts_of(role.process.pid)
        assert {one.point for one in mounts if not one.read_only} == {
            str(confinable.path("/var/lib/watchdesk")),
            "/tmp",  # noqa: S108
        }
        assert "/" in {one.point for one in mounts}
        status = status_of(role.process.pid)
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(USER)}
        assert (status["Groups"], status["NoNewPrivs"]) == ("", "1")
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
        role.process.send_signal(signal.SIGTERM)
        assert role.process.wait(10) == 0, role.said()
    finally:
        role.stop()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_what_writes_beside_its_home_is_seen(confinable: Image) -> None:
    anywhere = confinable.path(
        "/usr/local/open"
    )  # that permissions let everybody write in, so that only the mount can refuse
    anywhere.mkdir(mode=0o777, exist_ok=True)
    anywhere.chmod(0o777)
    home = confinable.path("/var/lib/watchdesk")
    give_away(home)

    for folder, refused in ((anywhere, True), (home, False), (Path("/tmp"), False)):  # noqa: S108
        argv = [
            str(confinable.path("/opt/watchdesk/bin/python")),
            "-c",
            f"open({str(folder / 'written')!r}, 'w').close()",
        ]
        tried = subprocess.run(confined(home, USER, argv), capture_output=True, text=True, check=False)
        assert (tried.returncode != 0) == refused, tried.stderr
        assert ("Read-only file system" in tried.stderr) == refused
    assert (home / "written").exists()
    assert not (anywhere / "written").exists()
    assert not Path("/tmp/written").exists()  # noqa: S108 - it was a folder of its own
