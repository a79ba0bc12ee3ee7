"""Health checks as they stand at the top of a report."""

import pandas as pd

from analysis import page


def health_section(table: pd.DataFrame) -> str:
    """The findings of ``health.health_checks`` as markup, each a warning with its evidence; empty where there is none."""
    return "\n".join(
        page.paragraph(f"{finding} Evidence: {evidence}.", "warning")
        for finding, evidence in zip(table["finding"], table["evidence"], strict=True)
    )
