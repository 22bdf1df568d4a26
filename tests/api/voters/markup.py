"""Pages as a browser with a strict Content-Security-Policy reads them."""

from html.parser import HTMLParser

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = [
    *("/", "/binh-chon", "/binh-chon?q=bai&linh-vuc=giao-duc", "/bai-du-thi/bai-1", "/the-le", "/ket-qua"),
    *("/tro-giup", "/tra-cuu", "/tra-cuu?ma=%3Cb%3E", "/phieu-cua-toi", "/bai-du-thi/khong-co"),
    *("/tro-giup/mat-phieu", "/tro-giup/mat-phieu/da-nhan?bao=7F3K9-2QD0A", "/rieng-tu", "/nhan-biet"),
]
"""One of every page that needs no session."""
VOID = {"meta", "link", "input", "br", "img"}
NAMED = ("canonical", "alternate")
"""Links of the head that name an address for search engines; no browser asks it."""


class Balanced(HTMLParser):
    """Fails on an end tag without its beginning, on two equal ids, and on anything that a strict CSP would refuse."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.addresses, self.named = [], [], [], []

    def handle_starttag(self, tag, attrs):
        assert tag != "style"
        if tag == "script":  # never inline
            given = dict(attrs)
            assert (given["type"], given["src"][:8]) == ("module", "/static/")
        for name, value in attrs:
            assert name != "style"
            assert not name.startswith("on")
            if name == "id":
                assert value not in self.ids
                self.ids.append(value)
            if name in ("href", "src", "action"):
                named = tag == "link" and dict(attrs)["rel"] in NAMED
                elsewhere = tag == "a" and dict(attrs).get("rel", "").startswith("noopener")
                (self.named if named or elsewhere else self.addresses).append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    parser = Balanced()
    parser.feed(page.text)
    assert parser.open == []
    return parser
