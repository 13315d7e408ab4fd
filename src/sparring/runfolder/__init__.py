"""The run folder: the one place where a run's records are written and read."""

from sparring.runfolder.atomic import machine_errors as machine_errors
from sparring.runfolder.atomic import replace_file as replace_file
from sparring.runfolder.checkpoint import Checkpoint as Checkpoint
from sparring.runfolder.folder import FORMAT as FORMAT
from sparring.runfolder.folder import RunFolder as RunFolder
from sparring.runfolder.names import sample_images as sample_images
from sparring.runfolder.names import sample_name as sample_name
from sparring.runfolder.places import list_runs as list_runs
