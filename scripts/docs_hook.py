"""MkDocs hook: allows a word after the language of a fence (```sh not-run), as on GitHub; Python-Markdown does not."""

import re

FENCE = re.compile(r"^```(\w+) .*$", re.MULTILINE)


def on_page_markdown(markdown, **_):
    return FENCE.sub(r"```\1", markdown)
