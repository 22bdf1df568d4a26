"""What a verdict says: to the operator, and to the voter as the text that an answer begins with."""

from typing import NamedTuple

from api.operators.language import N_, Language
from models.finding import Facts, Finding
from models.times import milliseconds
from models.verdict import Verdict, verdict_of_claim, verdict_of_vote


class Words(NamedTuple):
    """All marked for the catalogue. `kind`: how it looks, as `notice` of parts.html has it."""

    short: str
    meaning: str
    answer: str
    kind: str


VERDICTS = {
    Verdict.COUNTED: Words(
        N_("Phiếu đã được tính"),
        N_("Hòm phiếu và sổ phiếu đều có phiếu này, và phiếu được tính vào kết quả."),
        N_("Chúng tôi đã kiểm tra: phiếu của bạn đã được nhận, đã ghi vào sổ phiếu và được tính vào kết quả."),
        "good",
    ),
    Verdict.PENDING: Words(
        N_("Đã nhận, đang chờ ghi sổ"),
        N_("Hòm phiếu đã nhận phiếu này; phiếu sẽ được ghi vào sổ phiếu trong ít giây, lâu hơn khi sổ phiếu bận."),
        N_("Chúng tôi đã kiểm tra: hòm phiếu đã nhận phiếu của bạn. Phiếu đang chờ ghi vào sổ phiếu và sẽ được tính."),
        "good",
    ),
    Verdict.VOIDED: Words(
        N_("Đã bị loại"),
        N_("Phiếu đã được nhận nhưng đã bị loại khỏi kết quả."),
        N_(
            "Chúng tôi đã kiểm tra: phiếu của bạn đã được nhận, nhưng sau đó bị loại khỏi kết quả. Nếu bạn cho rằng"
            " việc loại phiếu là nhầm, hãy trả lời để chúng tôi xem xét lại."
        ),
        "warn",
    ),
    Verdict.PARKED: Words(
        N_("Đã nhận, đang tạm giữ"),
        N_("Sổ phiếu chưa ghi được phiếu này vì lỗi dữ liệu. Phiếu không mất. Hãy báo kỹ thuật viên."),
        N_(
            "Chúng tôi đã kiểm tra: hòm phiếu đã nhận phiếu của bạn. Phiếu đang được tạm giữ vì một lỗi của hệ thống,"
            " chúng tôi đang khắc phục."
        ),
        "bad",
    ),
    Verdict.LOST: Words(
        N_("Có dấu vết của phiếu nhưng không tìm thấy phiếu"),
        N_("Điều này không bao giờ được xảy ra. Hãy báo kỹ thuật viên ngay, và giữ nguyên các ổ đĩa."),
        N_(
            "Chúng tôi thấy dấu vết cho biết phiếu của bạn đã được nhận, nhưng chưa tìm thấy phiếu. Kỹ thuật viên đang"
            " kiểm tra; chúng tôi sẽ trả lời bạn lần nữa."
        ),
        "bad",
    ),
    Verdict.NO_VOTE: Words(
        N_("Chưa có phiếu nào"),
        N_(
            "Tài khoản này chưa có phiếu được hỏi. Những lần bấm bị từ chối không được lưu lại, nên không biết được đã"
            " có lần bấm nào hay chưa."
        ),
        N_(
            "Chúng tôi đã kiểm tra: chưa có phiếu này của tài khoản bạn dùng. Nếu cuộc bình chọn còn mở, mời bạn đăng"
            " nhập lại và bình chọn; khi thấy mã phiếu là phiếu đã được nhận. Mỗi email hoặc số điện thoại là một tài"
            " khoản riêng: hãy xem bạn đã dùng địa chỉ nào."
        ),
        "warn",
    ),
    Verdict.BLOCKED: Words(
        N_("Chưa có phiếu nào, tài khoản đang bị khoá"),
        N_("Tài khoản này đang bị khoá nên không bình chọn được."),
        N_(
            "Chúng tôi đã kiểm tra: tài khoản bạn dùng đang bị khoá nên phiếu không được nhận. Nếu bạn cho rằng đây là"
            " nhầm lẫn, hãy trả lời để chúng tôi xem xét lại."
        ),
        "warn",
    ),
    Verdict.UNSURE: Words(
        N_("Chưa tra được"),
        N_("Hòm phiếu chưa trả lời, và sổ phiếu chưa có phiếu này. Hãy tra lại sau ít phút."),
        N_("Chúng tôi đã nhận được báo mất phiếu của bạn và đang kiểm tra; chúng tôi sẽ trả lời bạn lần nữa."),
        "warn",
    ),
    Verdict.NO_ACCOUNT: Words(
        N_("Chưa biết là tài khoản nào"),
        N_(
            "Người báo không đăng nhập khi báo và không cho mã phiếu. Hãy hỏi họ đã đăng nhập bằng email hoặc số điện"
            " thoại nào rồi tra ở dưới."
        ),
        N_(
            "Chúng tôi đã nhận được báo mất phiếu của bạn, nhưng chưa đủ thông tin để tìm phiếu. Xin bạn cho biết mã"
            " phiếu, hoặc email hay số điện thoại bạn đã dùng để đăng nhập."
        ),
        "warn",
    ),
}

_GREETING = N_("Chào bạn,")
_ABOUT = N_("Bạn đã báo mất phiếu với mã báo %(reference)s.")
_REASON = N_("Lý do loại phiếu: %(reason)s")
_CAST = N_("Phiếu được nhận lúc %(moment)s.")
_SIGNED = N_("Ban tổ chức %(contest)s")


def verdict_on(finding: Finding | None, entry_id: int | None, *, receipt: bool, sure: bool = True) -> Verdict:
    """What became of the vote that is asked about. `finding` None: nobody knows whose it is; `receipt`: a genuine one
    is given, which box and ledger do not know, `sure` where both could be asked.
    """
    if finding is None:
        return (Verdict.LOST if sure else Verdict.UNSURE) if receipt else Verdict.NO_ACCOUNT
    asked = finding.of(entry_id)
    others = [] if entry_id is not None else [facts.vote for facts in finding.votes]
    return verdict_of_claim(
        asked.vote if asked else None, others, sure=finding.box_ready, blocked=finding.blocked, receipt=receipt
    )


def draft(language: Language, reference: str, contest: str, verdict: Verdict, asked: Facts | None) -> str:
    """The answer that an operator starts from, in the voter's language. `asked`: the vote that it is about."""
    paragraphs = [
        language.text(_GREETING),
        f"{language.text(_ABOUT, reference=reference)} {language.text(VERDICTS[verdict].answer)}",
    ]
    if asked is not None and verdict is Verdict.VOIDED and asked.vote.reason:
        paragraphs.append(language.text(_REASON, reason=asked.vote.reason))
    if asked is not None and verdict is Verdict.COUNTED and asked.vote.cast_at:
        paragraphs.append(language.text(_CAST, moment=language.moment(milliseconds(asked.vote.cast_at))))
    return "\n\n".join([*paragraphs, language.text(_SIGNED, contest=contest)])


def vote_words(facts: Facts) -> Words:
    """Of one vote of an account."""
    return VERDICTS[verdict_of_vote(facts.vote)]
