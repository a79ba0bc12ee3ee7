"""What a trial takes, or a node has, in words."""


def amount(number: float, unit: str) -> str:
    """``1 GPU``, ``0.25 GPUs``."""
    return f"{number:g} {unit}" + ("" if number == 1 else "s")


def slot(cpus: float, gpus: float) -> str:
    """``1 CPU and 0 GPUs``."""
    return f"{amount(cpus, 'CPU')} and {amount(gpus, 'GPU')}"
