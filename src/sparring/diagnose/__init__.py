"""Reads a run's records and says in a sentence what is wrong, with its evidence and one action."""

from sparring.diagnose.hints import Hint as Hint
from sparring.diagnose.hints import converged as converged
from sparring.diagnose.hints import diagnose as diagnose
from sparring.diagnose.hints import exit_code as exit_code
from sparring.diagnose.records import Records as Records
from sparring.diagnose.story import Telling as Telling
from sparring.diagnose.story import history as history
