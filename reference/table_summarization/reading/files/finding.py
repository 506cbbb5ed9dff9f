"""Find files by path, glob, folder or address, and open them; pyarrow is imported only if needed, for a fast start.

Open it to see which files of a folder belong to a table, and which columns come from the names of folders.
"""

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from reference.table_summarization.errors import MissingExtraError, SummaryError, UnreadableError

_PARQUET = {".parquet", ".pq", ".parq"}
_CSV = {".csv", ".tsv", ".txt"}
_COMPRESSED = {".gz", ".bz2", ".zst", ".xz"}


@dataclass(frozen=True, slots=True)
class File:
    """A file of a table.

    Attributes:
        path: A path, or an address such as s3://bucket/key.
        options: Options for fsspec's file system, for an address.
        partition: Columns in the names of its folders, as Hive writes them: `country=DE` becomes ("country", "DE").
    """

    path: str
    options: Mapping[str, Any]
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def local(self) -> bool:
        """Whether the file is on this machine."""
        return "://" not in self.path

    @property
    def suffixes(self) -> list[str]:
        """The suffixes of the file's name, in lower case, without the suffix of a compression."""
        return [suffix.lower() for suffix in Path(self.path).suffixes if suffix.lower() not in _COMPRESSED]

    @property
    def compressed(self) -> bool:
        """Whether the whole file is compressed."""
        return Path(self.path).suffix.lower() in _COMPRESSED

    @property
    def xz(self) -> bool:
        """Whether the file is compressed by xz, which Arrow does not read."""
        return Path(self.path).suffix.lower() == ".xz"

    @property
    def parquet(self) -> bool:
        """Whether the file's name has a suffix of Parquet; all other files are CSV."""
        return bool(self.suffixes) and self.suffixes[-1] in _PARQUET

    @property
    def delimiter(self) -> str | None:
        """The separator of fields that the name of a CSV file implies, if any."""
        return "\t" if self.suffixes and self.suffixes[-1] == ".tsv" else None

    def beginning(self, size: int) -> tuple[bytes, bool]:
        """Return the file's first bytes, decompressed, and whether they are the whole file."""
        if self.local and self.compressed and not self.xz:
            import pyarrow as pa

            with pa.input_stream(self.path) as stream:
                read: bytes = stream.read(size + 1)
        else:
            with self.open() as file:
                read = file.read(size + 1)
        return read[:size], len(read) <= size

    def _decompressed(self) -> IO[bytes]:
        import lzma

        return lzma.open(self.path)

    def open(self) -> IO[bytes]:
        """Open the file for reading bytes.

        Raises:
            UnreadableError: The file cannot be opened.
            MissingExtraError: The package for this kind of address is not installed.
        """
        if self.local:
            try:
                return self._decompressed() if self.xz else Path(self.path).open("rb")
            except OSError as error:
                raise unreadable(self.path, error) from None
        with store_errors(self.path):
            system, position = _file_system(self.path, self.options)
            opened: IO[bytes] = system.open(position, "rb", compression="infer")
            return opened


def unreadable(path: str, error: Exception) -> UnreadableError:
    """Return the error for a file that cannot be read, with the reason in one line."""
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return UnreadableError(f"{without_password(path)} cannot be read: {reason}")


def without_password(path: str) -> str:
    """Return a path or an address with its password replaced."""
    return re.sub(r"(://[^/@]*?):[^/]*@", r"\1:***@", path)


@contextmanager
def store_errors(path: str) -> Iterator[None]:
    """Translate every error of an address's file system into an error of one sentence.

    Raises:
        UnreadableError: Instead of the file system's error: each store has its own exceptions, for example for a
            wrong key.
    """
    try:
        yield
    except SummaryError:
        raise
    except Exception as error:  # noqa: BLE001
        raise unreadable(path, error) from None


