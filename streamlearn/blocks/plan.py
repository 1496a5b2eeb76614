"""The plan of a pass: a graph, split into the tasks of each block and the tasks that blocks share.

The tasks that only one block needs become that block's `Recipe`, which runs inside a single task.
A task that several blocks need, such as a source of a rechunk, stays a task of the graph and runs
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks import door

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Annotations, DataNode, GraphNode, Key
    from streamlearn.blocks.shuffles import Shuffles

SEVERAL = -1
"""It stands for the index of a block if several blocks need a task."""


class Recipe(NamedTuple):
    """The tasks that make one block from its inputs. It is plain data, so a task can carry it.

    Attributes
    ----------
    nodes : tuple of (GraphNode, tuple of keys)
        The tasks in the order in which they run. Each has the keys that no later task needs.
    outputs : tuple of keys
        The parts of the block.
    inputs : tuple of keys
        The results of other tasks that the recipe needs.
    """

    nodes: tuple[tuple[GraphNode, tuple[Key, ...]], ...]
    outputs: tuple[Key, ...]
    inputs: tuple[Key, ...]


class Plan(NamedTuple):
    """A collection's graph, split into the tasks of each block and the tasks that blocks share.

    Attributes
    ----------
    recipes : list of Recipe
        One for each block.
    shared : dict of key to GraphNode
        Tasks that several blocks need. Each comes after the tasks that it needs itself.
    readers : dict of key to set of int
        For each shared task, the blocks whose recipes use its result.
    outside : dict of key to DataNode
        Values in memory that several blocks use.
    remote : bool
        Whether some data are on a cluster already. Their keys are inputs, and no task here makes
        them.
    alone : set of keys
        Shared tasks that only one block needs: the partitions of a shuffle.
    shuffles : Shuffles or None
        The shuffles that must run before.
    annotations : dict of key to dict
        The annotations of tasks, from ``dask.annotate``.
    """

    recipes: list[Recipe]
    shared: dict[Key, GraphNode]
    readers: dict[Key, set[int]]
    outside: dict[Key, DataNode]
    remote: bool
    alone: Set[Key]
    shuffles: Shuffles | None
    annotations: Annotations


def run_recipe(recipe: Recipe, inputs: Sequence[Any]) -> list[Any]:
    """Run a recipe on ``inputs`` and return the block's parts.

    Each result is deleted as soon as no later task needs it.
    """
    values = dict(zip(recipe.inputs, inputs, strict=True))
    for node, spent in recipe.nodes:
        values[node.key] = node(values)
        for key in spent:
            del values[key]
    return [values[key] for key in recipe.outputs]


def split(
    graph: Mapping[Key, Any],
    blocks: Sequence[tuple[Key, ...]],
    *,
    alone: Set[Key] = frozenset(),
    shuffles: Shuffles | None = None,
    annotations: Annotations | None = None,
) -> Plan:
    """Split ``graph`` for ``blocks``. Each block is given by the keys of its parts.

    Tasks in ``alone`` stay tasks of the graph, even if only one block needs them.
    """
    owner = _owners(graph, blocks, alone)
    recipes: list[Recipe] = []
    readers: dict[Key, set[int]] = {}
    for index, outputs in enumerate(blocks):
        recipe = _recipe_of(graph, outputs, _in_order(graph, outputs, owner, index))
        recipes.append(recipe)
        for key in recipe.inputs:
            readers.setdefault(key, set()).add(index)
    common = {
        key: graph[key]
        for key in _in_order(graph, (k for k in readers if k in owner), owner, SEVERAL)
    }
    outside = {key: node for key, node in common.items() if isinstance(node, door.DataNode)}
    shared = {key: node for key, node in common.items() if key not in outside}
    needed = set(readers).union(*(node.dependencies for node in shared.values()))
    return Plan(
        recipes,
        shared,
        {key: readers.get(key, set()) for key in shared},
        outside,
        remote=not needed <= common.keys() | set(shuffles.kept if shuffles else ()),
        alone={key for key in alone & shared.keys() if len(readers.get(key, ())) == 1},
        shuffles=shuffles,
        annotations=annotations or {},
    )


def _owners(
    graph: Mapping[Key, GraphNode], blocks: Sequence[Sequence[Key]], alone: Set[Key]
) -> dict[Key, int]:
    """Return the index of the block that alone needs a task, or `SEVERAL`, for all tasks."""
    owner: dict[Key, int] = {}
    for index, outputs in enumerate(blocks):
        stack = list(outputs)
        while stack:
            key = stack.pop()
            node = graph.get(key)
            if not isinstance(node, door.GraphNode) or owner.get(key) in (index, SEVERAL):
                continue
            owner[key] = SEVERAL if key in owner or key in alone else index
            stack.extend(node.dependencies)
    return owner


def _in_order(
    graph: Mapping[Key, GraphNode], roots: Iterable[Key], owner: Mapping[Key, int], who: int
) -> list[Key]:
    """Return the tasks of an owner that ``roots`` need, each after those that it needs."""
    out: dict[Key, None] = {}
    stack = [(key, False) for key in roots]
    while stack:
        key, ready = stack.pop()
        if owner.get(key) != who or key in out:
            continue
        if ready:
            out[key] = None
            continue
        stack.append((key, True))
        stack.extend((dep, False) for dep in graph[key].dependencies)
    return list(out)


def _recipe_of(
    graph: Mapping[Key, GraphNode], outputs: Sequence[Key], own: Sequence[Key]
) -> Recipe:
    """Return the recipe of a block: its own tasks, and the results that each is the last to use."""
    last = {dep: key for key in own for dep in graph[key].dependencies}
    spent: dict[Key, list[Key]] = {}
    for dep, user in last.items():
        if dep not in outputs:
            spent.setdefault(user, []).append(dep)
    inside = set(own)
    inputs = [key for key in dict.fromkeys([*last, *outputs]) if key not in inside]
    return Recipe(
        tuple((graph[key], tuple(spent.get(key, ()))) for key in own),
        tuple(outputs),
        tuple(inputs),
    )


def source_keys(plan: Plan, index: int) -> set[Key]:
    """Return the keys that the rows of a block's first part come from.

    They are data, or tasks that do not depend on other rows.
    """
    recipe = plan.recipes[index]
    nodes = plan.shared | {node.key: node for node, _ in recipe.nodes}
    found: set[Key] = set()
    seen, stack = set(), [recipe.outputs[0]]
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        needs = door.row_sources(nodes[key]) if key in nodes else ()
        stack.extend(needs)
        if not needs:
            found.add(key)
    return found


def groups(plan: Plan) -> list[list[int]]:
    """Return the blocks in groups that share a source. Random orders move a group as one.

    A source that all blocks need is in memory in any order, so it keeps none of them together.
    """
    parent = list(range(len(plan.recipes)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    users: dict[Key, set[int] | None] = {key: set(who) for key, who in plan.readers.items()}
    for key in reversed(plan.shared):
        who = users[key]
        if who is not None and len(who) == len(parent):
            who = None  # all of them
        roots = sorted({find(i) for i in who or ()})
        for i in roots[1:]:
            parent[i] = roots[0]
        for dep in plan.shared[key].dependencies:
            if dep in users:
                known = users[dep]
                users[dep] = None if who is None or known is None else known | who
    out: dict[int, list[int]] = {}
    for i in range(len(parent)):
        out.setdefault(find(i), []).append(i)
    return list(out.values())
