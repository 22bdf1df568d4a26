"""The shapes of what the API answers, for its OpenAPI document. Times are RFC 3339, UTC, with milliseconds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.contest_texts import ContestTexts

RECEIPT = Field(description="20 Crockford characters in groups of four", examples=["7F3K-92QD-0A1B-2C3D-4E5F"])


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(Shape):
    """RFC 9457 problem details. `code` is stable; `detail` is for voters, in Vietnamese."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class Vote(Shape):
    status: Literal["counted", "already_voted"]
    entry_id: int
    receipt: str = RECEIPT


class Category(Shape):
    slug: str
    title: str
    title_en: str


class Switches(Shape):
    banner: str = Field(description="Stands above every page; empty where there is none")
    banner_en: str
    login_closed: bool = Field(description="No codes and no logins for now; sessions go on")


class MinutesFiles(Shape):
    pdf: str = Field(examples=["/media/0123456789abcdef0123456789abcdef.pdf"])
    json_: str = Field(alias="json")
    signature: str = Field(description="64 bytes: Ed25519, of the bytes of the JSON file")


class Contest(Shape, ContestTexts):
    id: int
    slug: str
    title: str
    result_policy: Literal["live", "hidden", "published"]
    minted_sessions: bool = Field(description="Made for demonstration or rehearsal: takes sessions of `mint-sessions`")
    state: Literal["open", "paused", "closed", "final", "not_ready"]
    opens_at: str
    closes_at: str = Field(description="The first moment that is too late")
    categories: list[Category]
    minutes_key: str = Field(description="The public key of the signed minutes: base64 of its DER (RFC 8410)")
    minutes: MinutesFiles | None = Field(description="Where the signed minutes lie once the results are published")
    switches: Switches


class PictureSize(Shape):
    width: int = Field(description="Pixels, as is the height")
    height: int
    address: str = Field(examples=["/media/0123456789abcdef0123456789abcdef.webp"])
    avif: str = Field(default="", description="The same in a smaller format; missing where there is none")


class Picture(Shape):
    alt: str
    alt_en: str
    sizes: list[PictureSize] = Field(description="The smallest first; at least one")


class Attachment(Shape):
    title: str
    title_en: str
    address: str = Field(examples=["/media/0123456789abcdef0123456789abcdef.pdf"])
    bytes: int


class Entry(Shape):
    id: int
    slug: str
    title: str
    title_en: str
    category: str
    author: str
    unit: str
    summary: str
    summary_en: str
    text: str
    text_en: str
    pictures: list[Picture]
    video: str = Field(description="A link of the https scheme, or empty")
    attachments: list[Attachment]


class Entries(Shape):
    entries: list[Entry]


class Tallies(Shape):
    tallies: dict[str, int] | None = Field(description="Entry id → votes; null where the result policy hides them")
    total: int | None
    at: str = Field(description="When the ballot box was asked")


class CorrectedEntry(Shape):
    entry_id: int
    votes: int | None = Field(description="null where the result policy hides counts")


class Correction(Shape):
    id: int
    at: str = Field(description="When it had ended")
    action: Literal["void", "restore"]
    votes: int = Field(description="How many it changed")
    entries: list[CorrectedEntry]
    whole: bool = Field(description="Whether it was not stopped midway")
    undoes: int | None = Field(description="The correction whose votes this one turned back")
    turned_back: int = Field(description="How many of its votes later corrections turned back")
    reason: str
    reason_en: str
    proposed_by: str = Field(description="The role of who proposed it")
    approved_by: str = Field(description="The role of the second operator, who approved it")


class Corrections(Shape):
    corrections: list[Correction] = Field(description="The newest first, at most 200")


class Receipt(Shape):
    status: Literal["received", "in_ledger", "voided"]
    entry_id: int | None = Field(description="Known once the vote is in the ledger")
    cast_at: str | None
    reason: str | None = Field(description="Why the vote was voided")


class BallotVote(Shape):
    entry_id: int
    receipt: str = RECEIPT


class Ballot(Shape):
    account_tag: str = Field(description="To be sent as `For-Account`; means nothing elsewhere")
    votes: list[BallotVote]


class Health(Shape):
    status: Literal["live", "ready"]
