"""Which distributions are installed here."""

from importlib import metadata


def version(name: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):  # the second where it is no name at all
        return None
