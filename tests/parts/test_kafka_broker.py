from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.parts.child import listens

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_broker_in_the_foreground_says_where_it_is_and_goes_with_its_process(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.parts.kafka_broker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        scheme, _, address = process.stdout.readline().strip().partition("://")
        assert scheme == "kafka"
        port = int(address.rpartition(":")[2])
        assert listens(port)
        process.send_signal(how)
        process.wait(20)
        end = time.monotonic() + 20
        while listens(port):
            assert time.monotonic() < end
            time.sleep(0.05)
