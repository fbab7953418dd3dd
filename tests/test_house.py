"""The house rules that a linter does not know: directions, sizes, and what no file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "consumers", "producers")

MAX_FILE = 440  # lines
MAX_BODY = 40  # lines of a function, signature, docstring and nested functions apart
MAX_PARAMETERS = 6  # self and cls apart

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def own_files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            yield ROOT / name


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: Function) -> int:
    """Count the lines of a body without its docstring and without the functions inside it."""
    statements = function.body
    first = statements[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        statements = statements[1:]
    if not statements:
        return 0
    lines = set(range(statements[0].lineno, (statements[-1].end_lineno or statements[-1].lineno) + 1))
    for inner in functions(ast.Module(body=statements, type_ignores=[])):
        lines -= set(range(inner.lineno + 1, (inner.end_lineno or inner.lineno) + 1))
    return len(lines)


def parameters(function: Function) -> int:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in given)


def test_imports_point_in_one_direction() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_files_functions_and_signatures_stay_within_their_budgets() -> None:
    over = []
    for path in modules(*PACKAGES):
        source = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        if (size := source.count("\n")) > MAX_FILE:
            over.append(f"{name}: {size} lines")
        for function in functions(ast.parse(source)):
            if (size := body_lines(function)) > MAX_BODY:
                over.append(f"{name}:{function.lineno} {function.name}: {size} lines of body")
            if (size := parameters(function)) > MAX_PARAMETERS:
                over.append(f"{name}:{function.lineno} {function.name}: {size} parameters")

    assert not over, "\n".join(over)


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES)
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert not silent


def test_packages_do_nothing_when_imported() -> None:
    assert not [path for path in modules(*PACKAGES) if path.name == "__init__.py" and path.read_text(encoding="utf-8")]


def test_the_migrations_do_not_shadow_the_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_file_names_a_package_registry() -> None:
    hosts = (
        "py" + "pi.org",
        "pythonhost" + "ed.org",
        "npm" + "js.org",
        "maven" + ".org",
        "crates" + ".io",
        "golang" + ".org",
    )
    pattern = re.compile("|".join(re.escape(host) for host in hosts).encode())

    found = [str(path.relative_to(ROOT)) for path in own_files() if pattern.search(path.read_bytes())]

    assert not found


def test_the_development_lock_holds_every_pin_of_the_other() -> None:
    runtime, dev = (pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))

    assert runtime.items() <= dev.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:] if "==" in block]

    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"^\s*(--index-url|--extra-index-url|--find-links|[^#]*https?://)", text, re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def test_pre_commit_runs_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]

    assert recipe
    typed = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    assert typed == [hook["entry"] for hook in hooks]
