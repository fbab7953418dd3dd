"""All benchmarks that need nothing but the development environment, one after the other: `make bench`.

Those that measure quality on recorded posts take `--data DIR` and say "not run: no data" without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

SPEED = ("whole_path", "bulk_insert", "rules", "kafka_hop", "tag_stage")
QUALITY = (
    "claims_acled",
    "claims_airwars",
    "claims_disasters",
    "claims_re3d",
    "places_quality",
    "places_wof",
    "check_payloads",
)


def main() -> int:
    """Run each in a process of its own; return 1 where one failed. `WATCHDESK_DATA` names the folder of recorded posts."""
    data = os.environ.get("WATCHDESK_DATA")
    failed = []
    for name in (*SPEED, *QUALITY):
        if name in QUALITY and data is None:
            print(f"== {name}: not run: no data (set WATCHDESK_DATA to its folder)", flush=True)
            continue
        print(f"== {name}", flush=True)
        began = time.monotonic()
        arguments = ["--data", data] if name in QUALITY and data is not None else []
        environ = {key: value for key, value in os.environ.items() if key != "WATCHDESK_DATA"}
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], env=environ, check=False)
        print(f"== {name}: exit {done.returncode} after {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
