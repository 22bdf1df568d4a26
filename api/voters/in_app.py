"""Browsers inside other apps, by their User-Agent: some OpenID providers refuse them (Google's error is
`disallowed_useragent`).
"""

import re
from typing import NamedTuple


class InApp(NamedTuple):
    """`name`: the app, "" where only a web view is seen, which may be a browser of its own all the same."""

    name: str

    @property
    def is_sure(self) -> bool:
        return bool(self.name)


# Messenger and Instagram name Facebook too: the first that is found is the app.
_APPS = (
    ("Zalo", re.compile(r"\bZalo\b", re.IGNORECASE)),
    ("TikTok", re.compile(r"musical_ly|BytedanceWebview|TikTok|trill_", re.IGNORECASE)),
    ("Instagram", re.compile(r"\bInstagram\b")),
    (
        "Messenger",
        re.compile(r"MessengerForiOS|MessengerLiteForiOS|FB_IAB/(?:Orca|MESSENGER)", re.IGNORECASE),
    ),
    ("Facebook", re.compile(r"\bFBA[NV]/|\bFB_IAB/|\[FB")),
    ("LINE", re.compile(r"\bLine/\d")),
)
_ANDROID_VIEW = re.compile(r"Android[^)]*; wv\)")
_IPHONE = re.compile(r"\((?:iPhone|iPad|iPod)[^)]*\) AppleWebKit/")


def in_app(agent: str) -> InApp | None:
    """The app that a browser with this User-Agent is part of; None for a browser of its own."""
    for name, pattern in _APPS:
        if pattern.search(agent):
            return InApp(name)
    if _ANDROID_VIEW.search(agent) or (_IPHONE.search(agent) and "Safari/" not in agent):
        return InApp("")
    return None
