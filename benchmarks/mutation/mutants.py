"""The mutants of plugin/: what mutmut's operators make of every place that is not left out, and a seeded sample.

The operators are mutmut's (`mutmut.mutation.mutators`). Where they are applied is decided here: mutmut itself leaves
out decorated functions and everything outside functions, and makes no random sample.
"""

from __future__ import annotations

import difflib
import hashlib
import marshal
import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

from benchmarks.mutation.places import ROOT, SOURCE, files

_NEVER_READ = ("__slots__", "__all__")
_SIZE_OR_TYPE = ("len", "isinstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed module. `function` is the outermost function that holds the change, None outside functions.

    `first` to `last` are the lines of the changed statement; `name` stays the same as long as its function and the
    changed lines do.
    """

    name: str
    file: str
    function: str | None
    operator: str
    line: int
    first: int
    last: int
    diff: str
    source: str

    def as_json(self) -> dict[str, Any]:
        """For the file of the sample."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Change:
    """A mutation not yet made: which node becomes what."""

    node: cst.CSTNode
    changed: cst.CSTNode
    operator: str
    function: str | None
    line: int
    first: int
    last: int


@dataclass(slots=True)
class _Places(cst.CSTVisitor):
    """Collects the changes of one module."""

    positions: Any
    changes: list[_Change] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    _scopes: list[tuple[str, bool]] = field(default_factory=list)  # name of a class or function, is it a function
    _statements: list[tuple[int, int]] = field(default_factory=list)

    def on_visit(self, node: cst.CSTNode) -> bool:
        if why := self._left_out(node):
            self.left_out[why] += 1
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._scopes.append((node.name.value, isinstance(node, cst.FunctionDef)))
        if (lines := self._lines(node)) is not None:
            self._statements.append(lines)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self._keep(node, operator)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef) and not self._left_out(original_node):
            self._scopes.pop()
        if self._lines(original_node) is not None and not self._left_out(original_node):
            self._statements.pop()

    def _keep(self, node: cst.CSTNode, operator: Any) -> None:
        position = self.positions.get(node)
        line = position.start.line if position else self._statements[-1][0]
        first, last = self._statements[-1] if self._statements else (line, line)
        for changed in operator(node):
            name = operator.__name__.removeprefix("operator_")
            self.changes.append(_Change(node, changed, name, self._function(), line, first, last))

    def _function(self) -> str | None:
        names = []
        for name, is_function in self._scopes:
            names.append(name)
            if is_function:
                return ".".join(names)
        return None

    def _lines(self, node: cst.CSTNode) -> tuple[int, int] | None:
        """The lines of a statement: all of a simple one, the head of a compound one."""
        if isinstance(node, cst.SimpleStatementLine):
            position = self.positions[node]
            return position.start.line, position.end.line
        if isinstance(node, cst.If | cst.For | cst.While | cst.With | cst.Try | cst.Match):
            position, body = self.positions[node], getattr(node, "body", None)
            return position.start.line, self.positions[body].start.line if body is not None else position.start.line
        return None

    def _left_out(self, node: cst.CSTNode) -> str | None:
        match node:
            case cst.Annotation() | cst.AnnAssign(value=None):
                return "annotation"
            case cst.Call(func=cst.Name("cast" | "TypeVar")):
                return "annotation"
            case cst.Call(func=cst.Name(name)) if name in _SIZE_OR_TYPE:
                return "size or type"
            case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
                return "docstring"
            case cst.Decorator():
                return "decorator"
            case cst.Import() | cst.ImportFrom() | cst.If(test=cst.Name("TYPE_CHECKING")):
                return "checking only"
            case cst.Raise():
                return "message"
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(name))]) if not any(
                is_function for _, is_function in self._scopes
            ):
                if name in _NEVER_READ:
                    return "slots"
                return "annotation" if name[0].isupper() and not name.isupper() else None
        return None


def changes(source: str) -> tuple[cst.Module, list[_Change], Counter[str]]:
    """Every change of one module, in the order of its text."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    places = _Places(wrapper.resolve(PositionProvider))
    wrapper.module.visit(places)
    return wrapper.module, places.changes, places.left_out


def sample(seed: int, size: int, root: Path = ROOT) -> tuple[list[Mutant], dict[str, int]]:
    """A simple random sample without replacement, and how many there are: of all, and by why a drawn one was dropped.

    A mutant that does not compile, or compiles to what stood there before, is dropped when drawn, the next one taken.
    """
    modules = {file: (root / file).read_text(encoding="utf-8") for file in files(root)}
    made = {file: changes(source) for file, source in modules.items()}
    everything = [(file, number) for file, (_, found, _) in made.items() for number in range(len(found))]
    random.Random(seed).shuffle(everything)  # noqa: S311 - a sample, no secret
    counts = {"all": len(everything), "not compiling": 0, "same code": 0}
    for _, _, left_out in made.values():
        for why, times in left_out.items():
            counts[f"left out: {why}"] = counts.get(f"left out: {why}", 0) + times
    taken: list[Mutant] = []
    for file, number in everything:
        if len(taken) == size:
            break
        module, found, _ = made[file]
        mutant = _mutant(file, module, found[number], modules[file])
        fate = _fate(modules[file], mutant.source)
        if fate is None:
            taken.append(mutant)
        else:
            counts[fate] += 1
    return taken, counts


def _mutant(file: str, module: cst.Module, change: _Change, before: str) -> Mutant:
    after = module.visit(_Replacing(change.node, change.changed)).code
    removed, added = _differing(before, after)
    digest = hashlib.sha256("\0".join([*removed, "->", *added]).encode()).hexdigest()[:8]
    place = f"{file.removeprefix(SOURCE + '/').removesuffix('.py').replace('/', '.')}:{change.function or '-'}"
    ordinal = sum(line.strip() == removed[0] for line in before.splitlines()[: change.line - 1]) if removed else 0
    repeated = f"+{ordinal}" if ordinal else ""
    return Mutant(
        name=f"{place}:{change.operator}:{digest}{repeated}",
        file=file,
        function=change.function,
        operator=change.operator,
        line=change.line,
        first=change.first,
        last=max(change.last, change.line),
        diff="\n".join([*(f"- {line}" for line in removed), *(f"+ {line}" for line in added)]),
        source=after,
    )


def _differing(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that went and lines that came, without their indentation."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    removed = [line[1:].strip() for line in lines if line.startswith("-")]
    return removed, [line[1:].strip() for line in lines if line.startswith("+")]


def _fate(before: str, after: str) -> str | None:
    """Why a mutant is none, if so."""
    try:
        changed = compile(after, SOURCE, "exec", dont_inherit=True)
    except SyntaxError:
        return "not compiling"
    same = essence(compile(before, SOURCE, "exec", dont_inherit=True)) == essence(changed)
    return "same code" if same else None


def essence(code: CodeType) -> bytes:
    """What a code object does, without where it stands."""
    parts = [essence(one) if isinstance(one, CodeType) else repr((type(one), one)).encode() for one in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars)
    return marshal.dumps((code.co_code, names, code.co_exceptiontable, parts))


class _Replacing(cst.CSTTransformer):
    """Puts one node in the place of another, and touches nothing else."""

    def __init__(self, node: cst.CSTNode, changed: cst.CSTNode) -> None:
        self.node, self.changed, self.done = node, changed, False

    def on_visit(self, node: cst.CSTNode) -> bool:
        return not (self.done or node is self.node)

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> Any:
        if original_node is self.node:
            self.done = True
            return self.changed
        return updated_node
