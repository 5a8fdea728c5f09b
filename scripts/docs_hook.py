"""MkDocs hook: a fence may carry a word after its language (```sh not-run), as on GitHub. Python-Markdown takes none."""

import re

FENCE = re.compile(r"^```(\w+) .*$", re.MULTILINE)


def on_page_markdown(markdown, **_):
    return FENCE.sub(r"```\1", markdown)