def _file_system(path: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    try:
        import fsspec
        import fsspec.core

        if _scheme(path) not in fsspec.available_protocols():
            raise UnreadableError(
                f"{without_password(path)} is not an address of files; for a warehouse, also give a table or a query"
            )
        found: tuple[Any, str] = fsspec.core.url_to_fs(path, **options)
        return found
    except ImportError:
        scheme = _scheme(path)
        raise MissingExtraError(f"fsspec's package for {scheme}:// addresses", in_extra=scheme == "s3") from None


def _scheme(path: str) -> str:
    """Return the scheme of an address; in `simplecache::s3://...`, which reads through a cache, that is `s3`."""
    return path.partition("://")[0].rpartition("::")[2]


def files(paths: Sequence[str], options: Mapping[str, Any]) -> list[File]:
    """Return the files of paths, globs and folders, in the given order; the files of each are sorted by name.

    Raises:
        UnreadableError: A path, glob or folder has no file.
    """
    found: list[File] = []
    for path in paths:
        if not path.strip():
            raise UnreadableError(
                "an empty path names no file; give a CSV or Parquet file, a folder of them, or a glob"
            )
        names = _local_names(path) if "://" not in path else _remote_names(path, options)
        if not names:
            raise UnreadableError(
                f"no file is called {without_password(path)}; give a CSV or Parquet file, a folder of them, or a glob"
            )
        found += [File(name, options if "://" in name else {}, _partition(name, path)) for name in names]
    there: set[str] = set()
    for file in found:
        place = str(Path(file.path).resolve()) if file.local else file.path
        if place in there:
            raise UnreadableError(f"{without_password(file.path)} is given twice, and its rows would count twice")
        there.add(place)
    keys = {tuple(key for key, _ in file.partition) for file in found}
    if len(keys) > 1:
        raise UnreadableError(
            "the files lie in folders of different partition columns "
            f"({'; '.join(sorted(', '.join(key) or 'none' for key in keys))}); summarize them separately"
        )
    return found


def _partition(name: str, path: str) -> tuple[tuple[str, str | None], ...]:
    """Return the partition columns in the names of a file's folders.

    Args:
        name: The file.
        path: The path that was given: as in pandas, only the folders below it count.
    """
    base = str(Path(path).expanduser()) if "://" not in path else path
    below = name.removeprefix(base.rstrip("/") + "/") if not glob.has_magic(base) else name
    folders = [folder.partition("=") for folder in below.split("/")[:-1]]
    pairs = [(unquote(key), unquote(value)) for key, equals, value in folders if equals and key and "://" not in key]
    return tuple((key, None if value == "__HIVE_DEFAULT_PARTITION__" else value) for key, value in pairs)


def partition_values(files: Sequence[File], own: Sequence[str]) -> list[dict[str, str | int | None]]:
    """Return the values of the partition columns for each file: integers if all values of a column are, else texts.

    Args:
        files: The files.
        own: The columns in the files themselves, which take precedence over folders.
    """
    found: list[dict[str, str | int | None]] = [{} for _ in files]
    for position, key in enumerate(key for key, _ in files[0].partition):
        values = [file.partition[position][1] for file in files]
        whole = all(value is None or re.fullmatch(r"-?[0-9]{1,18}", value) for value in values)
        for value, columns in zip(values, found, strict=True):
            if key not in own:
                columns[key] = int(value) if whole and value is not None else value
    return found


def _is_table(name: str) -> bool:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() not in _COMPRESSED]
    return bool(suffixes) and suffixes[-1] in _PARQUET | _CSV and not Path(name).name.startswith(("_", "."))


def _local_names(path: str) -> list[str]:
    position = Path(path).expanduser()
    try:
        if position.is_dir():
            return sorted(str(file) for file in position.rglob("*") if _is_table(str(file)) and file.is_file())
        if position.exists():
            return [str(position)]
    except OSError as error:
        raise unreadable(path, error) from None
    return sorted(name for name in glob.glob(str(position), recursive=True) if Path(name).is_file())  # noqa: PTH207 (a whole path's glob)


def _remote_names(path: str, options: Mapping[str, Any]) -> list[str]:
    scheme = path.partition("://")[0]
    with store_errors(path):
        system, position = _file_system(path, options)
        if glob.has_magic(position):
            names = system.glob(position)
        elif system.isdir(position):
            names = [name for name in system.find(position) if _is_table(name)]
        else:
            names = [position] if system.exists(position) else []
    return [f"{scheme}://{name.lstrip('/') if scheme != 'file' else name}" for name in sorted(names)]
