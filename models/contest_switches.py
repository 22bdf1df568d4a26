"""What operators switch while everything runs and voters' pages show: it goes to every API process with the published
document (`models/site_document.py`), within a second. What voters are not shown stands in `models/scratch/switches.py`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.contest_fields import OptionalLine
from models.proof_of_work import STEPS


class Switches(BaseModel):
    """The switches of a contest, as they stand; without a word of an operator all are off."""

    model_config = ConfigDict(frozen=True, strict=True)

    banner: OptionalLine = ""
    """Stands above every voters' page; empty: there is none."""
    banner_en: OptionalLine = ""
    login_closed: bool = False
    """No codes and no logins; who is logged in goes on voting."""
    proof_floor: int = Field(default=0, ge=0, lt=len(STEPS))
    """The least step of the proof of work (`models/proof_of_work.py`)."""


NO_SWITCHES: dict[str, Any] = Switches().model_dump()
SHOWN = ("banner", "banner_en", "login_closed")
"""What `/api/contest` tells."""
