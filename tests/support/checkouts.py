"""Small packages of our own, in folders, as checkouts to compare: built by a backend of their own, without a network."""

from __future__ import annotations

import textwrap
from pathlib import Path

BACKEND = """
import pathlib
import zipfile

NAME, VERSION = {name!r}, {version!r}


def build_wheel(folder, config_settings=None, metadata_directory=None):
    wheel, info = f"{{NAME}}-{{VERSION}}-py3-none-any.whl", f"{{NAME}}-{{VERSION}}.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder) / wheel, "w") as archive:
        archive.write(f"{{NAME}}.py")
        archive.writestr(f"{{info}}/METADATA", f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n")
        archive.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(f"{{info}}/RECORD", f"{{NAME}}.py,,\\n{{info}}/METADATA,,\\n{{info}}/WHEEL,,\\n{{info}}/RECORD,,\\n")
    return wheel
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "own_backend"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
"""


def checkout(folder: Path, version: str, body: str, name: str = "ticker") -> Path:
    """A folder with a package of one module, ready to be built."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=version))
    (folder / "own_backend.py").write_text(BACKEND.format(name=name, version=version))
    (folder / f"{name}.py").write_text(textwrap.dedent(body))
    return folder
