"""From any source of pictures to packed, memory-mapped parts: `open_data` is the one entry."""

from sparring.data.open import inspect_data as inspect_data
from sparring.data.open import open_data as open_data
from sparring.data.opened import Data as Data
from sparring.data.opened import Part as Part
from sparring.data.report import DataReport as DataReport
from sparring.data.report import describe as describe
from sparring.data.spec import ImageSpec as ImageSpec
from sparring.data.spec import SequenceSpec as SequenceSpec
from sparring.data.spec import Spec as Spec
from sparring.data.spec import TableSpec as TableSpec
from sparring.data.spec import TokenSpec as TokenSpec
