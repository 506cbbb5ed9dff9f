"""The dialect of a CSV file: encoding, separator, header, quotes and numbers, as stated or detected.

One function, `recognise`, reads the first 64 KiB of the first file of a table, so that a small file and a large one
are read in the same way. If it cannot decide, the error names the option to set. `Summary.plan` shows the dialect.
Open this module if a file is read wrongly or refused.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reference.table_summarization.errors import SummaryError, UnreadableError
from reference.table_summarization.reading.files.finding import File, unreadable, without_password
from reference.table_summarization.reading.files.text_types import Kind, kind_of, kinds_of

SAMPLE_BYTES = 1 << 16
_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}

_FORMATS = (
    (b"PK\x03\x04", "a ZIP archive (or an Excel workbook); unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook; save it as CSV"),
    (b"PAR1", "a Parquet file; end its name in .parquet"),
    (b"ARROW1", "an Arrow file; read it with pyarrow and give the table"),
    (b"SQLite format 3", "a SQLite database; give sqlite:///PATH and a table"),
    (b"\x1f\x8b", "compressed with gzip; end its name in .csv.gz"),
    (b"BZh", "compressed with bzip2; end its name in .csv.bz2"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; end its name in .csv.zst"),
    (b"\xfd7zXZ", "compressed with xz; end its name in .csv.xz"),
    (b"%PDF", "a PDF document"),
    (b"<!DOCTYPE", "an HTML document; save its table as CSV"),
    (b"<html", "an HTML document; save its table as CSV"),
    (b"<?xml", "an XML document; turn its records into CSV or Parquet"),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class CsvFormat:
    """Known facts about the format of CSV files; a fact that is None is detected.

    Attributes:
        delimiter: The separator of fields, one character.
        decimal: The decimal separator of numbers, `.` or `,`.
        encoding: Python's name of an encoding, such as `latin-1`.
        header: Whether the first line has the names of the columns. If not, they are `column_1`, `column_2` and so on.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or self.delimiter in '"\r\n' or self.delimiter > "~"
        ):
            raise SummaryError(f"a delimiter is one ASCII character other than a quote, not {self.delimiter!r}")
        if self.decimal not in {None, ".", ","}:
            raise SummaryError(f"a decimal separator is '.' or ',', not {self.decimal!r}")
        if self.decimal is not None and self.decimal == self.delimiter:
            raise SummaryError(f"{self.decimal!r} cannot be both the delimiter and the decimal separator")
        if self.encoding is not None:
            try:
                known = codecs.lookup(self.encoding)
            except LookupError:
                raise SummaryError(f"no encoding is called {self.encoding!r}; try latin-1 or utf-16") from None
            if not known._is_text_encoding:  # noqa: SLF001 (what `str.encode` itself asks)
                raise SummaryError(f"{self.encoding!r} is not an encoding of text; try latin-1 or utf-16")


@dataclass(frozen=True)
class Dialect:
    """The format of a CSV file.

    Attributes:
        delimiter: The separator of fields.
        encoding: Python's name of the encoding.
        header: Whether the first line has the names of the columns.
        skips_blanks: Whether blanks after a separator are skipped.
        escapes: Whether a quote within quotes is written with a backslash before it.
        quotes: Whether the beginning of the file has quotes.
        kinds: The kinds that columns may have; see `text_types`.
    """

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    header: bool = True
    skips_blanks: bool = False
    escapes: bool = False
    quotes: bool = False
    kinds: frozenset[Kind] = frozenset()

    def __str__(self) -> str:
        words = [f"fields separated by {_NAMES.get(self.delimiter, repr(self.delimiter))}"]
        words += ["with blanks"] if self.skips_blanks else []
        words += [f"in {self.encoding}"] if self.encoding not in {"utf-8", "utf-8-sig"} else []
        words += ["without a header"] if not self.header else []
        words += ["quotes escaped by backslashes"] if self.escapes else []
        words += ["decimal commas"] if Kind.NUMBER not in self.kinds else []
        return ", ".join(words)

    def rows(self, lines: Iterator[str] | io.TextIOBase) -> Iterator[list[str]]:
        """Return an iterator over the rows that are not empty."""
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            strict=True,
            skipinitialspace=self.skips_blanks,
            escapechar="\\" if self.escapes else None,
        )
        return (row for row in reader if row)

    def names(self, first: list[str]) -> list[str]:
        """Return the names of the columns, given a file's first row."""
        if len(first) <= 2 and re.fullmatch("sep=.?", first[0], re.IGNORECASE):
            raise UnreadableError(f"the first line, {first[0]!r}, is for Excel and names no columns; remove it")
        if not self.header:
            return [f"column_{number}" for number in range(1, len(first) + 1)]
        return [name.strip(" \t") for name in first] if self.skips_blanks else first


def dialect_of(file: File, stated: CsvFormat) -> Dialect:
    """Return the dialect of a table's first file, which all its files share.

    Raises:
        UnreadableError: The file cannot be opened, or `recognise` refuses it.
    """
    try:
        sample, whole = file.beginning(SAMPLE_BYTES)
    except OSError as error:
        raise unreadable(file.path, error) from None
    return recognise(without_password(file.path), sample, whole=whole, by_name=file.delimiter, stated=stated)


