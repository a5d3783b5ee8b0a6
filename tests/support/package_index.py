"""A package index in a folder, with made-up releases: real uv resolves and builds from it, without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import textwrap
import zipfile
from pathlib import Path

from packaging.tags import platform_tags

BACKEND = '''
"""Builds the wheel of this project with nothing but the standard library."""
import base64, hashlib, os, time, zipfile
from pathlib import Path

NAME, VERSION, REQUIRES = {name!r}, {version!r}, {requires!r}
MODULE = NAME.replace("-", "_")


def build_wheel(folder, config_settings=None, metadata_directory=None):
    {before}
    info = f"{{MODULE}}-{{VERSION}}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {{NAME}}", f"Version: {{VERSION}}", *(f"Requires-Dist: {{r}}" for r in REQUIRES)]
    files = {{str(p): p.read_bytes() for p in sorted(Path(MODULE).glob("*.py"))}}
    files[info + "/METADATA"] = "\\n".join([*lines, ""]).encode()
    files[info + "/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = [f"{{n}},sha256={{base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b'=').decode()}},{{len(c)}}"
              for n, c in files.items()]
    files[info + "/RECORD"] = "\\n".join([*record, info + "/RECORD,,", ""]).encode()
    name = f"{{MODULE}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return name
'''

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class Index:
    """The folder of a simple index (PEP 503); ``url`` is the index URL for uv."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()
        folder.mkdir(parents=True, exist_ok=True)

    def wheel(self, name: str, version: str, requires: tuple[str, ...] = (), *, compiled: bool = False) -> None:
        """Publish a wheel; a compiled one is for this platform only."""
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        tag = f"py3-none-{next(platform_tags())}" if compiled else "py3-none-any"
        files = {
            f"{module}/__init__.py": f"__version__ = {version!r}\n",
            f"{info}/METADATA": _metadata(name, version, requires),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        hashes = {
            file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            for file, text in files.items()
        }
        record = "".join(f"{file},sha256={hashes[file]},{len(text)}\n" for file, text in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
        with zipfile.ZipFile(self._file(name, f"{module}-{version}-{tag}.whl"), "w") as wheel:
            for file, text in files.items():
                wheel.writestr(file, text)
        self._list(name)

    def sdist(self, name: str, version: str, requires: tuple[str, ...] = (), before: str = "pass") -> None:
        """Publish sources only; ``before`` is a statement that runs when somebody builds them."""
        module = name.replace("-", "_")
        root = f"{module}-{version}"
        files = {
            **project(name, version, requires, before),
            "PKG-INFO": _metadata(name, version, requires),
        }
        with tarfile.open(self._file(name, f"{root}.tar.gz"), "w:gz") as archive:
            for file, text in files.items():
                content = text.encode()
                member = tarfile.TarInfo(f"{root}/{file}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self._list(name)

    def _file(self, name: str, file: str) -> Path:
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name / file

    def _list(self, name: str) -> None:
        files = sorted(path.name for path in (self.folder / name).iterdir() if path.name != "index.html")
        links = "".join(f'<a href="{file}">{file}</a>\n' for file in files)
        (self.folder / name / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def project(name: str, version: str, requires: tuple[str, ...] = (), before: str = "pass") -> dict[str, str]:
    """The files of a project that can be built without any other package."""
    module = name.replace("-", "_")
    backend = BACKEND.format(name=name, version=version, requires=list(requires), before=before)
    listed = ", ".join(f'"{requirement}"' for requirement in requires)
    table = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n'
    return {
        "pyproject.toml": textwrap.dedent(PYPROJECT) + table,
        "backend.py": backend,
        f"{module}/__init__.py": f"__version__ = {version!r}\n",
    }


def checkout(folder: Path, name: str, version: str, requires: tuple[str, ...] = (), before: str = "pass") -> Path:
    """A project in a folder, as somebody works on it."""
    for file, text in project(name, version, requires, before).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def _metadata(name: str, version: str, requires: tuple[str, ...]) -> str:
    lines = [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join(["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}", *lines, ""])
