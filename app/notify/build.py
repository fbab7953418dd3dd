"""A configured destination -> its notifier, with its secrets looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.clock import Clock
from app.domain.alerts import load_actor_names
from app.errors import SettingsError
from app.notify.apprise import AppriseNotifier
from app.notify.port import Delivered, Message, Notifier, Outcome
from app.notify.secrets import SecretBox, check_secret
from app.notify.slack import API, SlackBotNotifier, SlackWebhookNotifier
from app.notify.slack_blocks import Look
from app.notify.stream import StreamNotifier
from app.notify.webhook import SigningSecrets, WebhookNotifier
from app.outbound.client import OutboundClient
from app.outbound.targets import OutboundPolicy, OutboundRefused, check_url, policy_of
from app.streams.port import Stream

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DestinationSpec:
    """A destination as it is configured. `secret` and `old_secret` are sealed; equal specs make equal notifiers."""

    name: str
    type: str
    options: Options
    secret: str | None = None
    old_secret: str | None = None
    rotated_at: datetime | None = None

    @property
    def digest_after(self) -> int:
        return int(self.options.get("digest_after", 20))


class NullNotifier:
    """Takes everything and does nothing with it: for trying out watches."""

    concurrency = 1
    gathers = False

    async def send(self, message: Message) -> Outcome:
        del message
        return Delivered()


class Builder:
    """Builds notifiers. `secret_of` gives the value of a variable that the config cites, `outbound` is the file's section of that name.

    `connect` makes the HTTP client of a destination from what it may reach; by default one on `clock`.
    """

    def __init__(
        self,
        *,
        secret_of: Callable[[str], str | None],
        box: SecretBox,
        outbound: Options,
        clock: Clock,
        stream: Stream | None = None,
        connect: Callable[[OutboundPolicy], OutboundClient] | None = None,
    ) -> None:
        self._secret_of = secret_of
        self._box = box
        self._clock = clock
        self._connect = connect or partial(OutboundClient, clock=clock)
        self._stream = stream
        self._allow = [*outbound.get("allow_hosts", ()), *outbound.get("allow_networks", ())]
        self._plain = bool(outbound.get("allow_http", False))

    def build(self, spec: DestinationSpec) -> Notifier:
        """Return the notifier of a destination; raise SettingsError, one line, where something that it needs is missing."""
        match spec.type:
            case "slack":
                return self._slack(spec)
            case "webhook":
                return self._webhook(spec)
            case "apprise":
                return AppriseNotifier(self._value(spec, "url"))
            case "stream" if self._stream is not None:
                return StreamNotifier(self._stream)
            case "null":
                return NullNotifier()
            case other:
                raise SettingsError(f"destination {spec.name!r}: there is no type {other!r}")

    def _slack(self, spec: DestinationSpec) -> Notifier:
        client = self._client(plain=False)
        look = Look(buttons=bool(spec.options.get("signing_secret_env")), actors=load_actor_names())
        if not spec.options.get("token_env"):
            return SlackWebhookNotifier(self._value(spec, "url"), client, self._clock, look)
        channel = spec.options.get("channel")
        if not channel:
            raise SettingsError(f"destination {spec.name!r}: a bot token needs channel")
        base_url = str(spec.options.get("base_url") or API)
        if base_url != API and not self._is_ours(base_url):
            # Whoever may change a destination must not be able to have the token sent to a host of his own.
            raise SettingsError(f"destination {spec.name!r}: base_url must be on the allow-list of [outbound]")
        token = self._value(spec, "token")
        return SlackBotNotifier(token, str(channel), client, self._clock, look=look, base_url=base_url)

    def _webhook(self, spec: DestinationSpec) -> Notifier:
        client = self._client(plain=bool(spec.options.get("allow_http")))
        return WebhookNotifier(self._value(spec, "url"), self.signing(spec), client)

    def signing(self, spec: DestinationSpec) -> SigningSecrets:
        """Return the secrets that sign for a webhook."""
        if spec.options.get("secret_env"):
            return SigningSecrets(check_secret(self._value(spec, "secret")))
        if spec.secret is None:
            raise SettingsError(
                f"destination {spec.name!r} has no signing secret: run `watchdesk destination rotate {spec.name}`, or set secret_env"
            )
        previous = self._box.open(spec.old_secret) if spec.old_secret else None
        return SigningSecrets(self._box.open(spec.secret), previous, spec.rotated_at)

    def _is_ours(self, url: str) -> bool:
        policy = policy_of(self._allow)
        try:
            target = check_url(url, policy)
        except OutboundRefused:
            return False
        return target.host in policy.hosts or (target.address is not None and policy.allows(target.address))

    def _client(self, *, plain: bool) -> OutboundClient:
        return self._connect(policy_of(self._allow, plain=plain or self._plain))

    def _value(self, spec: DestinationSpec, what: str) -> str:
        """Return the value of option `what`, or of the variable that `<what>_env` names."""
        variable = spec.options.get(f"{what}_env")
        value = self._secret_of(str(variable)) if variable else spec.options.get(what)
        if not value:
            missing = f"the variable {variable} is not set" if variable else f"{what} is missing"
            raise SettingsError(f"destination {spec.name!r}: {missing}")
        return str(value)
