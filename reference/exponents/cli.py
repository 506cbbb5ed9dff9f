"""The command ``exponents``: both orders of a power and a root, exactly and in floating point."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from reference.command_line import BAD_INPUT, Command

from .domain import BadInput, ExponentError, Order, Outcome, truth_table


class _CompareByDefault(TyperGroup):
    """``exponents 8 2 3`` is short for ``exponents compare 8 2 3``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Any: typer has carried a context class of its own since 0.2x, and click's before that.
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["compare", *args]
        return super().parse_args(ctx, args)


command = Command("exponents", extra="exponents")
app = command.application(
    cls=_CompareByDefault,
    no_args_is_help=True,
    help="Take a power and a root of a number in both orders: exactly, in floating point, and which is safer.",
    epilog="Examples:  exponents 8 2 3  ·  exponents -8 2 3  ·  exponents 1/2 -3 2 --json  ·  exponents table",
)


# A negative number is an argument here, not an unknown option; so there are no options of one letter.
@app.command(context_settings={"ignore_unknown_options": True})
def compare(
    base: Annotated[str, typer.Argument(help="An integer, a fraction (1/2) or a decimal (0.5).")],
    power: Annotated[str, typer.Argument(help="An integer.")],
    root: Annotated[str, typer.Argument(help="An integer from 1 upwards.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show BASE^(POWER/ROOT) root first and power first (the word compare may be left out)."""
    with command.errors({ExponentError: BAD_INPUT}):
        from .comparison import compare as compared

        result = compared(_number(base), _integer(power, "power"), _integer(root, "root"))
    if as_json:
        document = {
            "base": str(result.base),
            "power": result.power,
            "root": result.root,
            "outcome": result.cell.outcome.name.lower(),
            "safer": result.safer and result.safer.value,
            "ways": [asdict(way) for way in result.ways],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    header = ("order", "in between", "exact", "float", "off by (ulps)", "at most (ulps)")
    rows = [
        (
            way.name,
            _shortened(way.between),
            _shortened(way.exact),
            "none" if way.value is None else repr(way.value),
            "" if way.error is None else f"{way.error:.2f}",
            "" if way.bound is None else f"{way.bound:.4g}",
        )
        for way in result.ways
    ]
    typer.echo(f"{_shortened(result.title)} over the reals: {result.cell.outcome.value}\n")
    typer.echo(_columns(header, rows))
    refusals = [f"{way.name}: {way.refused}" for way in result.ways if way.refused]
    advice = f"safer in floating point: {result.safer.value}" if result.safer else "no float holds the result"
    typer.echo("\n".join(["", *refusals, advice]))


@app.command()
def table(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the truth table: for which bases, powers and roots the order does not matter."""
    cells = [
        {
            "base": cell.base.name.lower(),
            "power": cell.power.name.lower(),
            "power_parity": cell.power_parity.name.lower(),
            "root_parity": cell.root_parity.name.lower(),
            "root_first": cell.has_value(Order.ROOT_FIRST),
            "power_first": cell.has_value(Order.POWER_FIRST),
            "agree": cell.outcome is Outcome.AGREE,
        }
        for cell in truth_table()
    ]
    if as_json:
        typer.echo(json.dumps(cells, indent=2))
        return
    words = {True: "value", False: "-"}
    rows = [
        (
            str(cell["base"]),
            "zero" if cell["power"] == "zero" else f"{cell['power']} {cell['power_parity']}",
            str(cell["root_parity"]),
            words[bool(cell["root_first"])],
            words[bool(cell["power_first"])],
            "yes" if cell["agree"] else "NO" if cell["power_first"] else "no value",
        )
        for cell in cells
    ]
    typer.echo(_columns(("base", "power", "root", "root first", "power first", "any order"), rows))


def _number(text: str) -> Fraction:
    try:
        if "/" not in text:
            # A float first: the fraction of 1e999999999 would fill the memory.
            nearest = float(text)
            if not math.isfinite(nearest) or (not nearest and Decimal(text)):
                raise BadInput(f"the base must be finite and within a float's range, not {text}")
        return Fraction(text)
    except ZeroDivisionError:
        raise BadInput(f"the base divides by zero: {text}") from None
    except BadInput:
        raise
    except ValueError:
        raise BadInput(f"the base must be an integer, a fraction or a decimal, not {text!r}") from None


def _integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"the {name} must be an integer, not {text!r}") from None


def _shortened(text: str, width: int = 24) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows))
    return "\n".join(lines)
