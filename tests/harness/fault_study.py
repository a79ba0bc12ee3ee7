"""A study of short trials whose settings and numbers depend on nothing but its file, whatever ends
first.
"""

from searched_studies import searched_study

from tuning import Random

study = searched_study(
    search=Random(trials=8),
    scheduler=None,
    confirm=None,
    epochs=10,
    max_failures=0,  # none of these faults is one of a trial
    fixed={"pause": 0.3, "once": ""},
)
