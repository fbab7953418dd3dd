#!/bin/sh
# Make .venv from hash-locked requirements: `deploy/setup.sh runtime` or `deploy/setup.sh dev`.
# Says what it does in one line a step, leaves pip's own words in .venv/setup.log, and does nothing where nothing changed.
set -u
cd "$(dirname "$0")/.." || exit 1

kind=${1:-runtime}
case $kind in
runtime) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
*) echo "usage: deploy/setup.sh runtime|dev" >&2 && exit 2 ;;
esac

fail() {
    printf 'set-up: %s\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3.12 python3.13 python3.11 python3 python3.14 python; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>&1 || true)
    fail "Python 3.11 or newer is needed (found: ${found:-none}); install one, or name it: make PYTHON=/path/to/python3.11"
}

# A virtual environment that was moved or copied, or whose Python was removed, is made anew.
usable() {
    new_enough .venv/bin/python && { [ ! -e .venv/.made-in ] || grep -qxF "$PWD" .venv/.made-in; }
}

if ! usable; then
    rm -rf .venv
    python=$(find_python) || exit 1
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        fail "$python has no venv module: on Debian and Ubuntu, apt-get install python3-venv"
    printf '[1/3] %s -> .venv ... ' "$("$python" --version)"
    began=$(date +%s)
    mkdir -p var && "$python" -m venv .venv >var/setup.log 2>&1 || fail "cannot make .venv: $(tail -n 1 var/setup.log)"
    echo "$PWD" >.venv/.made-in
    echo "$(($(date +%s) - began)) s"
fi

# What is installed is remembered by content, so a touched file or a changed linter setting costs nothing.
packages=$(cksum <"$lock")
project=$(sed -n '/^\[build-system\]/,/^\[tool.ruff/p' pyproject.toml | cksum)
log=.venv/setup.log

why_pip_failed() {
    if grep -q 'DO NOT MATCH THE HASHES' "$log"; then
        fail "a package differs from its hash in $lock; nothing was installed (see $log)"
    elif grep -qi 'No space left' "$log"; then
        fail "the disk is full (see $log)"
    elif grep -qiE 'NewConnectionError|ConnectTimeout|Read timed out|Name or service|resolve|ProxyError|SSLError|Network is unreachable' "$log"; then
        fail "the package index cannot be reached: check the network or pip's settings (see $log)"
    fi
    fail "$(grep -m 1 '^ERROR' "$log" || echo "pip failed") (see $log)"
}

# pip's output -> the one line that says where it is: rewritten in place on a terminal, every tenth package elsewhere.
tty=0
[ -t 1 ] && tty=1
show_progress() {
    awk -v total="$1" -v log_file="$log" -v tty=$tty '
        { print > log_file }
        /^Collecting / {
            n++; sub(/;.*/, "", $2); sub("==", " ", $2)
            if (tty) printf "\r\033[K[2/3] fetching %d of %d: %s", n, total, $2
            else if (n % 10 == 1) printf "[2/3] fetching %d of %d: %s\n", n, total, $2
            fflush()
        }
        /^Installing collected packages/ { if (tty) printf "\r\033[K[2/3] installing %d packages", n; fflush() }
        END { if (tty) printf "\r\033[K" }'
}

if [ "$(cat ".venv/.installed-$lock" 2>/dev/null)" != "$packages" ]; then
    total=$(grep -c '^[a-zA-Z0-9].*==' "$lock")
    began=$(date +%s)
    # shellcheck disable=SC2094
    {
        .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off --retries 3 \
            --require-hashes --no-deps -r "$lock" 2>&1
        echo $? >.venv/.pip-status
    } | show_progress "$total"
    [ "$(cat .venv/.pip-status)" = 0 ] || why_pip_failed
    echo "$packages" >".venv/.installed-$lock"
    # The development lock holds every pin of the other one.
    [ "$kind" = dev ] && cksum <requirements.lock >.venv/.installed-requirements.lock
    echo "[2/3] $total packages of $lock checked against their hashes and installed: $(($(date +%s) - began)) s"
fi

if [ "$(cat .venv/.installed-project 2>/dev/null)" != "$project" ]; then
    began=$(date +%s)
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-index --no-deps --no-build-isolation \
        -e . >"$log" 2>&1 || why_pip_failed
    echo "$project" >.venv/.installed-project
    echo "[3/3] watchdesk itself: $(($(date +%s) - began)) s"
fi
