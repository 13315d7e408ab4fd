"""The report of a run: one HTML file that needs nothing else. Reads a run folder, imports no engine."""

from sparring.report.page import build_report as build_report
