"""Names and addresses of databases: from URLs, from a file, or from the meta database of the sharding service.

Read this to see how a list of databases is written.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from reference.cloud_migrations.errors import BadInput, DatabaseUnreachable

_POSTGRES = {"postgres", "postgresql", "psql", "postgresql+psycopg"}
_MYSQL = {"mysql", "mariadb"}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_FORM = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or mysql://..., with special characters as %XX"


@dataclass(frozen=True)
class Database:
    """A database that is migrated.

    Attributes:
        name: The database's name in reports.
        url: Address and login, in yoyo's form; left out of `repr`.
    """

    name: str
    url: str = field(repr=False)

    @classmethod
    def of(cls, url: str, name: str | None = None) -> Database:
        """Return the database of a URL.

        Args:
            url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, or `mysql://...`.
            name: The database's name in reports; by default host, port and database.

        Raises:
            BadInput: The URL has another form. The message does not repeat it, since it may contain a password.
        """
        what = f"the address of {name}" if name else "a database's address"
        try:
            parts = urlsplit(url.strip())
            host, port, database = parts.hostname, parts.port, parts.path.removeprefix("/")
        except ValueError:
            raise BadInput(f"{what} cannot be read: {_FORM}") from None
        if parts.scheme in _POSTGRES:
            scheme = "postgresql+psycopg"
        elif parts.scheme in _MYSQL:
            scheme = "mysql"
        else:
            raise BadInput(f"{what} is not of PostgreSQL, MySQL or MariaDB: {_FORM}")
        if not host or not database or "/" in database:
            raise BadInput(f"{what} lacks the host or the database: {_FORM}")
        address = f"{host}:{port}" if port else host
        return cls(name or f"{address}/{unquote(database)}", parts._replace(scheme=scheme).geturl())

    @property
    def target(self) -> tuple[str | None, int | None, str, str]:
        """Host, port, database and options, which are equal for two names of the same database."""
        parts = urlsplit(self.url)
        default = 3306 if parts.scheme == "mysql" else 5432
        return parts.hostname, parts.port or default, unquote(parts.path), parts.query


def parse(texts: Iterable[str], environment: Mapping[str, str] | None = None) -> list[Database]:
    """Return the databases of URLs and files.

    A file is TOML with a line `name = "URL"` for each database. `${NAME}` in it stands for an environment variable, so
    that the file need not contain passwords.

    Args:
        texts: URLs and paths of files.
        environment: Environment variables; by default those of this process.

    Raises:
        BadInput: A URL or a file is wrong, or a variable is missing.
    """
    variables = os.environ if environment is None else environment
    found: list[Database] = []
    for text in texts:
        if "://" in text:
            found.append(Database.of(text))
        else:
            found.extend(_of_file(Path(text), variables))
    return found


def distinct(databases: Iterable[Database]) -> list[Database]:
    """Return databases in their order, after checking that there are any and that all are different.

    Raises:
        BadInput: There is no database, or a name or an address occurs twice.
    """
    known: dict[object, Database] = {}
    for each in databases:
        for key in (each.name, each.target):
            if key in known:
                raise BadInput(
                    f"{known[key].name} and {each.name} have the same name or address: give each database once"
                )
        known[each.name] = known[each.target] = each
    if not known:
        raise BadInput("name at least one database: give a URL, or a file with a list of databases")
    return list(dict.fromkeys(known.values()))


def from_sharding_service(meta: str) -> list[Database]:
    """Return the databases that are registered in the meta database of the sharding service, with their owners' logins.

    Args:
        meta: Address of the meta database, `postgresql://...`.

    Raises:
        BadInput: The address has another form, or the database is not that of a sharding service.
        DatabaseUnreachable: The meta database does not answer.
    """
    import psycopg

    statement = (
        "SELECT name, flavor, admin_user, admin_password, host, port, database FROM sharding_database ORDER BY name"
    )
    try:
        with psycopg.connect(meta, connect_timeout=10) as connection:
            rows = connection.execute(statement).fetchall()
    except psycopg.ProgrammingError:
        raise BadInput(f"the meta database has no table sharding_database, or its address is wrong: {_FORM}") from None
    except psycopg.Error as error:
        raise DatabaseUnreachable(f"the meta database does not answer: {' '.join(str(error).split())}") from None
    databases = []
    for name, flavor, user, password, host, port, database in rows:
        scheme = "mysql" if flavor == "mysql" else "postgresql"
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        where = f"[{host}]" if ":" in host else host
        databases.append(Database.of(f"{scheme}://{login}@{where}:{port}/{quote(database, safe='')}", name))
    return databases


def _of_file(path: Path, variables: Mapping[str, str]) -> Iterator[Database]:
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; a URL contains ://") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f'{path} is not a list of databases ({error}): write a line name = "postgresql://..." for each'
        ) from None
    for name, url in named.items():
        if not isinstance(url, str):
            raise BadInput(f'{path}: the value of {name} is not a text: write {name} = "postgresql://..."')
        missing = [each for each in _VARIABLE.findall(url) if each not in variables]
        if missing:
            raise BadInput(f"{path}: the environment variable {missing[0]} of {name} is not set")
        # The value is quoted, since a password may contain characters with a meaning in a URL.
        yield Database.of(_VARIABLE.sub(lambda found: quote(variables[found[1]], safe=""), url), name)
