"""What is typed for a close-out: number, place and persons of the minutes, and why voting is ended early."""

from dataclasses import asdict, dataclass
from typing import Any

from api.operators.access import Acting
from api.operators.language import N_
from models.contest import Contest

MAX_NUMBER = 60
MAX_PLACE = 80
MAX_PERSONS = 12
MAX_PERSON = 150
MAX_EARLY = 500

Faults = dict[str, str]

_TOO_LONG = N_("Dài quá %(most)s ký tự.")
_ONE_LINE = N_("Chỉ ghi trên một dòng.")
_TOO_MANY = N_("Nhiều nhất %(most)s người, mỗi người một dòng.")
_PERSON_TOO_LONG = N_("Có dòng dài quá %(most)s ký tự.")
_NOT_OVER = N_("Chưa hết thời gian bình chọn. Hãy ghi lý do kết thúc sớm, hoặc chờ đến hết giờ.")
_NOT_SURE = N_("Hãy đánh dấu xác nhận: sau khi chốt, không sửa được kết quả nữa.")
_DRAFT = N_("Cuộc thi này còn là bản nháp, chưa nhận phiếu nào.")


@dataclass(frozen=True)
class Typed:
    """The form as it was typed."""

    number: str = ""
    place: str = ""
    persons: str = ""
    early: str = ""
    sure: str = ""

    def payload(self) -> dict[str, Any]:
        """Of the task `close_out`."""
        return {"number": self.number, "place": self.place, "early": self.early, "persons": self.lines}

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.persons.split("\n") if line.strip()]


def typed_of(acting: Acting) -> Typed:
    return Typed(**{name: acting.text(name) for name in asdict(Typed())})


def faults_of(acting: Acting, contest: Contest, typed: Typed, *, over: bool) -> Faults:
    """Field → what is wrong with it."""
    faults: Faults = {}
    for name, most in (("number", MAX_NUMBER), ("place", MAX_PLACE), ("early", MAX_EARLY)):
        text = getattr(typed, name)
        if len(text) > most:
            faults[name] = acting.say(_TOO_LONG, most=most)
        elif name != "early" and "\n" in text:
            faults[name] = acting.say(_ONE_LINE)
    if len(typed.lines) > MAX_PERSONS:
        faults["persons"] = acting.say(_TOO_MANY, most=MAX_PERSONS)
    elif any(len(line) > MAX_PERSON for line in typed.lines):
        faults["persons"] = acting.say(_PERSON_TOO_LONG, most=MAX_PERSON)
    if not over and not typed.early:
        faults["early"] = acting.say(_NOT_OVER)
    if not typed.sure:
        faults["sure"] = acting.say(_NOT_SURE)
    if contest.draft:
        faults[""] = acting.say(_DRAFT)
    return faults
