"""Which names a cell reads and binds, and what about it cannot run elsewhere: read from its source."""

import ast
import io
import re
import symtable
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ihpc_jupyter.errors import InvalidRequest

_MAGIC = re.compile(r"\s*(%|!|\?)|\s*[\w.,\s]+=\s*(%\w|!)|[^#]*\?\s*$")
"""A line that only IPython understands."""
_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
_AWAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Names:
    """What a cell has to do with the names around it."""

    reads: tuple[str, ...]
    """Global names that it loads, changes or deletes, also inside functions and classes."""
    binds: tuple[str, ...]
    """Names that its top level binds."""
    modules: tuple[str, ...]
    """Dotted modules that its top level imports."""
    quiet: bool
    """It ends with a semicolon: the last value is not shown."""


def names_of(source: str, filename: str, namespace: Mapping[str, Any]) -> Names:
    """Read a cell. Raises InvalidRequest, in one sentence, for one that cannot run on a node."""
    tree = _parsed(source, filename)
    if not tree.body:
        raise InvalidRequest("The cell is empty.", "Write the code to run below the %%urgent line.")
    if any(True for _ in _awaits(tree)):
        raise InvalidRequest(
            "An urgent cell cannot use await at its top level.", "Put it into a function and call asyncio.run."
        )
    try:
        compile(tree, filename, "exec", dont_inherit=True)
        table = symtable.symtable(source, filename, "exec")
    except (SyntaxError, ValueError) as error:
        raise _mistake(error, source) from None
    reads, binds = _reads(table, tree), _binds(table)
    _refuse_dialogue(reads - (binds if "input" not in namespace else set()), namespace)
    return Names(tuple(sorted(reads)), tuple(sorted(binds)), tuple(_modules(tree)), _is_quiet(source))


def _parsed(source: str, filename: str) -> ast.Module:
    try:
        return ast.parse(source, filename)
    except (SyntaxError, ValueError) as error:
        raise _mistake(error, source) from None


def _mistake(error: SyntaxError | ValueError, source: str) -> InvalidRequest:
    if not isinstance(error, SyntaxError):
        return InvalidRequest(f"The cell cannot be read: {error}.", "Correct it and run it again.")
    lines = source.splitlines()
    number = error.lineno or 1
    line = lines[number - 1].strip()[:80] if number <= len(lines) else ""
    if _MAGIC.match(line):
        return InvalidRequest(
            f"An urgent cell cannot use IPython's magics or shell lines: `{line}`.",
            "Use --script bash for a script, or subprocess.run in the cell.",
        )
    return InvalidRequest(f"Line {number} of the cell is not Python ({error.msg}): `{line}`.", "Nothing was run.")


def _refuse_dialogue(reads: set[str], namespace: Mapping[str, Any]) -> None:
    if "input" in reads and "input" not in namespace:
        raise InvalidRequest(
            "An urgent cell cannot ask with input(): nobody sits at the node.", "Ask in an ordinary cell before."
        )
    if "get_ipython" in reads:
        raise InvalidRequest(
            "An urgent cell cannot use get_ipython(): IPython stays in the kernel.", "Do that in an ordinary cell."
        )


def _awaits(node: ast.AST) -> Iterator[ast.AST]:
    """What awaits at the top level, outside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _AWAITING) or (isinstance(child, ast.comprehension) and child.is_async):
            yield child
        if not isinstance(child, _SCOPES):
            yield from _awaits(child)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _reads(top: symtable.SymbolTable, tree: ast.Module) -> set[str]:
    """Global names that are loaded, and those that need to be there because they are changed or deleted."""
    changed = {name.id for node in ast.walk(tree) for name in _needed(node)}
    reads = set()
    for table in _tables(top):
        for symbol in table.get_symbols():
            here = table is top or symbol.is_global()
            if here and (symbol.is_referenced() or symbol.get_name() in changed):
                reads.add(symbol.get_name())
    return reads


def _needed(node: ast.AST) -> list[ast.Name]:
    targets: list[ast.expr] = [node.target] if isinstance(node, ast.AugAssign) else []
    targets += node.targets if isinstance(node, ast.Delete) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _binds(top: symtable.SymbolTable) -> set[str]:
    names = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return names | {name for child in top.get_children() for name in _walruses(child)}


def _walruses(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that a comprehension binds around it."""
    if table.get_name() in _COMPREHENSIONS:
        yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_declared_global())
        for child in table.get_children():
            yield from _walruses(child)


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if "." in alias.name)


def _is_quiet(source: str) -> bool:
    words = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT}
    ]
    return bool(words) and words[-1] == ";"
