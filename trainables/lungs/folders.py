"""Chest X-rays and their lung masks in a folder of pictures."""

from collections.abc import Sequence
from pathlib import Path

from trainables.lungs.mask_files import read_labels
from trainables.lungs.masks import marked
from trainables.lungs.parts import Pair, Source, pair, refuse, size_problem, source
from trainables.lungs.pictures import files_in, read_values


def read_folder(folder: Path, size: int, lung_labels: Sequence[int | str]) -> Source:
    files, unmarked = _files(folder)
    problems, pairs = [], []
    for file, mask_files in files.items():
        try:
            pairs.append(_read_pair(file, mask_files, size, lung_labels))
        except ValueError as error:
            problems += str(error).splitlines()
    refuse(problems)
    note = f" ({unmarked} images without a mask are left out)" if unmarked else ""
    return source(f"chest X-rays of {folder.name}{note}", [pairs], named=True)


def _files(folder: Path) -> tuple[dict[Path, list[Path]], int]:
    """Each image of a folder with its masks, and how many images without one are left out."""
    place = folder / "CXR_png" if (folder / "CXR_png").is_dir() else folder
    files = [file for file in by_stem(place).values() if not file.stem.endswith("_mask")]
    if (folder / "ManualMask").is_dir():
        sides = [folder / "ManualMask" / side for side in ("leftMask", "rightMask")]
        known = {side: by_stem(side) for side in sides}
        pairs = {
            file: [known[side].get(file.stem, side / file.name) for side in sides] for file in files
        }
        refuse(
            [
                f"{mask} is missing."
                for masks in pairs.values()
                for mask in masks
                if not mask.is_file()
            ]
        )
    else:
        masks = by_stem(folder / "mask" if (folder / "mask").is_dir() else place)
        pairs = {
            file: [masks[f"{file.stem}_mask"]] for file in files if f"{file.stem}_mask" in masks
        }
    if not pairs:
        raise ValueError(
            f"{folder} holds no image with a mask: give it CXR_png/ID.png with mask/ID_mask.png, or"
            " with ManualMask/*/ID.png."
        )
    return pairs, len(files) - len(pairs)


def by_stem(folder: Path) -> dict[str, Path]:
    """The image files of a folder by their names without endings; none where there is no such
    folder.

    Raises:
        ValueError: two have one name.
    """
    files = files_in(folder) if folder.is_dir() else []
    found = {file.stem: file for file in files}
    refuse(
        [
            f"{file} and {found[file.stem].name} have one name: take one of them away."
            for file in files
            if found[file.stem] != file
        ]
    )
    return found


def _read_pair(
    file: Path, mask_files: Sequence[Path], size: int, lung_labels: Sequence[int | str]
) -> Pair:
    values, masks = read_values(file), {each: read_labels(each) for each in mask_files}
    if wrong := [mask.values.shape for mask in masks.values() if mask.values.shape != values.shape]:
        raise ValueError(
            f"{file} is {values.shape} and its mask {wrong[0]} (height, width): they must be of one"
            " size."
        )
    if problem := size_problem(values.shape, size):
        raise ValueError(f"{file} {problem}")
    problems, lungs = [], []
    for each, mask in masks.items():
        try:
            lungs.append(marked(mask, lung_labels))
        except ValueError as error:
            problems.append(f"{each} {error}")
    refuse(problems)
    return pair(file.stem, values, lungs, size)
