"""Schemas as people write them with pydantic.

`schemas` prints one JSON line for each model and mode: its name, its JSON Schema.
`validate` reads one JSON line for each name with texts, and prints those that the model does not take.
"""

import json
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union
from uuid import UUID

from pydantic import (
    UUID4,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    Base64Bytes,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FilePath,
    FutureDate,
    HttpUrl,
    Json,
    NaiveDatetime,
    NegativeInt,
    NonNegativeFloat,
    PastDatetime,
    PositiveInt,
    PostgresDsn,
    RootModel,
    SecretStr,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
    TypeAdapter,
    conint,
    conlist,
    constr,
)
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict


class Color(str, Enum):
    red = "red"
    green = "green"


class Level(IntEnum):
    low = 1
    high = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "puppy"]
    tricks: list[str]


class DefaultCat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class DefaultDog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=120, description="Street and number")
    zip: str = Field(pattern=r"^\d{5}$")


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Add(BaseModel):
    op: Literal["add"] = "add"
    left: "Expression"
    right: "Expression"


class Number(BaseModel):
    op: Literal["number"] = "number"
    value: float


Expression = Annotated[Union[Add, Number], Field(discriminator="op")]
Add.model_rebuild()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Aliased(BaseModel):
    first_name: str = Field(alias="firstName")


class Point(NamedTuple):
    x: int
    y: int = 0


class Movie(TypedDict, total=False):
    title: str
    year: int


@dataclass
class Item:
    name: str
    price: float = Field(gt=0)


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: Optional[str] = None


class Invoice(BaseModel):
    id: UUID
    issued: date
    currency: Literal["EUR", "USD"]
    lines: conlist(Item, min_length=1, max_length=200)
    notes: Optional[constr(max_length=20000)] = None
    color: Color = Color.red


class Settings(BaseModel):
    name: str = Field(default="x", json_schema_extra={"examples": ["a"]})
    token: SecretStr
    path: Path
    retries: Annotated[int, Field(ge=0, le=10)] = 3


def kind_of(value):
    kind = value.get("kind") if isinstance(value, dict) else value.kind
    return "dog" if kind == "puppy" else kind


class Field1(BaseModel):
    a: Annotated[str, StringConstraints(to_lower=True, min_length=2)]


TYPES = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "None": None,
    "Any": Any,
    "bytes": bytes,
    "str of a length": constr(min_length=2, max_length=5),
    "str with a large bound": constr(max_length=100_000),
    "str of a pattern": constr(pattern=r"^[a-z]+(-[a-z]+)*$"),
    "str of a pattern and a length": constr(pattern=r"^[a-z0-9_]+$", min_length=3, max_length=32),
    "str of a pattern of Unicode letters": constr(pattern=r"^\p{Lu}\p{L}+$"),
    "SecretStr": SecretStr,
    "Path": Path,
    "FilePath": FilePath,
    "UUID": UUID,
    "UUID4": UUID4,
    "date": date,
    "datetime": datetime,
    "AwareDatetime": AwareDatetime,
    "NaiveDatetime": NaiveDatetime,
    "PastDatetime": PastDatetime,
    "FutureDate": FutureDate,
    "time": time,
    "timedelta": timedelta,
    "Decimal": Decimal,
    "Decimal with places": Annotated[Decimal, Field(max_digits=8, decimal_places=2)],
    "Decimal with bounds": Annotated[Decimal, Field(ge=0, le=100)],
    "IPv4Address": IPv4Address,
    "IPv6Address": IPv6Address,
    "IPv4Network": IPv4Network,
    "AnyUrl": AnyUrl,
    "HttpUrl": HttpUrl,
    "PostgresDsn": PostgresDsn,
    "Json": Json,
    "Base64Bytes": Base64Bytes,
    "ByteSize": ByteSize,
    "PositiveInt": PositiveInt,
    "NegativeInt": NegativeInt,
    "NonNegativeFloat": NonNegativeFloat,
    "StrictInt": StrictInt,
    "StrictBool": StrictBool,
    "int with bounds": conint(ge=1, lt=100),
    "int, multiple_of": conint(multiple_of=5),
    "float, multiple_of": Annotated[float, Field(multiple_of=0.5, ge=0, le=10)],
    "Literal": Literal["a", "b", 3, True, None],
    "Enum": Color,
    "IntEnum": Level,
    "Optional": Optional[int],
    "Union": Union[int, str, list[int]],
    "list": list[str],
    "list with bounds": conlist(int, min_length=2, max_length=4),
    "list with a large bound": conlist(str, max_length=10_000),
    "set of Enum": set[Color],
    "set of Literal": set[Literal["a", "b", "c"]],
    "set of str": set[str],
    "frozenset of bool": frozenset[bool],
    "tuple": tuple[int, str],
    "tuple of any length": tuple[int, ...],
    "NamedTuple": Point,
    "dict": dict[str, int],
    "dict of a pattern": dict[constr(pattern=r"^[a-z]+$"), int],
    "dict of Enum": dict[Color, int],
    "dict of Literal": dict[Literal["a", "b"], str],
    "dict of int": dict[int, str],
    "dict of UUID": dict[UUID, str],
    "dict of date": dict[date, float],
    "dict with bounds": Annotated[dict[str, int], Field(min_length=1, max_length=5)],
    "TypedDict": Movie,
    "dataclass": Item,
    "nested": Page[Address],
    "generic": Page[int],
    "recursive": Node,
    "strict": Strict,
    "open": Open,
    "alias": Aliased,
    "tagged union": Annotated[Union[Cat, Dog], Field(discriminator="kind")],
    "tagged union whose tags have defaults": Annotated[
        Union[DefaultCat, DefaultDog], Field(discriminator="kind")
    ],
    "list of tagged unions": list[Annotated[Union[DefaultCat, DefaultDog], Field(discriminator="kind")]],
    "tagged union by a function": Annotated[
        Union[Annotated[Cat, Tag("cat")], Annotated[Dog, Tag("dog")]], Discriminator(kind_of)
    ],
    "optional tagged union": Optional[Annotated[Union[Cat, Dog], Field(discriminator="kind")]],
    "recursive tagged union": Expression,
    "union without a tag": Union[Cat, Strict],
    "root model": RootModel[list[Address]],
    "invoice": Invoice,
    "settings": Settings,
    "constraints of a string": Field1,
}


def adapters():
    for name, type in TYPES.items():
        yield name, TypeAdapter(type)


def schemas():
    for name, adapter in adapters():
        for mode in ("validation", "serialization"):
            print(json.dumps({"name": name, "mode": mode, "schema": adapter.json_schema(mode=mode)}))


def validate():
    known = dict(adapters())
    for line in sys.stdin:
        asked = json.loads(line)
        for text in asked["texts"]:
            try:
                known[asked["name"]].validate_json(text)
            except ValueError as error:
                print(json.dumps({"name": asked["name"], "text": text, "why": str(error)}))


{"schemas": schemas, "validate": validate}[sys.argv[1]]()
