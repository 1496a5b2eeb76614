"""The client's own work while it merges the results of blocks in groups."""

import sys

import pytest

from streamlearn.blocks import door
from streamlearn.blocks.groups_on_cluster import merged_in_groups
from streamlearn.blocks.merge_tree import MergeTree


class Immediate:
    """A schedule and its cluster. Each merge is ready when the client asks for it."""

    result = "learn-block"

    def __init__(self, window):
        self.window, self.cluster, self.graph = window, self, {}

    def key(self, name, position):
        return (name, position)

    def let_in(self, done, start, stop):
        return max(start, min(done + self.window + 1, stop))

    def submit(self, graph, keys, name, first, loaded):
        self.graph |= graph

    def wait(self, *keys):
        pass

    def done(self, key):
        return True

    def take(self, key):
        return self.graph[key]({k: self.graph[k]() for k in self.graph[key].dependencies})

    def let_go(self, name, start, stop):
        pass


def joined(how, parts):
    return "(" + how.join(parts) + ")"


def merged(n_blocks, window):
    """Return the merged results, and how many lines of the client's loop ran."""
    n_lines = 0

    def count(frame, event, arg):
        nonlocal n_lines
        n_lines += event == "line"
        return count

    def enter(frame, event, arg):
        return count if frame.f_code is merged_in_groups.__code__ else None

    def tasks(start, stop):
        keys = [("learn-block", p) for p in range(start, stop)]
        return {key: door.DataNode(key, str(key[1])) for key in keys}

    former = sys.gettrace()
    sys.settrace(enter)
    try:
        out = merged_in_groups(Immediate(window), 3, 3 + n_blocks, tasks, joined, "+")
    finally:
        sys.settrace(former)
    return out, n_lines


@pytest.mark.parametrize("window", [16, 4, 1])
def test_the_work_of_the_client_grows_with_the_blocks_and_no_faster(window):
    (few, lines), (_, twice) = (merged(n, window) for n in (203, 406))
    assert twice < 2.2 * lines
    assert few.replace("(", "").replace(")", "") == "+".join(map(str, range(3, 206)))


def test_whole_groups_are_merged_as_in_the_tree():
    tree = MergeTree(lambda parts: joined("+", parts))
    for group in range(3, 53, 8):
        tree.add(joined("+", map(str, range(group, min(group + 8, 53)))))
    assert merged(50, 16)[0] == tree.result()
