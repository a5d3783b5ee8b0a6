"""Completeness of dataclasses that are saved as JSON by the host."""

from __future__ import annotations

from dataclasses import fields


class SavedFields:
    """Base of frozen dataclasses whose every field must be in the saved document, also one that has its default.

    msgspec builds an instance without ``__init__`` and leaves an absent field to the default of the class; encoding the instance
    again would then lose the key. (Python 3.8, which these classes support, has no ``slots=True``.)
    """

    def __post_init__(self) -> None:
        """Store every field in the instance."""
        for field in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, field.name, getattr(self, field.name))
