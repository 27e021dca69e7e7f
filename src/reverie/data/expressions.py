"""Parser of groups of images by their attributes or classes, and of arithmetic over groups.

"Male & !Eyeglasses" or "cat | dog"; "Male & Eyeglasses - Male & !Eyeglasses + !Male & !Eyeglasses",
in the grammar

    sum    = ["-"] term (("+" | "-") term)*
    term   = [number "*"] group
    group  = both ("|" both)*
    both   = one ("&" one)*
    one    = "!" one | "(" group ")" | name

A name is a word of letters, digits and underscores, or anything in quotes; `-` may also be the
sign −.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from reverie.core.errors import UserError, nearest
from reverie.core.options import InvalidValue, coerce

Mask = Bool[np.ndarray, " n"]


Lookup = Callable[[str], Mask]


Group = Callable[[Lookup], Mask]
"""From what looks an attribute up to the mask of the members."""


TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d*)?|\.\d+)(?![\w.])|(\w+)|([-−+*&|!()])|\"([^\"]*)\"|'([^']*)')"
)


MOST_TOKENS = 150
"""An expression is parsed and evaluated by recursion."""


@dataclass(frozen=True)
class GroupTerm:
    """Weight of a group, its expression, and the function from attributes to its member mask."""

    weight: float
    text: str
    members: Group


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int
    end: int


def parse_sum(text: str, names: Sequence[str]) -> list[GroupTerm]:
    """Terms of an expression of latent arithmetic.

    Args:
        text: expression in the grammar above.
        names: the known attributes.

    Raises:
        UserError: if the syntax is wrong or an attribute is unknown; a mark points at the position.
    """
    return _Parser(text, names).sum()


def parse_group(text: str, names: Sequence[str]) -> Group:
    """The function from attributes or classes to the mask of a group's members.

    Args:
        text: a group in the grammar above.
        names: the known attributes and classes.

    Raises:
        UserError: if the syntax is wrong or a name is unknown; a mark points at the position.
    """
    return _Parser(text, names).group()


class _Parser:
    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names = text, names
        self.tokens = list(self._tokens())
        if len(self.tokens) > MOST_TOKENS:
            raise UserError(f"an expression has {MOST_TOKENS} words and signs at most.")
        self.position = 0

    def _tokens(self):
        place = 0
        end = len(self.text.rstrip())
        while place < end:
            match = TOKEN.match(self.text, place)
            if not match:
                start = place + len(self.text[place:]) - len(self.text[place:].lstrip())
                raise self._wrong(f"{self.text[start]!r} is not part of the syntax", start)
            number, word, sign, *quoted = match.groups()
            kind = "number" if number else "sign" if sign else "name"
            found = next(x for x in (number, word, sign, *quoted) if x is not None)
            start = match.end() - len(match.group().lstrip())
            yield _Token(kind, "-" if found == "−" else found, start, match.end())
            place = match.end()

    def _wrong(self, what: str, place: int) -> UserError:
        return UserError(
            f"{what}{'' if what.endswith('?') else ':'}\n  {self.text}\n  {' ' * place}^"
        )

    def _next(self) -> _Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def _takes(self, *signs: str) -> str | None:
        token = self._next()
        if token is not None and token.kind == "sign" and token.text in signs:
            self.position += 1
            return token.text
        return None

    def group(self) -> Group:
        members = self._either()
        left = self._next()
        if left is not None:
            raise self._wrong(f"expected & or | before {left.text!r}", left.place)
        return members

    def sum(self) -> list[GroupTerm]:
        terms = [self._term(-1.0 if self._takes("-") else 1.0)]
        while (sign := self._takes("+", "-")) is not None:
            terms.append(self._term(-1.0 if sign == "-" else 1.0))
        left = self._next()
        if left is not None:
            raise self._wrong(f"expected + or - before {left.text!r}", left.place)
        return terms

    def _term(self, sign: float) -> GroupTerm:
        token = self._next()
        weight = sign
        if token is not None and token.kind == "number" and not self._is_name(token):
            self.position += 1
            try:
                weight *= coerce(float, float(token.text))
            except InvalidValue as invalid:
                raise self._wrong(f"a weight must be {invalid}", token.place) from None
            if not self._takes("*"):
                raise self._wrong("a number is followed by * and a group", self._here())
        start = self._here()
        members = self._either()
        end = self.tokens[self.position - 1]
        return GroupTerm(weight, self.text[start : end.end].strip(), members)

    def _is_name(self, token: _Token) -> bool:
        """Whether a number is a name here: a class of digits, and no weight before `*`."""
        after = self.tokens[self.position + 1 : self.position + 2]
        weighs = bool(after) and after[0].text == "*"
        return token.kind == "number" and token.text in self.names and not weighs

    def _here(self) -> int:
        token = self._next()
        return len(self.text.rstrip()) if token is None else token.place

    def _either(self) -> Group:
        members = self._both()
        while self._takes("|"):
            members = _or(members, self._both())
        return members

    def _both(self) -> Group:
        members = self._one()
        while self._takes("&"):
            members = _and(members, self._one())
        return members

    def _one(self) -> Group:
        if self._takes("!"):
            inner = self._one()
            return lambda lookup: ~inner(lookup)
        if self._takes("("):
            opened = self.tokens[self.position - 1].place
            members = self._either()
            if not self._takes(")"):
                raise self._wrong("this parenthesis is not closed", opened)
            return members
        token = self._next()
        if token is None or (token.kind != "name" and not self._is_name(token)):
            found = "the end" if token is None else repr(token.text)
            raise self._wrong(f"expected the name of an attribute, not {found}", self._here())
        if token.text not in self.names:
            hint = nearest(token.text, self.names)
            raise self._wrong(f"there is no attribute {token.text!r}; {hint}", token.place)
        self.position += 1
        return lambda lookup: lookup(token.text)


def _or(one: Group, other: Group):
    return lambda lookup: one(lookup) | other(lookup)


def _and(one: Group, other: Group):
    return lambda lookup: one(lookup) & other(lookup)
