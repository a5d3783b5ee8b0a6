"""The p-value of Welch's t-test between two lists of seconds: what hyperfine's own ``scripts/welch_ttest.py`` judges by."""

import json
import sys

from scipy import stats

times = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        times.append(json.load(file))
print(stats.ttest_ind(*times, equal_var=False).pvalue)
