"""The watchdog's last step: its alert came through, so the metric is set and somebody outside is told that we live."""

from __future__ import annotations

import structlog

from app.errors import WatchdeskError
from app.outbound.client import OutboundClient
from app.outbound.targets import policy_of
from app.resources import Resources

log = structlog.get_logger(__name__)


class Deadman:
    """Pings the URL that `WATCHDESK_DEADMAN_URL` names: whoever is there raises the alarm when the pings stop."""

    def __init__(self, resources: Resources) -> None:
        outbound = resources.settings.config.section("outbound")
        allow = [*outbound.get("allow_hosts", ()), *outbound.get("allow_networks", ())]
        policy = policy_of(allow, plain=bool(outbound.get("allow_http", False)))
        self._resources = resources
        self._client = OutboundClient(policy, clock=resources.clock, witness=resources.witness)

    async def came_through(self) -> None:
        """Note that an exercise post has gone all the way."""
        gauge = self._resources.metrics.stages.watchdog.labels("notify")
        gauge.set(self._resources.clock.now().timestamp())
        url = self._resources.settings.deadman_url
        if url is None:
            return
        try:
            reply = await self._client.request("GET", url)
        except WatchdeskError as error:
            log.warning("the dead man's switch did not answer", detail=error.detail)
            return
        if reply.status >= 400:
            log.warning("the dead man's switch refused the ping", status=reply.status)
