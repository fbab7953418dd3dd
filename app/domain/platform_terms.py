"""What a platform's terms forbid us to watch for, unless somebody has read them and signs for it.

X names the monitoring of protests, rallies and organizing meetings as restricted. So a post from X that tells of a protest is stored
and opens nothing: no incident, no alert, no lull. Posts of other platforms are not touched.
"""

from __future__ import annotations

import msgspec

from app.messages import Tags

RESTRICTED = {"x": frozenset({"protest"})}
REASON = "protests are not watched in posts from X: its terms restrict it, and [x] protests_acknowledged names nobody who read them"


def within_terms(tags: Tags | None, platform: str, *, protests_from_x: bool) -> Tags | None:
    """Return the tags as the desk may act on them."""
    if tags is None or protests_from_x or tags.kind not in RESTRICTED.get(platform, frozenset()):
        return tags
    return msgspec.structs.replace(tags, kind="none", claim="none", reasons=(*tags.reasons, REASON))
