"""The place of ``Study`` in earlier versions."""

raise ImportError(
    "tuning.study is no module any more: write `from tuning import Study`, and the same for Asha,"
    " Confirm and the others."
)
