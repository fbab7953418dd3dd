"""HTML as plain text: what feeds and the fediverse write, with line breaks where blocks end and without what is never shown.

The standard library's parser needs a minute for 200,000 characters of `<!--`; one pass of one expression needs milliseconds.
"""

from __future__ import annotations

import re
from html import unescape

BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
UNSEEN = frozenset({"script", "style", "template", "head", "noscript"})
MOST = 200_000  # characters of HTML that are looked at

# Whatever begins ends at its end or at the end of the text, so no place is looked at twice.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)|<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]*)[^>]*(?:>|\Z)|<[!?/][^>]*(?:>|\Z)",
    re.DOTALL,
)


def text_of(html: str) -> str:
    """Return the text of a fragment of HTML; text without markup comes back as it is, save for its spaces."""
    parts: list[str] = []
    hidden: str | None = None  # the tag whose content is not shown
    at = 0
    html = html[:MOST]
    for markup in _MARKUP.finditer(html):
        if hidden is None:
            parts.append(_shown(html[at : markup.start()]))
        at = markup.end()
        tag = (markup["tag"] or "").lower()
        if hidden is not None:
            hidden = None if markup["end"] and tag == hidden else hidden
        elif markup["data"] is not None:
            parts.append(markup["data"].replace("\n", " "))
        elif tag in UNSEEN and not markup["end"]:
            hidden = tag
        elif tag in BLOCKS:
            parts.append("\n")
    if hidden is None:
        parts.append(_shown(html[at:]))
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _shown(text: str) -> str:
    return unescape(text.replace("\n", " "))
