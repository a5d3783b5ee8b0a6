"""Regenerate what README.md and the pages in docs show of saved runs and of ``--help``: blocks, pictures and docs/llms.txt.

``make golden`` calls it, and so does every task that measures a saved run again. The pages themselves say which blocks they have
(docs/_ext/perfbench_docs/blocks.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "_ext"))

from perfbench_docs import blocks, llms, pages, pictures
from perfbench_docs.perfbench_command import run_perfbench


def main() -> None:
    """Replace every marked block, draw every picture and write llms.txt again."""
    for page in pages.list_pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(blocks.replace_blocks(text, run_perfbench), encoding="utf-8")
    for path, draw in pictures.PICTURES.items():
        path.write_bytes(draw(run_perfbench))
    llms.PATH.write_text(llms.render_llms(), encoding="utf-8")


if __name__ == "__main__":
    main()
