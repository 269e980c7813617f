"""Which of the packaged models serves whoever names none; a file of its own, so that a command line can show it."""

DEFAULT = "movenet-multipose"
"""The one that measures best: `experiments/model_table.py` ranks them."""
