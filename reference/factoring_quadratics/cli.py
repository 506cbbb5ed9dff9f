"""The command ``factoring-quadratics``: the method's table, the factors and the roots of a quadratic."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import NotAQuadratic, TableTooLong
from .method import Method, method_table
from .quadratic import Factorisation, as_text, factor, over_integers

if TYPE_CHECKING:
    from rich.console import Console

command = Command("factoring-quadratics", extra="factoring-quadratics")
app = command.application()


# A negative number is an argument here, not an unknown option; so there are no options of one letter.
@app.command(
    context_settings={"ignore_unknown_options": True},
    no_args_is_help=True,
    epilog="Examples:  factoring-quadratics 49 -316 132  ·  factoring-quadratics 1/2 -1.5 1  ·  "
    "factoring-quadratics -6 4 0 --json",
)
def main(
    a: Annotated[
        str, typer.Argument(help="The coefficient of x^2, not 0: an integer, a fraction (1/2) or a decimal (0.5).")
    ],
    b: Annotated[str, typer.Argument(help="The coefficient of x, likewise.")],
    c: Annotated[str, typer.Argument(help="The constant, likewise.")],
    every_sign: Annotated[
        bool, typer.Option("--every-sign", help="List both choices of signs, as the document does.")
    ] = False,
    rows: Annotated[int, typer.Option(help="The most rows of the table to print; hits are printed always.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Factor A x^2 + B x + C over the integers, and show the table of the method."""
    with command.errors({NotAQuadratic: BAD_INPUT}):
        quadratic = _coefficient(a), _coefficient(b), _coefficient(c)
        answer = factor(*quadratic)
        denominator, integers = over_integers(*quadratic)
    table: Method | None = None
    why_none = ""
    try:
        table = method_table(*integers, every_sign=every_sign)
    except TableTooLong as error:
        why_none = f"The table is left out: {error}. The factors need none."
    if as_json:
        typer.echo(_as_json(answer, table))
    else:
        with command.errors({}):
            _print(answer, table, why_none, denominator, most=rows)


#: An integer, a fraction or a decimal; the group is the power of ten.
NUMBER = re.compile(r"[+-]?(?:\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?)", re.ASCII)
#: Python prints no integer of over 4,300 digits; the common denominator of three fractions has thrice their digits.
MOST_DIGITS = 1_000


def _coefficient(text: str) -> int | Fraction:
    text = text.strip()
    too_long = NotAQuadratic(f"the coefficients must be numbers of at most {MOST_DIGITS:,} digits")
    if len(text) > MOST_DIGITS:
        raise too_long
    match = NUMBER.fullmatch(text)
    if not match:
        raise NotAQuadratic(f"the coefficients must be integers, fractions (1/2) or decimals (0.5), not {text!r}")
    if len(text) + abs(int(match[1] or 0)) > MOST_DIGITS:
        raise too_long
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise NotAQuadratic(f"the coefficient {text} divides by zero") from None


def _as_json(answer: Factorisation, table: Method | None) -> str:
    return json.dumps(
        {
            "quadratic": [_as_number(each) for each in answer.quadratic],
            "text": str(answer),
            "content": _as_number(answer.content),
            "factors": answer.factors,
            "irreducible": answer.irreducible,
            "roots": [str(root) for root in answer.roots],
            "rows": table and [row._asdict() for row in table.rows],
            "hits": table and [row._asdict() for row in table.hits],
        },
        indent=2,
    )


def _as_number(number: int | Fraction) -> int | str:
    """Return a number as JSON takes it: JSON has no fractions, and its decimals are read as floats."""
    return number if isinstance(number, int) else str(number)


def _print_table(console: Console, table: Method, most: int) -> None:
    from rich.table import Table

    grid = Table(title="(px + r)(qx + s)")
    for heading in ("p", "q", "r", "s", "ps + qr", ""):
        grid.add_column(heading, justify="right")
    hits = set(table.hits)
    for number, row in enumerate(table.rows):
        if row in hits:
            grid.add_row(*map(str, row), "<- b", style="bold green")
        elif number < most:
            grid.add_row(*map(str, row))
    console.print(grid)
    left_out = len(table.rows) - grid.row_count
    hidden = f"; not shown: {left_out} (see --rows)" if left_out else ""
    console.print(f"rows: {len(table.rows)}, distinct ones: {table.distinct}{hidden}\n")


def _print(answer: Factorisation, table: Method | None, why_none: str, denominator: int, *, most: int) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"[bold]{as_text(answer.quadratic)}[/bold]\n", soft_wrap=True)
    if table is None:
        console.print(f"{why_none}\n", soft_wrap=True)
    else:
        if table.sign < 0 or denominator > 1:
            outside = Fraction(table.sign, denominator)
            console.print(f"{outside} factored out: {as_text(table.quadratic)}\n", soft_wrap=True)
        _print_table(console, table, most)
    if answer.irreducible:
        console.print(f"= {answer}, irreducible over the integers: no rational roots", soft_wrap=True)
    else:
        console.print(f"= {answer}", soft_wrap=True)
        console.print(f"roots: {', '.join(map(str, dict.fromkeys(answer.roots)))}", soft_wrap=True)
