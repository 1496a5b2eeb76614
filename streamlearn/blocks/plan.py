"""A graph, split into blocks and what they share.

What only one block needs becomes that block's `Recipe`, run inside a single task; what several
blocks need (a rechunk's sources, say) stays a task of the graph and runs once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from streamlearn.blocks.graph import Annotations, DataNode, GraphNode, Key, row_sources
from streamlearn.blocks.shuffles import Shuffles


class Recipe(NamedTuple):
    """How to make one block from its inputs: plain data, so that it travels inside a task.

    Attributes
    ----------
    nodes : tuple of (GraphNode, tuple of keys)
        In running order, each with the keys that nothing after it needs.
    outputs : tuple of keys
        The block's parts.
    inputs : tuple of keys
        What must be handed in.
    """

    nodes: tuple[tuple[GraphNode, tuple[Key, ...]], ...]
    outputs: tuple[Key, ...]
    inputs: tuple[Key, ...]


class Plan(NamedTuple):
    """A collection's graph, split into blocks and what they share.

    Attributes
    ----------
    recipes : list of Recipe
        One a block.
    shared : dict of key to GraphNode
        Tasks that several blocks need, each after the tasks it needs itself.
    readers : dict of key to set of int
        The blocks whose recipes take a shared task's result.
    outside : dict of key to DataNode
        Values in memory that several blocks take.
    remote : bool
        Whether some data are on a cluster already. Their keys are inputs that stand nowhere here.
    alone : set of keys
        Shared tasks that one block needs: a shuffle's partitions.
    shuffles : Shuffles or None
        What must have run before.
    annotations : dict of key to dict
        What ``dask.annotate`` says of tasks.
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
    """Run a recipe on ``inputs``; return the block's parts. No step is held longer than needed."""
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
    """Split ``graph`` for ``blocks``, each given by the keys of its parts.

    Tasks that are named in ``alone`` stay tasks of the graph though one block needs them.
    """
    several = -1
    owner: dict[Key, int] = {}
    for index, outputs in enumerate(blocks):
        stack = list(outputs)
        while stack:
            key = stack.pop()
            node = graph.get(key)
            if not isinstance(node, GraphNode) or owner.get(key) in (index, several):
                continue
            owner[key] = several if key in owner or key in alone else index
            stack.extend(node.dependencies)

    def ordered(roots: Iterable[Key], who: int) -> list[Key]:
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

    recipes: list[Recipe] = []
    readers: dict[Key, set[int]] = {}
    for index, outputs in enumerate(blocks):
        own = ordered(outputs, index)
        last = {dep: key for key in own for dep in graph[key].dependencies}
        spent: dict[Key, list[Key]] = {}
        for dep, user in last.items():
            if dep not in outputs:
                spent.setdefault(user, []).append(dep)
        inside = set(own)
        inputs = [key for key in dict.fromkeys([*last, *outputs]) if key not in inside]
        for key in inputs:
            readers.setdefault(key, set()).add(index)
        recipes.append(
            Recipe(
                tuple((graph[key], tuple(spent.get(key, ()))) for key in own),
                tuple(outputs),
                tuple(inputs),
            )
        )
    common = {key: graph[key] for key in ordered((k for k in readers if k in owner), several)}
    outside = {key: node for key, node in common.items() if isinstance(node, DataNode)}
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


def origins(plan: Plan, index: int) -> set[Key]:
    """Return what rows of a block's first part come from: data, and tasks that wait for none."""
    recipe = plan.recipes[index]
    nodes = plan.shared | {node.key: node for node, _ in recipe.nodes}
    found: set[Key] = set()
    seen, stack = set(), [recipe.outputs[0]]
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        needs = row_sources(nodes[key]) if key in nodes else ()
        stack.extend(needs)
        if not needs:
            found.add(key)
    return found


def groups(plan: Plan) -> list[list[int]]:
    """Return the blocks in groups that share a source; shuffling moves a group as one."""
    parent = list(range(len(plan.recipes)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(indices: Iterable[int]) -> int | None:
        found = sorted({find(i) for i in indices})
        for i in found[1:]:
            parent[i] = found[0]
        return found[0] if found else None

    users = {key: set(readers) for key, readers in plan.readers.items()}
    for key in reversed(plan.shared):
        one = join(users[key])
        for dep in plan.shared[key].dependencies:
            if dep in users and one is not None:
                users[dep].add(one)
    out: dict[int, list[int]] = {}
    for i in range(len(parent)):
        out.setdefault(find(i), []).append(i)
    return list(out.values())
