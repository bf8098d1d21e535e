"""What logs.html does."""

from . import page_chart, page_controls, page_data, page_list

SCRIPT = r"""
"use strict";
const $ = id => document.getElementById(id);
const ROW = 21, TALLEST = 15e6, GAP = 60000, LONGEST_LINE = 2000, LONGEST_RECORD = 400000;
const ERROR = 4, CRITICAL = 5;
"""
SCRIPT += page_data.SCRIPT + page_list.SCRIPT + page_chart.SCRIPT + page_controls.SCRIPT
