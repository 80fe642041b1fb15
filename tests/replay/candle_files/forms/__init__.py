"""One series of candles, written as exchanges, data vendors, programs and spreadsheets do.

Values are made up; columns, their order, times and numbers are those of the source.
"""

from tests.replay.candle_files.forms.exchanges import EXCHANGES
from tests.replay.candle_files.forms.others import OTHERS
from tests.replay.candle_files.forms.programs import PROGRAMS
from tests.replay.candle_files.forms.vendors import VENDORS
from tests.replay.candle_files.forms.writing import DAY, HOUR, MINUTE, Form, rows_of

__all__ = ["DAY", "FORMS", "HOUR", "MINUTE", "Form", "rows_of"]

FORMS = (*EXCHANGES, *VENDORS, *PROGRAMS, *OTHERS)
