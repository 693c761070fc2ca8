"""Every outcome and finding the hub can give for a figure, numbered, in one table.

V1xx belong to a pushed figure: it is refused (or kept aside, or taken converted) and the rest of the push stays. V2xx
errors block submitting, V3xx warnings do not, but some of them want a comment first. docs/validation.md shows this
table; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Rule:
    """One numbered rule. `severity`: refused, superseded, conflict, converted (of a push); error, warning (of a draft).

    `message` is English, `detail` Vietnamese; both are templates filled by `find`. `wants_comment`: a warning that must
    be explained before submitting.
    """

    code: str
    severity: str
    message: str
    detail: str
    wants_comment: bool = False

    @property
    def row(self) -> str:
        """The rule as a row of the documentation's table."""
        severity = f"{self.severity}, comment" if self.wants_comment else self.severity
        return f"| `{self.code}` | {severity} | {self.message} | {self.detail} |"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a figure (or, where `indicator` is None, the whole) did not keep, with both texts filled in.

    `cells` are the indicators whose figures take part in it, `about` their values as text: what a comment is bound to.
    """

    code: str
    severity: str
    indicator: str | None
    message: str
    detail: str
    wants_comment: bool = False
    cells: tuple[str, ...] = ()
    about: str = ""

    def among(self, *cells: str, about: str = "") -> Finding:
        """Return the finding with all the indicators that take part in it."""
        return replace(self, cells=cells, about=about)


UNREADABLE = Rule("V100", "refused", "the push cannot be read: {reason}", "Không đọc được nội dung gửi: {reason}")
UNKNOWN_FORM = Rule("V101", "refused", "there is no form {form}", "Không có biểu mẫu {form}.")
UNKNOWN_INDICATOR = Rule("V102", "refused", "there is no indicator {indicator}", "Không có chỉ tiêu {indicator}.")
UNKNOWN_UNIT = Rule(
    "V103", "refused", "there is no unit {unit} in period {period}", "Không có đơn vị {unit} trong kỳ {period}."
)
UNKNOWN_PERIOD = Rule(
    "V104", "refused", "{period} is no period of form {form}", "{period} không phải là kỳ báo cáo của biểu mẫu {form}."
)
NOT_IN_FORM = Rule(
    "V105",
    "refused",
    "{indicator} is not entered on form {form}",
    "Chỉ tiêu {indicator} không có trong biểu mẫu {form}.",
)
DERIVED = Rule(
    "V106",
    "refused",
    "{indicator} is derived by the hub from other figures and is not taken in",
    "Chỉ tiêu {indicator} do hệ thống tính từ các chỉ tiêu khác, không nhận trực tiếp.",
)
NO_OBLIGATION = Rule(
    "V107",
    "refused",
    "nobody owes form {form} for unit {unit} in period {period}",
    "Đơn vị {unit} không phải báo cáo biểu mẫu {form} kỳ {period}.",
)
OUT_OF_SCOPE = Rule(
    "V108",
    "refused",
    "unit {unit}, form {form} is outside this client's scope",
    "Đơn vị {unit}, biểu mẫu {form} ngoài phạm vi được cấp cho hệ thống gửi.",
)
NO_VALUE = Rule(
    "V109",
    "refused",
    "a figure has a value, or says that nothing occurred, not both and not neither",
    "Phải có giá trị hoặc ghi “không phát sinh”, không thể có cả hai hoặc thiếu cả hai.",
)
NOT_A_NUMBER = Rule("V110", "refused", "{value} is not a number", "“{value}” không phải là số.")
AMBIGUOUS = Rule(
    "V111",
    "refused",
    "{value} may mean a thousand times more or less; send a JSON number",
    "Không rõ “{value}” là phần nghìn hay phần thập phân; hãy gửi kiểu số.",
)
OUT_OF_RANGE = Rule(
    "V112",
    "refused",
    "{value} has more than 20 digits before or 4 after the point",
    "“{value}” có quá 20 chữ số phần nguyên hoặc 4 chữ số thập phân.",
)
NOT_INTEGER = Rule(
    "V113",
    "refused",
    "{indicator} counts whole things; {value} is not whole",
    "{indicator} phải là số nguyên, không phải {value}.",
)
BELOW_MINIMUM = Rule("V114", "refused", "{value} is below {bound}", "{value} nhỏ hơn mức thấp nhất {bound}.")
ABOVE_MAXIMUM = Rule("V115", "refused", "{value} is above {bound}", "{value} lớn hơn mức cao nhất {bound}.")
WRONG_MEASURE = Rule(
    "V116",
    "refused",
    "{indicator} is measured in {expected}; {measure} cannot be converted into it",
    "Chỉ tiêu {indicator} tính bằng “{expected}”, không quy đổi được từ “{measure}”.",
)
UNKNOWN_STATUS = Rule(
    "V117",
    "refused",
    "{status} is no status of a value (estimate, preliminary, official)",
    "“{status}” không phải là trạng thái số liệu (estimate, preliminary, official).",
)
DUPLICATE = Rule(
    "V118",
    "refused",
    "positions {first} and {second} name the same cell; neither is taken",
    "Vị trí {first} và {second} cùng một ô số liệu; không nhận cả hai.",
)
OLD_VERSION = Rule(
    "V119",
    "refused",
    "version {version} of form {form} was taken until {until}; the form is at version {current}",
    "Phiên bản {version} của biểu mẫu {form} chỉ được nhận đến hết ngày {until}; phiên bản hiện hành là {current}.",
)
UNKNOWN_VERSION = Rule(
    "V120",
    "refused",
    "form {form} has no version {version}; it is at version {current}",
    "Biểu mẫu {form} không có phiên bản {version}; phiên bản hiện hành là {current}.",
)
INEXACT = Rule(
    "V121",
    "refused",
    "{value} {measure} in {expected} has more than 4 decimals; nothing is rounded unseen",
    "{value} {measure} đổi sang {expected} có quá 4 chữ số thập phân; hệ thống không tự làm tròn.",
)
TOO_MANY_ROWS = Rule(
    "V122",
    "refused",
    "the list “{list}” has at most {rows} rows",
    "Danh sách “{list}” có nhiều nhất {rows} dòng.",
)
LABELS_DIFFER = Rule(
    "V123",
    "refused",
    "row {row} of the list “{list}” is given different labels: {labels}",
    "Dòng {row} của danh sách “{list}” có nhiều tên khác nhau: {labels}.",
)
LABEL_OF_NO_ROW = Rule(
    "V124",
    "refused",
    "{indicator} stands in no open list and takes no label",
    "Chỉ tiêu {indicator} không thuộc danh sách mở, không ghi tên dòng.",
)
SUBMITTED = Rule(
    "submission.submitted",
    "refused",
    "round {round} is submitted and waits for a decision",
    "Số liệu (lần {round}) đã gửi và đang chờ duyệt.",
)
APPROVED = Rule(
    "submission.approved",
    "refused",
    "the figures are approved; a correction starts by reopening the submission",
    "Số liệu đã được duyệt; muốn đính chính phải mở lại.",
)
WAIVED = Rule(
    "submission.waived",
    "refused",
    "the obligation is waived; nothing is owed",
    "Đơn vị đã được miễn nộp báo cáo này.",
)
NOT_OPEN = Rule(
    "submission.not_open",
    "refused",
    "figures of this period are taken from {opens}",
    "Chưa đến thời gian nhận số liệu của kỳ này (từ {opens}).",
)
CLOSED = Rule(
    "submission.closed",
    "refused",
    "figures of this period are no longer taken; its owner may open the intake by an announcement",
    "Đã hết thời gian nhận số liệu của kỳ này; cơ quan chủ trì phải thông báo mở lại.",
)
SUPERSEDED = Rule(
    "V151", "superseded", "the hub already holds a newer push for this cell", "Ô này đã có số liệu được gửi sau."
)
CONFLICT = Rule(
    "V152",
    "conflict",
    "a figure entered by hand stands ({value}); the pushed one is kept beside it for a person to decide",
    "Ô này đã nhập tay ({value}); số liệu gửi tới được giữ bên cạnh chờ người quyết định.",
)
CONVERTED = Rule(
    "V153",
    "converted",
    "{given} {measure} was taken as {value} {expected}",
    "{given} {measure} được quy đổi thành {value} {expected}.",
)
MEETS_ROLLUP = Rule(
    "V154",
    "conflict",
    "a figure rolled up from below stands ({value}); the pushed one is kept beside it for a person to decide",
    "Ô này đã có số liệu tổng hợp từ cấp dưới ({value}); số liệu gửi tới được giữ bên cạnh chờ người quyết định.",
)
MISSING = Rule(
    "V201", "error", "{indicator} is required and has no figure", "Thiếu chỉ tiêu bắt buộc {indicator} ({name})."
)
PARTS_DIFFER = Rule(
    "V202",
    "error",
    "{indicator} is {total}, its parts by {dimension} ({parts}) add up to {sum}",
    "{indicator} là {total}, nhưng tổng theo {dimension} ({parts}) là {sum}.",
)
PARTS_EXCEED = Rule(
    "V203",
    "error",
    "the parts of {indicator} given so far by {dimension} ({parts}) add up to {sum}, more than {total}",
    "Tổng các phần đã nhập của {indicator} theo {dimension} ({parts}) là {sum}, lớn hơn {total}.",
)
FORMULA_DIFFERS = Rule(
    "V204",
    "error",
    "{indicator} is {value}, its formula {formula} gives {expected}",
    "{indicator} là {value}, nhưng công thức {formula} cho {expected}.",
)
UNRESOLVED_CONFLICT = Rule(
    "V205",
    "error",
    "{indicator} is {value} ({origin}), beside it waits {beside} ({other}); a person must choose",
    "{indicator} là {value} ({origin_vi}), bên cạnh có {beside} ({other_vi}); phải chọn một.",
)
STALE_INDICATOR = Rule(
    "V206",
    "error",
    "{indicator} is no longer entered on form {form}; remove its figure",
    "Chỉ tiêu {indicator} không còn trong biểu mẫu {form}; hãy xóa số liệu.",
)
WRONG_VALUE = Rule(
    "V207",
    "error",
    "{indicator} no longer fits its definition: {reason}",
    "{indicator} không còn phù hợp với định nghĩa chỉ tiêu: {reason_vi}",
)
EMPTY = Rule("V208", "error", "there is not a single figure", "Chưa có số liệu nào.")
PART_EXCEEDS = Rule(
    "V209",
    "error",
    "{indicator} is {value}, more than {whole} ({total}) of which it is a part",
    "{indicator} là {value}, lớn hơn {whole} ({total}) mà nó là một phần.",
)
RULE_BROKEN = Rule(
    "V210",
    "error",
    "rule {rule} does not hold: {expression} ({values}). {reason}",
    "Không thỏa quy tắc {rule}: {expression} ({values}). {reason_vi}",
)
ROW_UNNAMED = Rule(
    "V211",
    "error",
    "row {row} of the list “{list}” has no label",
    "Dòng {row} của danh sách “{list}” chưa có tên.",
)
ROW_LABELS_DIFFER = Rule(
    "V212",
    "error",
    "row {row} of the list “{list}” bears several labels: {labels}",
    "Dòng {row} của danh sách “{list}” có nhiều tên: {labels}.",
)
OPTIONAL_MISSING = Rule("V301", "warning", "{indicator} has no figure", "Chưa có số liệu cho {indicator} ({name}).")
NEGATIVE = Rule(
    "V302",
    "warning",
    "{indicator} is a quantity and negative ({value})",
    "{indicator} là số lượng nhưng âm ({value}).",
    wants_comment=True,
)
FORMULA_IMPOSSIBLE = Rule(
    "V303",
    "warning",
    "{indicator} cannot be derived: {formula} divides by zero",
    "Không tính được {indicator}: công thức {formula} chia cho 0.",
)
RULE_QUESTIONED = Rule(
    "V304",
    "warning",
    "rule {rule} does not hold: {expression} ({values}). {reason}",
    "Cần xem lại theo quy tắc {rule}: {expression} ({values}). {reason_vi}",
    wants_comment=True,
)
CHANGED_SINCE_LAST_PERIOD = Rule(
    "V311",
    "warning",
    "{indicator} is {value}, {change} % against last period ({period}: {before}{how}), more than {limit} %",
    "{indicator} là {value}, thay đổi {change} % so với kỳ trước ({period}: {before}{how_vi}), quá {limit} %.",
    wants_comment=True,
)
CHANGED_SINCE_LAST_YEAR = Rule(
    "V312",
    "warning",
    "{indicator} is {value}, {change} % against the same period last year ({period}: {before}{how}), "
    "more than {limit} %",
    "{indicator} là {value}, thay đổi {change} % so với cùng kỳ năm trước ({period}: {before}{how_vi}), quá {limit} %.",
    wants_comment=True,
)
FAR_FROM_MEAN = Rule(
    "V321",
    "warning",
    "{indicator} is {value}: z-score {score}, beyond 3 (mean {centre}, standard deviation {spread} of {points} other "
    "periods{how})",
    "{indicator} là {value}: điểm z là {score}, vượt ngưỡng 3 (trung bình {centre}, độ lệch chuẩn {spread} của "
    "{points} kỳ khác{how_vi}).",
    wants_comment=True,
)
FAR_FROM_MEDIAN = Rule(
    "V322",
    "warning",
    "{indicator} is {value}: modified z-score {score}, beyond 3.5 (median {centre}, median absolute deviation {spread} "
    "of {points} other periods{how})",
    "{indicator} là {value}: điểm z hiệu chỉnh là {score}, vượt ngưỡng 3.5 (trung vị {centre}, độ lệch tuyệt đối trung "
    "vị {spread} của {points} kỳ khác{how_vi}).",
    wants_comment=True,
)
OUTSIDE_RANGE = Rule(
    "V323",
    "warning",
    "{indicator} is {value}, outside {low} to {high} ({points} other periods lie between {minimum} and {maximum}{how})",
    "{indicator} là {value}, ngoài khoảng từ {low} đến {high} ({points} kỳ khác nằm giữa {minimum} và "
    "{maximum}{how_vi}).",
    wants_comment=True,
)
ROLLUP_INCOMPLETE = Rule(
    "V331",
    "warning",
    "{count} of {expected} submissions below are not approved and not rolled up: {units}",
    "Còn {count}/{expected} bộ số liệu cấp dưới chưa được duyệt, chưa tổng hợp: {units_vi}.",
    wants_comment=True,
)
ROLLUP_OUTDATED = Rule(
    "V332",
    "warning",
    "{count} submissions below were approved since figures were rolled up: {units}; roll up again",
    "Có {count} bộ số liệu cấp dưới được duyệt sau khi tổng hợp: {units_vi}; cần tổng hợp lại.",
    wants_comment=True,
)
ROLLUP_LEAVES_OUT = Rule(
    "V333",
    "warning",
    "{indicator} is rolled up without {units}: no weight ({weight}) was reported",
    "{indicator} được tổng hợp nhưng thiếu {units_vi} vì không có quyền số ({weight}).",
    wants_comment=True,
)

RULES: tuple[Rule, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
"""All of them, in the order of the documentation."""


def find(rule: Rule, indicator: str | None = None, /, **facts: object) -> Finding:
    """Return the finding that this rule makes of these facts (the templates' fields)."""
    facts["indicator"] = indicator
    message, detail = rule.message.format(**facts).rstrip(), rule.detail.format(**facts).rstrip()
    cells = () if indicator is None else (indicator,)
    return Finding(rule.code, rule.severity, indicator, message, detail, rule.wants_comment, cells)
