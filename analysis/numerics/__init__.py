"""Numbers in, numbers out: means, intervals, tests, coefficients."""
