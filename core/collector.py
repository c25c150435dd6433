"""When Python looks for objects that hold each other and nobody else does.

Reference counts free most of what a request or a run makes, but each leaves some hundred objects that point at each other
(a view and its request, a run and what listens to it), and only the collector frees those, while everything else stands
still. Left as it comes, it walks whatever was loaded at the start again and again; called seldom, it has so much to free at
once that streams stutter, and what has grown old piles up for hours and looks like a leak.
"""

from __future__ import annotations

import gc

#: A collection after so many objects more than were freed; of the middle-aged after so many of those; of all after so many
#: of these. At seven runs a second watched and ten stopped in one process that is every 0.3, 3 and 30 s, for 3, 16, 54 ms.
#: With ten times as many objects it takes the same time in all, in pieces of 43 and 94 ms (docs/figures.md).
YOUNG, MIDDLE_AGED, ALL = 5_000, 10, 10


def settle() -> None:
    """What is loaded now lives as long as the process and is not walked again. Called once, when a process is ready."""
    gc.collect()
    gc.freeze()
    gc.collect()  # of next to nothing: what the collector takes for the usual number of old objects is none of the frozen
    gc.set_threshold(YOUNG, MIDDLE_AGED, ALL)


def keep_what_was_loaded() -> None:
    """The same for what came later and stays, such as a vendor's package. Whatever is over by now is freed, not kept."""
    gc.collect()  # of all: what has grown old and is over would otherwise be kept for good
    gc.freeze()
