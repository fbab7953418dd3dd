"""How soon X may be connected to again: its own rules for streams, and never more than its limit of connections."""

from __future__ import annotations

from collections import deque

NETWORK_STEP_S, NETWORK_CAP_S = 0.25, 16.0  # linear, for connections that fail or break
HTTP_FIRST_S, HTTP_CAP_S = 5.0, 320.0  # exponential, for answers that are no stream, and for streams that X ends
LIMITED_FIRST_S = 60.0  # exponential, for 429 and "too many connections"
STEADY_S = 60.0  # a stream that held so long starts afresh: its end is answered at once
CONNECTIONS, WINDOW_S = 45, 900.0  # X allows 50 in 15 minutes; some are left to whoever tests the token by hand


class Pace:
    """One stream's pauses. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._network = 0.0
        self._http = 0.0
        self._connections: deque[float] = deque()

    def connected(self, at: float) -> None:
        """Note an attempt to connect."""
        self._connections.append(at)

    def steady(self, seconds: float) -> None:
        """Note how long the connection held."""
        if seconds >= STEADY_S:
            self._network = self._http = 0.0

    def network(self) -> float:
        """Return the pause after a broken or failed connection."""
        pause = self._network
        self._network = min(NETWORK_CAP_S, self._network + NETWORK_STEP_S)
        return pause

    def http(self) -> float:
        """Return the pause after an HTTP error, or after X ended the stream."""
        self._http = min(HTTP_CAP_S, max(HTTP_FIRST_S, self._http * 2))
        return self._http

    def limited(self, reset_in: float | None) -> float:
        """Return the pause after a 429; `reset_in` is what X said, where it said anything believable."""
        self._http = min(HTTP_CAP_S, max(LIMITED_FIRST_S, self._http * 2))
        return max(self._http, min(reset_in or 0.0, WINDOW_S))

    def room(self, now: float) -> float:
        """Return the seconds until another connection fits into X's limit."""
        while self._connections and now - self._connections[0] >= WINDOW_S:
            self._connections.popleft()
        return WINDOW_S - (now - self._connections[-CONNECTIONS]) if len(self._connections) >= CONNECTIONS else 0.0
