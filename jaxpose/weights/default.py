"""Which of the packaged models serve whoever names none; a file of its own, so that a command line can show it."""

DEFAULT = "movenet-multipose"
"""The one that measures best: `experiments/model_table.py` ranks them."""

DETECTOR = "movenet-multipose"
"""The packaged model that finds the people for one that looks at one person at a time."""
