"""What is over and points at itself is freed within a bounded amount of work, and is not kept with what is loaded late.

In a process of its own: the collector's settings hold for a whole one.
"""

from __future__ import annotations

import subprocess
import sys

from tests.fixtures.product import ROOT

#: A loop of objects grows old (it lives through collections of the young and of the middle-aged), then it is over. Work
#: goes on as requests do it: most of what it makes points at itself, some of it lives for a while. Prints after how many
#: objects the old loop was freed.
WORK = """
import gc, weakref
from collections import deque
from core import collector

class Thing: pass

loaded = [[] for _ in range(400_000)]
collector.settle()
assert gc.get_freeze_count() > 400_000
recent = deque(maxlen=20_000)

def work(objects):
    for _ in range(objects // 2):
        thing = Thing()
        thing.itself = [thing]
        recent.append(thing)

old = Thing()
old.itself = old
work(3 * collector.YOUNG * collector.MIDDLE_AGED)
assert any(thing is old for thing in gc.get_objects(generation=2)), "it did not grow old"
freed = weakref.ref(old)
del old
made = 0
while freed() is not None and made < 40_000_000:
    work(100_000)
    made += 100_000
print(made)
"""


def test_what_is_over_does_not_pile_up() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 4_000_000


#: As above, but a package is loaded after the loop has grown old and is over. Prints whether each of the two is there.
LOADED_LATE = """
import gc, weakref
from core import collector

class Thing: pass

collector.settle()
kept = gc.get_freeze_count()
old = Thing()
old.itself = old
gc.collect()
assert any(thing is old for thing in gc.get_objects(generation=2)), "it did not grow old"
freed = weakref.ref(old)
del old
package = [[] for _ in range(100_000)]
gc.disable()
collector.keep_what_was_loaded()
print(freed() is not None, gc.get_freeze_count() - kept >= 100_000)
"""


def test_what_is_loaded_late_is_kept_and_what_is_over_is_not() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED_LATE], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True"]
