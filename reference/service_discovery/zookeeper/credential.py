"""A credential for ZooKeeper by digest authentication, and the ACL that lets only its holder change a node."""

from __future__ import annotations

from dataclasses import dataclass, field

from kazoo.security import ACL, make_acl, make_digest_acl

from reference.service_discovery.errors import BadInput


@dataclass(frozen=True)
class Credential:
    """A user and a password, the same for all that register.

    ZooKeeper keeps a digest (SHA-1 of both), but the password crosses the network as it is: use TLS.
    (ZooKeeper Programmer's Guide, "Builtin ACL Schemes": digest.)

    Attributes:
        user: Not empty, without a colon.
        password: Not empty.

    Raises:
        BadInput: The user or the password is empty, or the user has a colon; the message does not repeat the password.
    """

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.user or ":" in self.user:
            raise BadInput(f"a user is not empty and has no ':', unlike {self.user!r}")
        if not self.password:
            raise BadInput("a password is not empty")

    @classmethod
    def from_text(cls, text: str) -> Credential:
        """Read `USER:PASSWORD`.

        Raises:
            BadInput: It is not of this form; the message does not repeat it.
        """
        user, colon, password = text.partition(":")
        if not colon:
            raise BadInput("a credential is written USER:PASSWORD")
        return cls(user, password)

    @property
    def auth(self) -> tuple[str, str]:
        """The scheme and the credential in the form that ZooKeeper takes."""
        return "digest", f"{self.user}:{self.password}"

    @property
    def acl(self) -> list[ACL]:
        """The ACL that allows everything to the credential's holder, and reading to everybody."""
        return [make_digest_acl(self.user, self.password, all=True), make_acl("world", "anyone", read=True)]
