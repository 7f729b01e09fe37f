"""A page read back: that its tags close, what is in its tables, and all of its text."""

from html.parser import HTMLParser


class Read(HTMLParser):
    """Tags with their attributes, tables as rows of text, and all text; raises where tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "wbr", "input"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text += data
        if "td" in self.open or ("th" in self.open and "tr" in self.open):
            self.rows[-1][-1] += "" if "svg" in self.open else data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]

    def row(self, first):
        return next(row for row in self.rows if row and row[0].startswith(first))
