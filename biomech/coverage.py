"""Of how many frames a stated half width is to hold the truth."""

LEVELS = (0.5, 0.683, 0.9)  # shares of frames; the second is that of one standard deviation
LEVEL = LEVELS[1]
