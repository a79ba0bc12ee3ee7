"""Runs in stores, copied to this machine: to go on with them, or to read them."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from analysis.records.lines import read_spec
from analysis.records.paths import RunPaths, cache_folder
from tuning.runs.lock import let_go, locked
from tuning.runs.prepare import write_spec
from tuning.runs.store import Folder, first_line, is_safe, is_url
from tuning.runs.store_lock import current
from tuning.runs.sync import LOCAL, REPORT_LIST, stale_files, travels
from tuning.runs.two_copies import (
    RECORDS,
    STUDY,
    WAYS,
    bind,
    has_all,
    is_bound,
    is_same_run,
    last_rows,
    refuse_copy,
    refuse_other_records,
    spec_in,
)
from tuning.spec.errors import StudyError
from tuning.spec.values import cut

Tell = Callable[[str], None]


def cached(run: str, tell: Tell) -> Path:
    """The folder of a run, to read it: of one in a store, a copy in a cache of its own, brought up
    to date. Run folders stay as they are.

    Raises:
        StudyError: the store has no such run, or does not answer.
    """
    if not is_url(run):
        return Path(run)
    with _answering(run):
        store, names = _opened(run)
        started = json.dumps([run, spec_in(store).get("started")])
        folder = (
            _cache() / hashlib.sha256(started.encode()).hexdigest()[:16] / Path(*_names(store.path))
        )
        here = Folder.at(folder)
        if not (has_all(here, store) and has_all(store, here)):
            tell(f"{run} is copied to {folder}")
            for name in RECORDS:
                here.remove(name)
            _download(store, names, folder)
    return folder


def fetched(run: str, tell: Tell, from_store: bool | None = None) -> Path:
    """The folder of a run, to go on with it: of one in a store, ``results/STUDY/RUN``, brought up
    to date. Nothing there is overwritten that the store lacks. ``from_store``: whether the store
    counts or the folder, where they differ; the other one is kept.

    Raises:
        StudyError: the store has no such run, or does not answer; the two are not the same run,
            each has records that the other lacks, the folder is a copy, or another process writes
            it.
    """
    root, url = _sides(run)
    if url is None:
        if from_store is not None:
            raise StudyError(
                f"{root} has no copy in a store: --from-store and --keep-local (in Python"
                " from_store) have nothing to choose between."
            )
        return root
    with _answering(url):
        if not root.exists() and from_store is not False:
            _opened(url)  # before anything is made for it
            root.mkdir(parents=True)
        with locked(root / "lock", tell):
            if from_store is False:
                _leave_store(root, url, tell)
            else:
                _take_from_store(root, url, tell, named=is_url(run), whole=from_store is True)
    return root


def _take_from_store(root: Path, url: str, tell: Tell, *, named: bool, whole: bool) -> None:
    """Bring the folder up to what the store has. ``named``: the store was named, not the folder;
    ``whole``: whatever is in the folder.
    """
    if not (named or whole):
        refuse_copy(root, url)
        store = current(Folder.at(url))
        if spec_in(store):
            refuse_other_records(root, store, url)
        return
    store, names = _opened(url)
    if whole:
        _replace(root, store, names, url, tell)
    elif _is_behind(root, store, url):
        tell(f"{url} is copied to {root}")
        _download(store, names, root, url)
        bind(root)


def _is_behind(root: Path, store: Folder, url: str) -> bool:
    """Whether the store has records that the folder lacks.

    Raises:
        StudyError: the folder has records that the store lacks, and is not the one that writes to
        it.
    """
    here = Folder.at(root)
    known = spec_in(here)
    same = is_same_run(here, store) and _place(known.get("storage") or url) == _place(url)
    behind, ahead = not has_all(here, store), not has_all(store, here)
    if same and not ahead:
        return behind or not is_bound(root)
    if same and not behind and is_bound(root):
        return False
    what = "each have records that the other lacks" if same else "are not the same run"
    raise StudyError(f"{root} and {url} {what}. {last_rows(here, store)} {WAYS}")


def _replace(root: Path, store: Folder, names: Sequence[str], url: str, tell: Tell) -> None:
    """Put what the store has in the place of the folder, which is kept aside."""
    new = root.with_name(f".{root.name}.{secrets.token_hex(8)}")
    _download(store, names, new, url)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    aside = root.parent / ".aside" / f"{root.name}-{stamp}-{secrets.token_hex(4)}"
    aside.parent.mkdir(exist_ok=True)
    root.rename(aside)
    new.rename(root)
    let_go(aside / "lock")
    bind(root)
    tell(f"{url} is copied to {root}; what was there is kept in {aside}")


def _leave_store(root: Path, url: str, tell: Tell) -> None:
    """Let the run at ``root`` be copied to a place of its own from now on."""
    spec = read_spec(root / STUDY)
    parent, _, name = urlsplit(url).path.rstrip("/").rpartition("/")
    place = f"{name}-{secrets.token_hex(4)}"
    new = urlsplit(url)._replace(path=f"{parent}/{place}").geturl()
    write_spec(RunPaths(root), {**spec, "storage": new})
    bind(root)
    tell(
        f"{root} is copied to {new} from now on; trials that were cut off start anew. {url} stays"
        " as it is."
    )


def _sides(run: str) -> tuple[Path, str | None]:
    """The folder of a run, and the URL of its copy in a store, if it has one."""
    if is_url(run):
        return Path(LOCAL, *_names(Folder.at(run).path)), run
    storage = read_spec(Path(run, STUDY)).get("storage")
    if storage is not None and not (isinstance(storage, str) and is_url(storage)):
        raise StudyError(
            f"{Path(run, STUDY)} says that the store of the run is {cut(repr(storage))}, which is"
            " no URL."
        )
    return Path(run), storage


def _place(url: object) -> tuple[str, str]:
    """What of a URL says where: all but its options."""
    parts = urlsplit(str(url))
    return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")


def _opened(url: str) -> tuple[Folder, list[str]]:
    """The copy of a run that counts, and the names of the files in it that a copy of it has.

    Raises:
        StudyError: it is no run folder, or holds an object whose name no run writes.
    """
    store = current(Folder.at(url))
    names = [name for name in store.everything() if travels(name)]
    if STUDY not in names:
        raise StudyError(f"{url} is no run folder: it has no {STUDY}.")
    folders = {str(folder) for name in names for folder in Path(name).parents}
    for name in names:
        if not is_safe(name) or name in folders or folders.intersection((STUDY, *RECORDS)):
            raise StudyError(
                f"{url} has an object {cut(repr(name))}, whose name no run writes: take it out of"
                " the store to read the run."
            )
    return store, names


def _names(path: str) -> tuple[str, ...]:
    """The names of a study and its run, as the path of the run in a store has them."""
    names = tuple(path.strip("/").split("/")[-2:])
    if not all(map(is_safe, names)):
        raise StudyError(
            f"{cut(repr(path))} does not end with the names of a study and of a run of it."
        )
    return names


def _download(store: Folder, names: Sequence[str], root: Path, url: str | None = None) -> None:
    """Copy files of a run; ``url``: where it is to be copied to from now on."""
    here = Folder.at(root)
    for name in stale_files(here, store.read_if_there(REPORT_LIST)):
        _refuse_link(root, name)
        here.remove(name)
    # What says that all is there comes last.
    for name in sorted(names, key=(*RECORDS, STUDY).__contains__):
        content = store.read(name)
        if name == STUDY and url:
            content = json.dumps({**spec_in(store), "storage": url}, indent=1).encode() + b"\n"
        _refuse_link(root, name)
        here.write(name, content)


def _refuse_link(root: Path, name: str) -> None:
    if not (root / name).resolve().is_relative_to(root.resolve()):
        raise StudyError(f"{root / name} is a link to another folder: nothing is written there.")


def _cache() -> Path:
    """The folder of this user for what can be fetched again."""
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def _answering(url: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StudyError(f"{url} cannot be read: {first_line(error)}.") from None
