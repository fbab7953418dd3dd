"""The keys of watchdesk.toml beyond the fixed ones, as tables: what a producer or a destination can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

RECHECK_DAYS = 7.0  # for which kept posts of X are looked up again, where [x] says nothing else


class Key(NamedTuple):
    """One key: the type that TOML must give it (`tuple[str, ...]` for a list, `Literal` for one of a few words) and what it means. `*_env` names a variable."""

    name: str
    type: Any
    meaning: str


ANY_SOURCE = (
    Key(
        "quiet_after_h",
        float,
        "hours without a post after which the source is called silent; by default its own habit says",
    ),
    Key("language", str, "the language that it writes in, where the platform does not say"),
)

FEED_KEYS = (
    Key("url", str, "the address of the RSS or Atom feed"),
    Key("every_s", float, "seconds between two looks"),
    Key("allow_internal", bool, "the feed is on an internal network that [outbound] allows"),
)

SOURCE_KEYS: Mapping[str, tuple[Key, ...]] = {
    "x": (
        Key("via", Literal["rule", "activity"], '"rule" (filtered stream) or "activity" (X Activity API)'),
        Key("user_id", str, "the account's number, where it is known"),
    ),
    "bluesky": (Key("did", str, "the account's did, where it is known"), Key("host", str, "a Jetstream host")),
    "mastodon": (
        Key("host", str, "the server to read from"),
        Key("token_env", str, "the variable that holds a user token of that server"),
        Key(
            "stream",
            Literal["user", "public", "public/local", "hashtag"],
            '"user", "public", "public/local" or "hashtag"',
        ),
        Key("tag", str, 'the hashtag, with stream = "hashtag"'),
    ),
    "telegram": (Key("channel", str, "the public channel, where the id does not say it"),),
    "rss": FEED_KEYS,
    "youtube": FEED_KEYS,
    "web": FEED_KEYS,
}

SECTION_KEYS: Mapping[str, tuple[Key, ...]] = {
    "x": (
        Key("bearer_token_env", str, "the variable that holds the app's bearer token"),
        Key("base_url", str, "where the API is; for tests"),
        Key(
            "daily_ceiling_usd",
            float,
            "what may be spent on reads in a day; at the ceiling the source pauses and says so",
        ),
        Key(
            "protests_acknowledged",
            str,
            "who read X's terms on sensitive events, and when: protests are then watched in posts from X too",
        ),
        Key(
            "recheck_days",
            float,
            "for so many days (7) kept posts are looked up by id for deletions that no stream told of, once a day; 0: never",
        ),
        Key("extra_rules", tuple[str, ...], "stream rules to hold beside those made from the watches"),
    ),
    "bluesky": (
        Key("hosts", tuple[str, ...], "Jetstream hosts, first choice first"),
        Key("words", bool, "also read every post whose words a watch names, not the sources only"),
        Key("api_url", str, "where handles are looked up; for tests"),
    ),
    "mastodon": (
        Key("host", str, "the server for sources that name none"),
        Key("token_env", str, "the variable with its token"),
    ),
    "telegram": (
        Key("api_id_env", str, "the variable that holds the api id"),
        Key("api_hash_env", str, "the variable that holds the api hash"),
        Key("session_env", str, "the variable that holds the session string"),
    ),
    "feeds": (Key("every_s", float, "seconds between two looks at a feed that says nothing else"),),
    "outbound": (
        Key("allow_hosts", tuple[str, ...], "internal hosts that feeds and webhooks may reach"),
        Key("allow_networks", tuple[str, ...], "internal networks (CIDR) that feeds and webhooks may reach"),
        Key("allow_http", bool, "webhooks may use http://"),
    ),
}

ANY_DESTINATION = (
    Key(
        "minimum_level",
        Literal["reported", "likely", "confirmed"],
        '"reported", "likely" or "confirmed": what is below is not sent',
    ),
    Key("digest_after", int, "alerts due at once beyond which they go out as one digest"),
    Key("mode", Literal["full", "reference"], '"full" or "reference": whether text of posts may leave'),
)

DESTINATION_KEYS: Mapping[str, tuple[Key, ...]] = {
    "slack": (
        Key("url_env", str, "the variable that holds the incoming-webhook URL"),
        Key("token_env", str, "the variable that holds a bot token"),
        Key("channel", str, "the channel's id, with a bot token"),
        Key("base_url", str, "where the Web API is; for tests"),
        Key("signing_secret_env", str, "the variable that holds the app's signing secret: its buttons then work"),
    ),
    "webhook": (
        Key("url", str, "the URL, where it is no secret"),
        Key("url_env", str, "the variable that holds the URL"),
        Key(
            "secret_env",
            str,
            "the variable that holds the signing secret; without it `watchdesk destination rotate` makes one, stored encrypted",
        ),
        Key("allow_http", bool, "the URL may be http://"),
    ),
    "apprise": (Key("url_env", str, "the variable that holds the Apprise URL"),),
    "stream": (),
    "null": (),
}

# One of these must be given, or the destination cannot be reached.
DESTINATION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "slack": ("url_env", "token_env"),
    "webhook": ("url", "url_env"),
    "apprise": ("url_env",),
}
