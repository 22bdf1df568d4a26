"""The fixtures of the browser's tests; `browser.py` says what they are."""

from tests.journeys.browser import browser, desktop, faults, new_page, phone, site

__all__ = ["browser", "desktop", "faults", "new_page", "phone", "site"]
