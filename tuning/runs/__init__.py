"""The life of the folder of a run: prepared, held by one writer, copied to a store, gone on
with.
"""