def recognise(path: str, sample: bytes, *, whole: bool, by_name: str | None, stated: CsvFormat) -> Dialect:
    """Detect the dialect of a file.

    Args:
        path: Its name in error messages.
        sample: Its first bytes.
        whole: Whether the sample is the whole file.
        by_name: The separator implied by the file's name, if any.
        stated: The facts that need not be detected.

    Raises:
        UnreadableError: The file is not CSV, or a part of its format must be stated.
    """
    if stated.encoding is None:
        for magic, meaning in _FORMATS:
            if sample.startswith(magic):
                raise UnreadableError(f"{path} is not a CSV file, but {meaning}")
    encoding = stated.encoding or _encoding(path, sample, whole=whole)
    text = _decoded(path, sample, encoding, whole=whole)
    if _is_json(text, whole=whole):
        raise UnreadableError(f"{path} is not a CSV file, but JSON; turn its records into CSV or Parquet")
    if not whole:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    delimiter = stated.delimiter or by_name or _delimiter(text)
    kinds = _kinds(delimiter, stated.decimal)
    plain = Dialect(delimiter, encoding, quotes='"' in text, kinds=kinds)
    chosen = _best(plain, text)
    rows = _some_rows(chosen, text) or []
    header = stated.header
    if header is None:
        header = True
        if len(rows) > 1 and _looks_like_data(rows, kinds):
            raise UnreadableError(
                f"the first line of {path} looks like data ({', '.join(rows[0][:3])}), not like names; "
                "state whether it has names: --header or --no-header (CsvFormat(header=...))"
            )
    return Dialect(delimiter, encoding, header, chosen.skips_blanks, chosen.escapes, plain.quotes, kinds)


def _encoding(path: str, sample: bytes, *, whole: bool) -> str:
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    if b"\0" in sample:
        raise UnreadableError(
            f"{path} is not a CSV file, or is in an encoding without a byte order mark; "
            "give the encoding, such as --encoding utf-16-le (CsvFormat(encoding=...))"
        )
    return "utf-8-sig"


def not_utf8(path: str) -> UnreadableError:
    """Return the error for a file in another encoding."""
    return UnreadableError(
        f"{path} cannot be read: its encoding is not UTF-8 (decode error); "
        "give the encoding, such as --encoding latin-1 (CsvFormat(encoding=...))"
    )


def _decoded(path: str, sample: bytes, encoding: str, *, whole: bool) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeError:
        raise UnreadableError(f"{path} cannot be read: it is not in {encoding}") from None


def _is_json(text: str, *, whole: bool) -> bool:
    start = text.lstrip()
    if not start.startswith(("{", "[")):
        return False
    try:
        json.loads(start)
    except json.JSONDecodeError:
        # The sample may be the beginning of a larger document, or have one document in each line.
        try:
            json.JSONDecoder().raw_decode(start)
        except json.JSONDecodeError as error:
            return not whole and error.pos > len(start) * 0.9
    return True


def _delimiter(text: str) -> str:
    """Return the separator that splits the first rows into the most fields, equally many in each; else a comma."""
    found, most = {}, {}
    for delimiter in _DELIMITERS:
        rows = _some_rows(_best(Dialect(delimiter), text), text)
        if rows:
            most[delimiter] = len(rows[0])
            if len({len(row) for row in rows}) == 1:
                found[delimiter] = len(rows[0])
    fields = found if max(found.values(), default=1) > 1 else most
    return max(fields, key=lambda each: fields[each]) if max(fields.values(), default=1) > 1 else ","


def _best(plain: Dialect, text: str) -> Dialect:
    """Return the dialect after detecting how blanks and backslashes are treated."""
    blanks = _blanks_follow_every_separator(plain, text)
    candidates = [
        Dialect(plain.delimiter, plain.encoding, skips_blanks=blanks, escapes=escapes) for escapes in (False, True)
    ]
    if '\\"' not in text:
        return candidates[0]
    for dialect in candidates:
        rows = _some_rows(dialect, text)
        if rows and len({len(row) for row in rows}) == 1:
            return dialect
    return candidates[0]


def _blanks_follow_every_separator(plain: Dialect, text: str) -> bool:
    """Return whether a blank follows every separator; separators within quotes do not count."""
    rows = _some_rows(Dialect(plain.delimiter, skips_blanks=True, escapes='\\"' in text), text)
    fields = sum(len(row) - 1 for row in rows or [])
    lines = text.splitlines()[: len(rows or [])]
    return fields > 0 and sum(line.count(plain.delimiter + " ") for line in lines) >= fields


def _some_rows(dialect: Dialect, text: str) -> list[list[str]] | None:
    """Return the first rows; None if this dialect cannot parse them."""
    rows: list[list[str]] = []
    try:
        for row in dialect.rows(io.StringIO(text, newline="")):
            rows.append(row)
            if len(rows) == _ROWS:
                break
    except csv.Error:
        return rows if "unexpected end" in str(_last_error(dialect, text)) else None
    return rows


def _last_error(dialect: Dialect, text: str) -> csv.Error | None:
    try:
        for _ in dialect.rows(io.StringIO(text, newline="")):
            pass
    except csv.Error as error:
        return error
    return None


def _kinds(delimiter: str, decimal: str | None) -> frozenset[Kind]:
    if decimal == ",":
        return frozenset(Kind) - {Kind.NUMBER, Kind.GROUPED}
    if decimal == "." or delimiter == ",":
        return frozenset(Kind) - {Kind.COMMA}
    return frozenset(Kind)


def _looks_like_data(rows: list[list[str]], kinds: frozenset[Kind]) -> bool:
    """Return whether every field of the first row is a number or a time, and the fields below it are, too."""
    first, *others = rows
    for position, cell in enumerate(first):
        kind = kind_of([kinds_of([cell], kinds)])
        below = kind_of([kinds_of({row[position] for row in others if len(row) > position}, kinds)])
        if kind in {None, Kind.TEXT} or below in {None, Kind.TEXT}:
            return False
    return True
