"""What a diagnosis says: codes, findings with their repairs, and the report as data and as text."""

from kdref.conformance.report.codes import CODES as CODES
from kdref.conformance.report.findings import VERDICTS as VERDICTS
from kdref.conformance.report.findings import Finding as Finding
from kdref.conformance.report.report import Disagreement as Disagreement
from kdref.conformance.report.report import Report as Report
